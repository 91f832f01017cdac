"""Answers that keep a constraint: a question's own, cut to whole sentences, with what the constraint's file puts around them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datagen.domains.lines import Line, Lines, lead_in
from datagen.domains.phrasing import Dice, tidy
from datagen.domains.qa import QaDomain, Second
from datagen.text.constraints import keeps, plain_words, sentences

MAX_WORDS = 50
"""Words of one answer, at most: no longer is spoken as one turn."""
MIN_CUT = 6
"""Words of an answer that is cut to its first sentences, at least: less of it says too little."""
TRIES = 4
"""Draws of an item's answer before it counts as one that cannot keep the constraint."""

_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|isn't|aren't|don't|doesn't|so|wait)\b",
    re.I,
)
_KEY = re.compile(r"[a-z]{4,9}")
_FULL = {
    "won't": "will not", "can't": "cannot", "shan't": "shall not", "let's": "let us", "i'm": "I am", "it's": "it is", "that's": "that is",
    "there's": "there is", "here's": "here is", "what's": "what is", "who's": "who is", "where's": "where is", "when's": "when is",
    "how's": "how is", "he's": "he is", "she's": "she is", "one's": "one is", "everyone's": "everyone is", "nobody's": "nobody is",
}  # fmt: skip
_ENDINGS = (("n't", " not"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"), ("'m", " am"), ("'d", " would"))
_TOKEN = re.compile(r"[A-Za-z]+'[a-z]+")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may be asked: a question of the topics, or one of its second questions (`second`, its number from 0).

    `wrong` where the user draws a wrong conclusion, and the answer corrects it.
    """

    question: str
    second: int | None
    subject: Line
    asks: Lines
    answers: Lines
    examples: Lines
    wrong: bool

    @property
    def id(self) -> str:
        return self.question if self.second is None else f"{self.question}#{self.second}"


@dataclass(frozen=True, slots=True)
class Frame:
    """What a constraint's file says about answers: what may come before and after them, and which questions it is for."""

    head: Lines = ()
    tail: Lines = ()
    example: Lines = ()
    yes_no: bool = False


def items_of(domain: QaDomain, question: str) -> list[Item]:
    """A question and its second questions that somebody asks in words of their own."""
    asked = domain.questions[question]
    examples = tuple(a for s in asked.seconds if s.type == "example" for a in s.answers)

    def item(number: int | None, asks: Lines, answers: Lines, wrong: bool) -> Item:
        return Item(question, number, asked.subject, asks, answers, examples if number is None else (), wrong)

    found = [item(None, asked.asks, asked.answers, False)]
    kinds = ("follow_up", "why", "clarify", "misunderstanding")
    seconds: list[tuple[int, Second]] = [(i, s) for i, s in enumerate(asked.seconds) if s.type in kinds]
    return found + [item(i, s.asks, s.answers, s.type == "misunderstanding") for i, s in seconds]


def fitted(item: Item, constraint: Mapping[str, Any], frame: Frame, dice: Dice) -> str | None:
    """An answer to the item that keeps the constraint; None where none of a few draws does."""
    if frame.yes_no and not (item.wrong or _YES_NO.match(item.asks[0].forms(1)[0])):
        return None
    for _ in range(TRIES):
        text = item.answers[dice.index(len(item.answers))].say(dice)
        for version in _versions(item, text, constraint, frame, dice):
            if len(version.split()) <= MAX_WORDS and keeps(constraint, version):
                return version
    return None


def free_answer(item: Item, dice: Dice) -> str:
    """An answer without a constraint."""
    return item.answers[dice.index(len(item.answers))].say(dice)


def framed(line: Line, constraint: Mapping[str, Any], dice: Dice) -> str:
    """A line of a constraint's file, with the constraint's parameters in it."""
    return tidy(line.say(dice, {k: str(v) for k, v in constraint.items()}))


def _versions(item: Item, text: str, constraint: Mapping[str, Any], frame: Frame, dice: Dice) -> Iterator[str]:
    """The ways in which an answer may be given: whole, then shorter; plain, then with what the file puts around it."""
    if constraint["type"] == "no_contractions":
        text = in_full(text)
    if frame.yes_no and item.wrong and plain_words(text)[:1] not in (["yes"], ["no"]):
        text = lead_in("No,", text) if lead_in("No,", text) != text else f"No. {text}"
    parts = sentences(text)
    cuts = [cut for cut in (" ".join(parts[:2]), parts[0]) if len(cut.split()) >= MIN_CUT]
    bases = list(dict.fromkeys((text, *cuts)))
    yield from bases
    if frame.yes_no:
        yield f"{parts[0].split()[0].strip(',.!?')}."
    slots = {k: str(v) for k, v in constraint.items()}
    key = _key_of(item)
    if key:
        slots |= {"key": key, "spelled": "-".join(key.upper())}
    for base in bases:
        for line in _shuffled(frame.head, dice):
            if line.slots <= set(slots):
                yield lead_in(line.say(dice, slots), base)
        for line in _shuffled(frame.tail, dice):
            if line.slots <= set(slots):
                yield f"{base} {line.say(dice, slots)}"
        for line in _shuffled(frame.example if item.examples else (), dice):
            example = item.examples[dice.index(len(item.examples))].say(dice)
            if not example.lower().startswith("for "):
                yield f"{base} {lead_in(line.say(dice), example)}"


def _shuffled(lines: Lines, dice: Dice) -> list[Line]:
    left, out = list(lines), []
    while left:
        out.append(left.pop(dice.index(len(left))))
    return out


def _key_of(item: Item) -> str:
    """The word that the question is about, if it is one to be spelled: the last of its subject's."""
    about = [w for w in plain_words(item.subject.forms(1)[0]) if _KEY.fullmatch(w)]
    return about[-1] if about else ""


def in_full(text: str) -> str:
    """The text without contractions: "it's" as "it is"; a possessive stays."""

    def full(match: re.Match[str]) -> str:
        word = match.group()
        low = word.lower()
        out = _FULL.get(low)
        if out is None:
            ending = next(((a, b) for a, b in _ENDINGS if low.endswith(a)), None)
            out = low if ending is None else low.removesuffix(ending[0]) + ending[1]
            if ending is None:
                return word
        return out[:1].upper() + out[1:] if word[0].isupper() else out

    return _TOKEN.sub(full, text)
