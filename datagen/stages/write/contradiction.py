"""The gate on contradictions: the agent says another value where a fact has one, or offers what a fact rules out.

It works by rules, and what is not certain passes.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.facts import DOUBTFUL, NO_STEM, Clause, Facts, Rule, clauses_of, facts_of
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
_HEDGED = DOUBTFUL | words(
    "under over above below with up least most altogether together total all sum plus minus left save saved less more extra each both rest "
    "remaining"
)
"""Words with which a value is a bound, a sum, or a rest."""
_BOUNDS = (frozenset(map(stem, ("open", "start", "begin"))), frozenset(map(stem, ("close", "end"))))
_EDGES = " .,?!;:…\"'()"
_IS_OPEN = re.compile(r"(?:\b(?:is|are)|'s|'re) (?:already )?open$")
_OPEN_WORDS = frozenset((stem("open"), "already", ""))
_PRICED = re.compile(
    r"(?:and |but |so )?(?:the |our |an? |your |yes, )?[a-z-]+(?:'s| is| are| costs?| would be| will be|'ll be) "
)
_EXISTS = re.compile(r"\bthere(?:'s| is| are) (?!no\b|not\b)(.+)$")
_WE_DO = re.compile(r"\bwe (?:do |also |can |will |even |of course )*([a-z']+)")
_CLASS_OF_KEY = {"m:": "money", "t:": "time", "p:": "percent"}


def contradiction(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects the agent's first value that is another one than the fact's in whose words it stands (`contradiction_value`), and its
    first offer of what a fact rules out (`contradiction_policy`); calls alone."""
    if plan.kind not in (Kind.SERVICE, Kind.TOOL):
        return None
    facts = facts_of(transcript.role_context)
    given: set[str] = set()
    for turn in transcript.turns:
        values = values_of(turn.text)
        if turn.speaker is Speaker.USER:
            for value in values:
                given.update(value.gives)
            continue
        if any(map(_classes, values)):
            for clause in clauses_of(turn.text.split(), values):
                told = _contradicts(clause, facts, given)
                if told:
                    what = f"the agent says {' '.join(clause.words)!r}, and a fact has another value there: {told!r}"
                    return Failure("contradiction_value", f"{transcript.dialog_id} turn {turn.index}: {what}")
        broken = _broken(turn.text, facts)
        if broken:
            what = f"the agent says {broken[0]!r}, and a fact says {broken[1]!r}"
            return Failure("contradiction_policy", f"{transcript.dialog_id} turn {turn.index}: {what}")
    return None


def _contradicts(clause: Clause, facts: Facts, given: set[str]) -> str:
    """The fact about what a clause is about that has another value of the class of its one value, "" where none has."""
    if clause.asks or len(clause.values) != 1 or not clause.stems:
        return ""
    value = clause.values[0]
    kinds = _classes(value)
    if not kinds or not given.isdisjoint(value.needs):
        return ""
    if facts.stems.isdisjoint(clause.stems):
        return _costs(clause, kinds, facts.rules)
    about: list[tuple[int, Clause]] = []
    for fact in facts.valued:
        n = len(clause.stems & fact.stems)
        if n and any(_same(value, v) for v in fact.values):
            return ""
        if n and any(kinds & _classes(v) for v in fact.values if not _bare(v)) and _same_bound(clause, fact):
            about.append((n, fact))
    best = max((n for n, _ in about), default=0)
    nearest = [f for n, f in about if n == best]
    if len(nearest) != 1 or not (best >= 2 or _is_plain(clause, nearest[0], kinds)) or not _is_certain(clause):
        return ""
    # A value from elsewhere is for the grounding gate.
    return " ".join(nearest[0].words) if any(_same(value, v) for f in facts.valued for v in f.values) else ""


def _costs(clause: Clause, kinds: frozenset[str], rules: Sequence[Rule]) -> str:
    """The fact that says that what a clause has a price for costs nothing."""
    if "money" not in kinds or not _is_certain(clause) or not _PRICED.match(" ".join(clause.words).lower()):
        return ""
    return next((r.told for r in rules if r.free and clause.stems == r.free), "")


def _is_certain(clause: Clause) -> bool:
    bag = {w.lower().strip(_EDGES) for w in clause.words}
    return bag.isdisjoint(_NEGATIVE) and bag.isdisjoint(_HEDGED)


def _is_plain(clause: Clause, fact: Clause, kinds: frozenset[str]) -> bool:
    """Whether a clause that shares one word with a fact says no more than the price or the hours of the thing that it names."""
    if not clause.stems <= fact.stems:
        return False
    if "time" in kinds and any(clause.generic & b and fact.generic & b for b in _BOUNDS):
        return True
    return "money" in kinds and _PRICED.match(" ".join(clause.words).lower()) is not None


def _same_bound(clause: Clause, fact: Clause) -> bool:
    """Whether neither opens where the other closes."""
    mine = {i for i, b in enumerate(_BOUNDS) if clause.generic & b}
    its = {i for i, b in enumerate(_BOUNDS) if fact.generic & b}
    return not mine or not its or not mine.isdisjoint(its)


def _broken(text: str, facts: Facts) -> tuple[str, str] | None:
    """A sentence that offers what a rule of the facts rules out, and that fact; None where there is none."""
    if not facts.rules:
        return None
    reading = said(text)
    stems = frozenset(map(stem, reading.words))
    for rule in facts.rules:
        if not (rule.core or rule.shut) <= stems or not (rule.core or rule.shut):
            continue
        for sentence, asks in zip(reading.sentences, reading.asks, strict=True):
            if not asks and (_offers(sentence, rule.core) if rule.core else _opens(sentence, rule.shut)):
                return " ".join(sentence), rule.told
    return None


def _offers(sentence: Sequence[str], core: frozenset[str]) -> bool:
    """Whether a sentence says yes to what the stems are about, with no word of doubt or denial; or that there is such a thing."""
    if not core <= {stem(w) for w in sentence} or not _NEGATIVE.isdisjoint(sentence):
        return False
    text = " ".join(sentence)
    exists = _EXISTS.search(text)
    if exists and core <= {stem(w) for w in exists[1].split()}:
        return DOUBTFUL.isdisjoint(exists[1].split())
    if not DOUBTFUL.isdisjoint(sentence):
        return False
    found = _WE_DO.search(text)
    return len(core) > 1 or (found is not None and stem(found[1]) in core)


def _opens(sentence: Sequence[str], shut: frozenset[str]) -> bool:
    """Whether a sentence says no more than that the thing is open."""
    return bool(_IS_OPEN.search(" ".join(sentence))) and {stem(w) for w in sentence} - NO_STEM <= shut | _OPEN_WORDS


def _classes(value: Value) -> frozenset[str]:
    """What a value can be compared with, none where values of its kind stand for too many things: a bare number may be a sum or a time."""
    return _classes_of(value.needs)


@lru_cache(maxsize=65536)
def _classes_of(needs: tuple[str, ...]) -> frozenset[str]:
    units = {k.rsplit(":", 1)[1] for k in needs if k.startswith("u:")}
    return frozenset(units or (_CLASS_OF_KEY[k[:2]] for k in needs if k[:2] in _CLASS_OF_KEY))


def _bare(value: Value) -> bool:
    return value.type is ValueType.NUMBER and not any(k.startswith("u:") for k in value.needs)


def _same(one: Value, other: Value) -> bool:
    return not set(one.needs).isdisjoint(other.gives)
