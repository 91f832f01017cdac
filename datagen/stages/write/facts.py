"""The facts of a role context as the gate on contradictions compares them: clauses with values, and what facts rule out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from datagen.stages.write.stems import stem
from datagen.text.forms import Value, ValueType
from datagen.text.values import values_of
from datagen.text.wordlist import words

GENERIC = frozenset(
    stem(w)
    for w in words(
        "cost charge fee pay price rate open close end start begin take run come last need go have get give make offer allow accept "
        "provide available possible"
    )
)
"""Stems that say no more than that there is a value, or a rule."""
NO_STEM = frozenset(("",))
DOUBTFUL = words(
    "if unless whether once when after before except only instead another other than or usually normally sometimes maybe perhaps would "
    "could might ask asked said say says wish hope apart otherwise now"
)
"""Words with which nothing is certain."""
_NOTHING = frozenset[str]()
_SELF = frozenset(map(stem, ("agent", "staff", "desk", "clerk", "employee", "representative")))
_NEGATION = re.compile(
    r"\b(?:is not|are not|may not|do not|does not|cannot|can't|don't|doesn't|aren't|isn't|won't|never|there's no|there is no)\b"
)
_FREE = re.compile(r"\b(?:free of charge|(?:is|are|it's|they're) free|costs? nothing|(?:is|are) included)\b")
_RULING = words("not cannot can't don't doesn't aren't isn't won't never there's there closed free nothing included")
"""Words of which a fact has one that rules something out, says that it is closed, or free."""
_LIMITED = re.compile(
    r"\b(?:only|unless|except|without|until|before|after|more than|less than|older|later|if|when|yet|while|always|once|first)\b|[,:\d$]"
)
"""In a fact that rules something out, what limits it: then it is not certain what it rules out."""
_SHUT = re.compile(r"\b(?:is|are|stays|remains) closed (?:until|till|for|this|today|now)\b")
_SENTENCES = re.compile(r"(?<=[.;?!])\s+")
_MARKS = frozenset(".;?!,:")
_JOINTS = frozenset(("and", "but", "so", "while"))
_MOST_STEMS = 6
_START, _END = "Information: ", " Tools: "


@dataclass(slots=True)
class Clause:
    """A piece of a text: the stems that say what it is about, those that it shares with many, its values and its words."""

    stems: frozenset[str]
    generic: frozenset[str]
    values: Sequence[Value]
    words: Sequence[str]
    asks: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What a fact rules out (`core`, its stems), what it says is closed for now (`shut`) or costs nothing (`free`), and the fact."""

    told: str
    core: frozenset[str] = _NOTHING
    shut: frozenset[str] = _NOTHING
    free: frozenset[str] = _NOTHING


@dataclass(frozen=True, slots=True)
class Facts:
    """What a role context says: values in their clauses, rules, and all stems of the clauses."""

    valued: tuple[Clause, ...]
    rules: tuple[Rule, ...]
    stems: frozenset[str]


@lru_cache(maxsize=256)
def facts_of(context: str) -> Facts:
    """The facts of a role context, from "Information:" on, without its tools."""
    start, end = context.find(_START), context.find(_END)
    begin = start + len(_START) if start >= 0 else 0
    n_before = len(context[:begin].split())
    body = context[: end if end >= 0 else None]
    raw = body.split()
    valued = tuple(clauses_of(raw, [v for v in values_of(context) if n_before <= v.word < len(raw)], n_before))
    rules = tuple(r for s in _SENTENCES.split(body[begin:]) if (r := _rule(s)) is not None)
    return Facts(valued, rules, frozenset(s for c in valued for s in c.stems))


@lru_cache(maxsize=16384)
def _rule(sentence: str) -> Rule | None:
    low = sentence.lower()
    if _RULING.isdisjoint(low.rstrip(".;").split()):
        return None
    found = _NEGATION.search(low)
    if found and not _LIMITED.search(low):
        subject, predicate = _stems(low[: found.start()]), _stems(low[found.end() :])
        core = (predicate if subject & _SELF else subject | predicate) - GENERIC
        return Rule(sentence, core=core) if 1 <= len(core) <= _MOST_STEMS else None
    closed, free = _SHUT.search(low), _FREE.search(low)
    if closed and not found:
        return Rule(sentence, shut=_stems(low[: closed.start()]))
    if free and not found and not _LIMITED.search(low):
        return Rule(sentence, free=_stems(low[: free.start()]) - {stem("stay")})
    return None


def _stems(low: str) -> frozenset[str]:
    return frozenset(stem(w) for w in low.split()) - NO_STEM


def clauses_of(raw: Sequence[str], values: Sequence[Value], start: int = 0) -> Iterator[Clause]:
    """The pieces of a text that have values and are about one thing each: sentences, cut at commas and conjunctions where both sides
    have words of their own and values; what only reacts ("No,") is left out. `values` are those of the whole text."""
    values = [v for v in values if not v.idiom and v.type is not ValueType.NAME]
    if not values:
        return
    stems = list(map(stem, raw))
    inner: set[int] = set()
    for value in values:
        stems[value.word : value.word + value.n_words] = [""] * value.n_words
        inner.update(range(value.word, value.word + value.n_words - 1))
    begin = cut = start  # where the clause begins, and where its last piece does
    first = before = 0  # … and its first value, and the first of that piece
    own = False  # whether the clause before that piece has words of its own
    ends = [i for i, w in enumerate(raw) if w[-1] in _MARKS or w in _JOINTS]
    for end in [*ends, len(raw) - 1]:
        mark = raw[end][-1]
        at = end if mark in _MARKS or end + 1 == len(raw) else end - 1  # the last word before the cut
        if at < cut or (at in inner and at + 1 < len(raw)):
            continue
        stop = at + 1 == len(raw) or mark in ".;?!"
        after = before
        while after < len(values) and values[after].word <= at:
            after += 1
        last = any(s and s not in GENERIC for s in stems[cut : at + 1])
        if own and last and first < before < after:
            yield _clause(raw, values[first:before], stems, begin, cut, asks=False)
            begin, first, own = cut, before, False
        elif not stop and not own and not last and first == after and _is_reaction(raw[begin : at + 1]):
            begin = at + 1
        own, cut, before = own or last, at + 1, after
        if stop:
            if first < after:
                yield _clause(raw, values[first:after], stems, begin, cut, asks=mark == "?")
            begin, first, own = cut, after, False


def _is_reaction(raw: Sequence[str]) -> bool:
    """Whether a piece without a word of its own only reacts ("It isn't,"), and makes nothing doubtful."""
    return DOUBTFUL.isdisjoint(w.lower().strip(",.:") for w in raw)


def _clause(
    raw: Sequence[str], values: Sequence[Value], stems: Sequence[str], begin: int, end: int, asks: bool
) -> Clause:
    found = frozenset(stems[begin:end]) - NO_STEM
    return Clause(found - GENERIC, found & GENERIC, values, raw[begin:end], asks)
