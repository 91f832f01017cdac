"""The gate on contradictions: the agent says another value where a fact has one, or offers what a fact rules out.

It works by rules, and what is not certain passes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.said import said
from datagen.stages.write.stems import stem
from datagen.text.forms import Value, ValueType
from datagen.text.values import values_of
from datagen.text.wordlist import words

_NEGATIVE = words(
    "not no never cannot can't don't doesn't didn't isn't aren't wasn't won't wouldn't couldn't haven't hasn't nobody nothing none "
    "neither nor without unable unfortunately afraid sorry mustn't shouldn't unavailable"
)
_DOUBTFUL = words(
    "if unless whether once when after before except only instead another other than or usually normally sometimes maybe perhaps would "
    "could might ask asked said say says wish hope apart otherwise under over above below with up least most now"
)
_SUMMED = words(
    "altogether together total all sum plus minus left instead save saved less more extra each both rest remaining"
)
_GENERIC = frozenset(
    stem(w)
    for w in words(
        "cost charge fee pay price rate open close end start begin take run come last need go have get give make offer allow accept "
        "provide available possible"
    )
)
"""Stems that say no more than that there is a value, or a rule."""
_BOUNDS = (frozenset(map(stem, ("open", "start", "begin"))), frozenset(map(stem, ("close", "end"))))
_SELF = frozenset(map(stem, ("agent", "staff", "desk", "clerk", "employee", "representative")))
_NEGATION = re.compile(
    r"\b(?:is not|are not|may not|do not|does not|cannot|can't|don't|doesn't|aren't|isn't|won't|never|there's no|there is no)\b"
)
_RULING = words("not cannot can't don't doesn't aren't isn't won't never there's there closed")
"""Words of which a fact has one that rules something out, or says that it is closed."""
_EDGES = " .,?!;:…\"'()"
_LIMITED = re.compile(
    r"\b(?:only|unless|except|without|until|before|after|more than|less than|older|later|if|when|yet|while|always)\b|[,:\d$]"
)
"""In a fact that rules something out, what limits it: then it is not certain what it rules out."""
_SHUT = re.compile(r"\b(?:is|are|stays|remains) closed (?:until|till|for|this|today|now)\b")
_IS_OPEN = re.compile(r"(?:\b(?:is|are)|'s|'re) (?:already )?open$")
_PRICED = re.compile(
    r"(?:and |but |so )?(?:the |our |an? |your |yes, )?[a-z-]+(?:'s| is| are| costs?| would be| will be|'ll be) "
)
_SENTENCES = re.compile(r"(?<=[.;?!])\s+")
_MARKS = frozenset(".;?!,:")
_JOINTS = frozenset(("and", "but", "so", "while"))
_MOST_STEMS = 6


@dataclass(slots=True)
class _Clause:
    """A piece of a text: the stems that say what it is about, those that it shares with many, its values and its words."""

    stems: frozenset[str]
    generic: frozenset[str]
    values: Sequence[Value]
    words: Sequence[str]
    asks: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a role context says: values in their clauses, what is ruled out, and what is closed for now; each with its sentence."""

    valued: tuple[_Clause, ...]
    ruled_out: tuple[tuple[frozenset[str], str], ...]
    shut: tuple[tuple[str, str], ...]
    stems: frozenset[str]


def contradiction(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects the agent's first value that is another one than the fact's in whose words it stands (`contradiction_value`), and its
    first offer of what a fact rules out (`contradiction_policy`); calls alone."""
    if plan.kind not in (Kind.SERVICE, Kind.TOOL):
        return None
    facts = _facts(transcript.role_context)
    given: set[str] = set()
    for turn in transcript.turns:
        if turn.speaker is Speaker.USER:
            for value in values_of(turn.text):
                given.update(value.gives)
            continue
        values = values_of(turn.text)
        if any(map(_classes, values)):
            for clause in _clauses(turn.text.split(), values):
                if _contradicts(clause, facts, given):
                    what = f"the agent says {' '.join(clause.words)!r}, and a fact has another value there."
                    return Failure("contradiction_value", f"{transcript.dialog_id} turn {turn.index}: {what}")
        broken = _promise(turn.text, facts)
        if broken:
            what = f"the agent says {broken[0]!r}, and a fact says {broken[1]!r}"
            return Failure("contradiction_policy", f"{transcript.dialog_id} turn {turn.index}: {what}")
    return None


def _contradicts(clause: _Clause, facts: _Facts, given: set[str]) -> bool:
    """Whether the facts about what a clause is about have values of the class of its one value, and none of them is that value."""
    if clause.asks or len(clause.values) != 1 or not clause.stems:
        return False
    value = clause.values[0]
    kinds = _classes(value)
    if not kinds or facts.stems.isdisjoint(clause.stems) or not given.isdisjoint(value.needs):
        return False
    about: list[tuple[int, _Clause]] = []
    for fact in facts.valued:
        n = len(clause.stems & fact.stems)
        if n and any(_same(value, v) for v in fact.values):
            return False
        if n and any(kinds & _classes(v) for v in fact.values if not _bare(v)) and _same_bound(clause, fact):
            about.append((n, fact))
    best = max((n for n, _ in about), default=0)
    nearest = [f for n, f in about if n == best]
    if len(nearest) != 1 or not (best >= 2 or _is_plain(clause, nearest[0], kinds)):
        return False
    bag = {w.lower().strip(_EDGES) for w in clause.words}
    # What is hedged, denied or added up is not certain, and a value from elsewhere is for the grounding gate.
    certain = bag.isdisjoint(_NEGATIVE) and bag.isdisjoint(_DOUBTFUL) and bag.isdisjoint(_SUMMED)
    return certain and any(_same(value, v) for f in facts.valued for v in f.values)


def _is_plain(clause: _Clause, fact: _Clause, kinds: frozenset[str]) -> bool:
    """Whether a clause that shares one word with a fact says no more than the price or the hours of the thing that it names."""
    if not clause.stems <= fact.stems:
        return False
    if "time" in kinds and any(clause.generic & b and fact.generic & b for b in _BOUNDS):
        return True
    return "money" in kinds and _PRICED.match(" ".join(clause.words).lower()) is not None


def _same_bound(clause: _Clause, fact: _Clause) -> bool:
    """Whether neither opens where the other closes."""
    mine = {i for i, b in enumerate(_BOUNDS) if clause.generic & b}
    its = {i for i, b in enumerate(_BOUNDS) if fact.generic & b}
    return not mine or not its or not mine.isdisjoint(its)


def _promise(text: str, facts: _Facts) -> tuple[str, str] | None:
    """A sentence that offers what a fact rules out, and that fact; None where there is none."""
    if not facts.ruled_out and not facts.shut:
        return None
    reading = said(text)
    stems = frozenset(map(stem, reading.bag))
    for core, told in facts.ruled_out:
        if not core <= stems:
            continue
        for sentence, asks in zip(reading.sentences, reading.asks, strict=True):
            if not asks and _offers(sentence, core):
                return " ".join(sentence), told
    for subject, told in facts.shut:
        if subject not in stems:
            continue
        for sentence, asks in zip(reading.sentences, reading.asks, strict=True):
            piece = " ".join(sentence)
            if not asks and _IS_OPEN.search(piece) and {stem(w) for w in sentence} <= {subject, "open", "already", ""}:
                return piece, told
    return None


def _offers(sentence: Sequence[str], core: frozenset[str]) -> bool:
    """Whether a sentence says yes to what the stems are about, with no word of doubt or denial."""
    if not (_NEGATIVE.isdisjoint(sentence) and _DOUBTFUL.isdisjoint(sentence)) or not core <= {
        stem(w) for w in sentence
    }:
        return False
    if len(core) > 1:
        return True
    found = re.search(r"\bwe (?:do |also |can |will |even |of course )*([a-z']+)", " ".join(sentence))
    return found is not None and stem(found[1]) in core


@lru_cache(maxsize=256)
def _facts(context: str) -> _Facts:
    start = context.find("Information: ")
    end = context.find(" Tools: ")
    n_before = len(context[:start].split()) + 1 if start >= 0 else 0
    raw = context[: end if end >= 0 else None].split()
    values = [v for v in values_of(context) if n_before <= v.word < len(raw)]
    valued = tuple(_clauses(raw, values, n_before))
    found = [
        _ruled_out(s)
        for s in _SENTENCES.split(
            context[start + len("Information: ") if start >= 0 else 0 : end if end >= 0 else None]
        )
    ]
    return _Facts(
        valued,
        tuple((core, told) for core, subject, told in found if core),
        tuple((subject, told) for core, subject, told in found if subject),
        frozenset(s for c in valued for s in c.stems),
    )


@lru_cache(maxsize=16384)
def _ruled_out(sentence: str) -> tuple[frozenset[str], str, str]:
    """What a fact rules out (its stems), what it says is closed for now (one stem), and the fact; nothing and "" where it does neither."""
    low = sentence.lower()
    if not _RULING.isdisjoint(low.rstrip(".;").split()):
        found = _NEGATION.search(low)
        if found and not _LIMITED.search(low):
            subject = {stem(w) for w in low[: found.start()].split()}
            predicate = {stem(w) for w in low[found.end() :].split()}
            core = frozenset((predicate if subject & _SELF else subject | predicate) - _GENERIC - _NO_STEM)
            return (core if len(core) <= _MOST_STEMS else _NOTHING), "", sentence
        closed = None if found else _SHUT.search(low)
        about = {stem(w) for w in low[: closed.start()].split()} - _NO_STEM if closed else _NOTHING
        if len(about) == 1:
            return _NOTHING, next(iter(about)), sentence
    return _NOTHING, "", sentence


_NOTHING = frozenset[str]()


def _clauses(raw: Sequence[str], values: Sequence[Value], start: int = 0) -> Iterator[_Clause]:
    """The pieces of a text that have values and are about one thing each: sentences, cut at commas and conjunctions where both sides
    have words of their own and values. `values` are those of the whole text."""
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
        last = any(stems[cut : at + 1])
        if own and last and first < before < after:
            yield _clause(raw, values[first:before], stems, begin, cut, asks=False)
            begin, first, own = cut, before, False
        own, cut, before = own or last, at + 1, after
        if stop:
            if first < after:
                yield _clause(raw, values[first:after], stems, begin, cut, asks=mark == "?")
            begin, first, own = cut, after, False


def _clause(
    raw: Sequence[str], values: Sequence[Value], stems: Sequence[str], begin: int, end: int, asks: bool
) -> _Clause:
    found = frozenset(stems[begin:end]) - _NO_STEM
    return _Clause(found - _GENERIC, found & _GENERIC, values, raw[begin:end], asks)


_NO_STEM = frozenset(("",))


@lru_cache(maxsize=65536)
def _classes_of(needs: tuple[str, ...]) -> frozenset[str]:
    units = {k.rsplit(":", 1)[1] for k in needs if k.startswith("u:")}
    if units:
        return frozenset(units)
    return frozenset(_CLASS_OF_KEY[k[:2]] for k in needs if k[:2] in _CLASS_OF_KEY)


def _classes(value: Value) -> frozenset[str]:
    """What a value can be compared with, none where values of its kind stand for too many things: a bare number may be a sum or a time."""
    return _classes_of(value.needs)


_CLASS_OF_KEY = {"m:": "money", "t:": "time", "p:": "percent"}


def _bare(value: Value) -> bool:
    return value.type is ValueType.NUMBER and not any(k.startswith("u:") for k in value.needs)


def _same(one: Value, other: Value) -> bool:
    return not set(one.needs).isdisjoint(other.gives)
