"""Constraints that a user sets and an agent keeps ("one sentence from now on"), each checked by code on the text alone.

A constraint is JSON: {"type": …, its parameters, "from_turn": k, "until_turn": m, "then": {…}}. Turn `from_turn` is the user's
that sets it; the agent keeps it in every later turn, up to `until_turn`, the user's turn that lifts it; `then` is the constraint
that takes its place, from that turn on.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]

_ABBREVIATIONS = frozenset(("dr.", "mr.", "mrs.", "ms.", "st.", "vs.", "etc.", "e.g.", "i.e."))
_CONTRACTED = re.compile(
    r"\b\w+(?:n't|'re|'ve|'ll|'d|'m)\b|\b(?:it|that|there|here|what|who|where|when|how|he|she|let|one|everyone|nobody)'s\b",
    re.I,
)
_NUMBERS = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety|hundreds?|thousands?|millions?|billions?|trillions?|dozens?)\b",
    re.I,
)
_SPELLED = re.compile(r"\b[A-Z](?:-[A-Z]){2,}\b")
_EXAMPLE = re.compile(r"\bfor (?:example|instance)\b", re.I)
_SURE = re.compile(r"\b(?:sure|certain|confident)\b", re.I)
_BOUNDS = ("type", "from_turn", "until_turn", "then")


def sentences(text: str) -> list[str]:
    """The sentences of a spoken text: they end at a stop, which the dot of a number or of `Dr.` is not."""
    found: list[list[str]] = [[]]
    for word in text.split():
        found[-1].append(word)
        if word.endswith((".", "!", "?")) and word.lower() not in _ABBREVIATIONS:
            found.append([])
    return [" ".join(words) for words in found if words]


def plain_words(text: str) -> list[str]:
    """The words in small letters without stops."""
    return [w for w in (word.strip(",.?!;:\"'()").lower() for word in text.split()) if w]


def _has(text: str, phrase: str) -> bool:
    return f" {' '.join(plain_words(phrase))} " in f" {' '.join(plain_words(text))} "


def _starts(text: str, phrase: str) -> bool:
    wanted = plain_words(phrase)
    return plain_words(text)[: len(wanted)] == wanted


def _ends(text: str, phrase: str) -> bool:
    wanted = plain_words(phrase)
    return plain_words(text)[-len(wanted) :] == wanted


def _spells(text: str, values: Values) -> bool:
    """Whether a word that the text says is spelled in it, letter by letter."""
    said = set(plain_words(text))
    return any(found.replace("-", "").lower() in said for found in _SPELLED.findall(text))


def _short_pair(text: str, values: Values) -> bool:
    found = sentences(text)
    return len(found) == 2 and all(len(s.split()) <= values["words"] for s in found)


@dataclass(frozen=True, slots=True)
class Rule:
    """A type of constraint: its parameters with their types, and whether a text of the agent's keeps it."""

    parameters: Mapping[str, type]
    keeps: Callable[[str, Values], bool]


RULES: dict[str, Rule] = {
    "one_sentence": Rule({}, lambda t, v: len(sentences(t)) == 1),
    "two_sentences": Rule({"words": int}, _short_pair),
    "max_words": Rule({"n": int}, lambda t, v: len(t.split()) <= v["n"]),
    "min_words": Rule({"n": int}, lambda t, v: len(t.split()) >= v["n"]),
    "begin_with": Rule({"word": str}, lambda t, v: _starts(t, v["word"])),
    "never_begin": Rule({"word": str}, lambda t, v: not _starts(t, v["word"])),
    "end_with": Rule({"word": str}, lambda t, v: _ends(t, v["word"])),
    "end_question": Rule({}, lambda t, v: t.rstrip().endswith("?")),
    "no_questions": Rule({}, lambda t, v: "?" not in t),
    "avoid_word": Rule({"word": str}, lambda t, v: not _has(t, v["word"])),
    "say_word": Rule({"word": str}, lambda t, v: _has(t, v["word"])),
    "say_name": Rule({"name": str}, lambda t, v: _has(t, v["name"])),
    "no_numbers": Rule({}, lambda t, v: not _NUMBERS.search(t)),
    "no_contractions": Rule({}, lambda t, v: not _CONTRACTED.search(t)),
    "yes_no_first": Rule({}, lambda t, v: plain_words(t)[:1] in (["yes"], ["no"])),
    "yes_no_only": Rule({}, lambda t, v: plain_words(t) in (["yes"], ["no"])),
    "give_example": Rule({}, lambda t, v: _EXAMPLE.search(t) is not None),
    "spell_out": Rule({}, _spells),
    "say_how_sure": Rule({}, lambda t, v: bool(sentences(t)) and _SURE.search(sentences(t)[-1]) is not None),
}
"""The types of constraints, by name."""


def fault(constraint: Values) -> str:
    """What is wrong with a constraint by its type's parameters; "" where nothing is."""
    rule = RULES.get(str(constraint.get("type")))
    if rule is None:
        return f"there is no type {constraint.get('type')!r} of constraint. There are: {', '.join(RULES)}."
    for name, kind in rule.parameters.items():
        value = constraint.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) or not value:
            return f"{constraint['type']} needs {name} ({kind.__name__}), and has {value!r}."
    foreign = sorted(set(constraint) - set(rule.parameters) - set(_BOUNDS))
    return f"{constraint['type']} has no parameter {foreign[0]!r}." if foreign else ""


def keeps(constraint: Values, text: str) -> bool:
    """Whether a text keeps a constraint; ValueError for one that is none."""
    wrong = fault(constraint)
    if wrong:
        raise ValueError(wrong)
    return bool(text.strip()) and RULES[constraint["type"]].keeps(text, constraint)


def broken(constraint: str, turns: Sequence[tuple[bool, str]]) -> Iterator[tuple[int | None, str]]:
    """Where a dialogue breaks its constraint: the turn (None: the constraint itself) and one line with the numbers.

    `turns` are (whether it is the agent's, text).
    """
    try:
        current: Any = json.loads(constraint)
    except ValueError:
        current = None
    after = -1
    while True:
        wrong = _ill_formed(current, turns, after)
        if wrong:
            yield None, wrong
            return
        first, last = current["from_turn"], current.get("until_turn", len(turns))
        for index in range(first + 1, min(last, len(turns))):
            is_agent, text = turns[index]
            if is_agent and not keeps(current, text):
                yield (
                    index,
                    f"breaks {told(current)} of turn {first}: {len(sentences(text))} sentences, {len(text.split())} words, {text!r}.",
                )
        if "then" not in current:
            return
        current, after = current["then"], last - 1


def spans(constraint: str, n_turns: int) -> Iterator[tuple[int, int]]:
    """Of a well-formed constraint, and those that take its place: the turn that sets it, and the turn that ends it."""
    current = json.loads(constraint)
    while current:
        yield current["from_turn"], min(current.get("until_turn", n_turns), n_turns)
        current = current.get("then")


def _ill_formed(constraint: Any, turns: Sequence[tuple[bool, str]], after: int) -> str:
    if not isinstance(constraint, dict):
        return f"the constraint is no JSON object: {constraint!r}."
    first, last = constraint.get("from_turn"), constraint.get("until_turn", len(turns))
    if not isinstance(first, int) or not isinstance(last, int) or not after < first < last:
        return f"the constraint holds from turn {first} until turn {last}, after turn {after}."
    if "then" in constraint and "until_turn" not in constraint:
        return "another constraint takes its place, and it does not say in which turn (until_turn)."
    if first < len(turns) and turns[first][0]:
        return f"the constraint is set in turn {first}, which is the agent's."
    return fault(constraint)


def told(constraint: Values) -> str:
    """A constraint for a person: `max_words (n = 12)`."""
    values = ", ".join(f"{k} = {v}" for k, v in constraint.items() if k not in _BOUNDS)
    return f"{constraint['type']} ({values})" if values else str(constraint["type"])


def shifted(constraint: str, at: int) -> str:
    """The constraint after a turn was put in as turn `at`."""

    def moved(values: dict[str, Any]) -> dict[str, Any]:
        out = dict(values)
        for name in ("from_turn", "until_turn"):
            if name in out and out[name] >= at:
                out[name] += 1
        if "then" in out:
            out["then"] = moved(out["then"])
        return out

    return json.dumps(moved(json.loads(constraint)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
