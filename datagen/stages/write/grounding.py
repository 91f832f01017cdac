"""The grounding gate: the agent states no value that neither its role context, the user nor a tool's result gave it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import edits
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.said import said
from datagen.stages.write.source import Source
from datagen.stages.write.stems import stem
from datagen.stages.write.tools import results_by_turn
from datagen.text import forms
from datagen.text.forms import Value, ValueType
from datagen.text.values import values_of
from datagen.text.wordlist import words

_EDGES = " .,?!;:…\"'()"
_YEAR = 2025
"""A year without February 29th, in which days are counted; plans show days without their year."""
_RELATIVE = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}
_DAY_WORDS = frozenset(_RELATIVE)
_NEXT_TO = re.compile(r"\b(today|tomorrow|yesterday)(?:'s)?,?(?: (?:is|that's|the|on))*$", re.IGNORECASE)
_SUMMED = words(
    "altogether together total all makes make comes come adds sum plus minus left remaining save saves saved saving more less off so so's "
    "that's that'd both double half instead would'd you'd difference earlier later longer down then only"
)
_ROUGHLY = words("about almost nearly around roughly approximately under over than close")
_NEAR = 0.07
"""How far "almost two hundred" may be off."""
_HYPERBOLE = words("hundred thousand million billion")
_TELLING = 2
"""Words with a sense of their own that a declared fact without a value has to have: one alone ("email") is said for many reasons."""


def grounded(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects the agent's first number, price, time, date, name or code that was not given before it said it.

    Sums and differences of given sums pass if they come out right, and so do given days counted from today. A fact that the writer
    declares, and that the agent says, has to have been given in the same sense (`ungrounded_declared`).
    """
    if plan.kind not in options.grounded_kinds:
        return None
    source = Source()
    source.add(transcript.role_context)
    today = _today(plan)
    results = results_by_turn(transcript)
    # A tool gives bare values, without the words around them: there each value is judged alone.
    declared, heard = [] if plan.kind is Kind.TOOL else _declared(transcript), ""
    for turn in transcript.turns:
        # What a caller has taken back ("Tuesday, no, Thursday") was not given.
        is_user = turn.speaker is Speaker.USER
        near = " ".join(edits.fluent_words(turn)) if is_user and turn.marks else turn.text
        if today and not _DAY_WORDS.isdisjoint(said(near).words):
            for word in _DAY_WORDS.intersection(said(near).words):
                source.give(_day(today, _RELATIVE[word]))
        if is_user:
            source.add(near)
            heard = near
            continue
        for text in results.get(turn.index, ()):
            source.add(text)
        for value in values_of(turn.text):
            if _day_is_wrong(turn.text, value, today) or not (
                source.holds(value) or _follows(value, turn.text, heard, source, today, plan.kind)
            ):
                return Failure(
                    f"ungrounded_{value.type}",
                    f"{transcript.dialog_id} turn {turn.index}: the agent says {value.surface.strip(_EDGES)}, "
                    f"which is in neither the role context nor what the user said{' or a tool gave' if results else ''}.",
                )
            if value.type is ValueType.MONEY:
                source.give(value)  # what it was added up from is a given sum too
        fact = next((f for f in declared if f.said_in(turn.text) and not f.given_by(source)), None)
        if fact is not None:
            return Failure(
                "ungrounded_declared",
                f"{transcript.dialog_id} turn {turn.index}: the agent says {fact.text!r}, which the writer declares as a fact, "
                "and nobody gave it.",
            )
    return None


def _follows(value: Value, text: str, heard: str, source: Source, today: date | None, kind: Kind) -> bool:
    """Whether a value that was not given comes from given ones: a sum, a rough figure, a day counted on; or exaggerates in a chat."""
    before = _word_before(text, value)
    if kind is Kind.CASUAL and before in ("a", "an") and value.surface.strip(_EDGES).lower() in _HYPERBOLE:
        return True
    if value.type is ValueType.DATE:
        spans = source.spans_days() & (
            {*_counts(text, value), *_counts(heard, value)} | {7 * n for n in _counts(text, value)}
        )
        return _counted_on(value, spans, source, today)
    if not any(k[:2] in ("m:", "u:") for k in value.needs):
        return False
    if "cents" in _around(text, value) and source.holds_cents(value):  # "nine cents at night and twenty-one by day"
        return True
    if before in _ROUGHLY and source.close_to(value, _NEAR):
        return True
    if _SUMMED.isdisjoint(_around(text, value)):
        return False
    return source.adds_up_to(value, {*_counts(text, value), *_counts(heard, value)})


def _word_before(text: str, value: Value) -> str:
    return text.split()[value.word - 1].strip(_EDGES).lower() if value.word else ""


def _around(text: str, value: Value) -> set[str]:
    """The words of the sentence that a value stands in."""
    raw = text.split()
    start = next((i + 1 for i in range(value.word - 1, -1, -1) if raw[i].endswith((".", "?", "!"))), 0)
    end = next((i + 1 for i in range(value.word, len(raw)) if raw[i].endswith((".", "?", "!"))), len(raw))
    low = {w.strip(_EDGES).lower() for w in raw[start:end]}
    return low | ({"would'd"} if "would" in low and "be" in low else set())


def _counts(text: str, but: Value) -> Iterator[int]:
    """The small counts that a text names, such as the nights that a price is for."""
    for value in values_of(text):
        if value.type is ValueType.NUMBER and value.canonical.isdigit() and value.surface != but.surface:
            yield int(value.canonical)


def _counted_on(value: Value, spans: set[int], source: Source, today: date | None) -> bool:
    """Whether a day is a given one, or today, and so many days more or less."""
    starts = [d for month, day in source.days() if (d := _date(month, day))] + ([today] if today else [])
    ends = [start + timedelta(days=n * sign) for start in starts for n in spans for sign in (1, -1)]
    return any(not set(value.needs).isdisjoint(forms.date(d.month, d.day).gives) for d in ends)


def _day_is_wrong(text: str, value: Value, today: date | None) -> bool:
    """Whether a date stands beside "tomorrow" or "today" and is another day."""
    if today is None or value.type is not ValueType.DATE or value.idiom:
        return False
    beside = _NEXT_TO.search(" ".join(text.split()[: value.word]))
    if beside is None:
        return False
    day = _day(today, _RELATIVE[beside[1].lower()])
    dated = any(k.startswith(("d:", "dd:", "mo:")) for k in value.needs)
    return dated and set(value.needs).isdisjoint(day.gives)


def _today(plan: DialogPlan) -> date | None:
    """The day on which the dialogue takes place, None where its plan names none."""
    shown = str(plan.instance.get("today", ""))
    for value in values_of(shown):
        for key in value.gives:
            if key.startswith("d:"):
                month, _, day = key[2:].partition("-")
                return _date(int(month), int(day))
    return None


def _date(month: int, day: int) -> date | None:
    try:
        return date(_YEAR, month, day)
    except ValueError:
        return None


def _day(today: date, offset: int) -> Value:
    day = today + timedelta(days=offset)
    return forms.date(day.month, day.day)


@dataclass(frozen=True, slots=True)
class _Declared:
    """A fact that the writer says the agent used: its text, its words that have a sense of their own, and its values."""

    text: str
    content: frozenset[str]
    values: tuple[Value, ...]

    def said_in(self, text: str) -> bool:
        """Whether a sentence that is no question says the words, and the text the values in any form."""
        found = values_of(text)
        if len(found) < len(self.values):
            return False
        reading = said(text)
        if not any(
            not asks and self.content.issubset(s) for s, asks in zip(reading.sentences, reading.asks, strict=True)
        ):
            return False
        gives = {key for value in found if not value.idiom for key in value.gives}
        return all(not gives.isdisjoint(v.needs) or any(v.canonical == f.canonical for f in found) for v in self.values)

    def given_by(self, source: Source) -> bool:
        """Whether each of the values was given, and at least half of the words."""
        n_given = sum(map(source.has_word, self.content))
        return all(source.holds(v) for v in self.values) and 2 * n_given >= len(self.content)


def _declared(transcript: Transcript) -> list[_Declared]:
    """The declared facts that the role context does not hold as they stand; a single word that is no value is said for many reasons."""
    found = []
    for text in transcript.facts_used:
        if text not in transcript.role_context:
            content, values = frozenset(w for w in said(text).words if stem(w)), values_of(text)
            if values or len(content) >= _TELLING:
                found.append(_Declared(text, content, values))
    return found
