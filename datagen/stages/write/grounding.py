"""The grounding gate: the agent states no value that neither its role context nor the user gave it."""

import re

from datagen.protocols import Failure
from datagen.records.enums import Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import edits
from datagen.stages.write.options import WriteOptions
from datagen.text.forms import Value, ValueType
from datagen.text.lexicon import OPENERS
from datagen.text.values import values_of

_WORD = re.compile(r"[a-z]+")
_EDGES = " .,?!;:…\"'()"
_JOINERS = frozenset(("of", "de", "la", "del", "van", "von", "s", "the", "and"))
_CODES = (ValueType.CODE, ValueType.PHONE, ValueType.NUMBER, ValueType.TIME)


class Source:
    """What was given so far: the keys of its values, its words, and its codes in one string."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._words: set[str] = set()
        self._codes = " "

    def add(self, text: str) -> None:
        for value in values_of(text):
            self._keys.update(value.gives)
            if value.type in _CODES and len(value.canonical) > 2:
                self._codes += value.canonical + " "
        self._words.update(_WORD.findall(text.lower()))

    def holds(self, value: Value) -> bool:
        """Whether `value` was given, in any form, or states nothing."""
        if value.idiom:
            return True
        if value.type is ValueType.NAME:
            return all(self._has_word(w) for w in _WORD.findall(value.canonical.lower()))
        if any(key in self._keys for key in value.needs):
            return True
        if value.parts and all(any(key in self._keys for key in part) for part in value.parts):
            return True
        if value.type in (ValueType.CODE, ValueType.PHONE):
            text = value.canonical
            return (len(text) > 2 and text in self._codes) or (text.isalpha() and self._has_word(text.lower()))
        return False

    def _has_word(self, word: str) -> bool:
        return (
            word in self._words or word in _JOINERS or word in OPENERS or (word[-1] == "s" and word[:-1] in self._words)
        )


def grounded(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects the agent's first number, price, time, date, name or code that was not given before it said it."""
    if plan.kind not in options.grounded_kinds:
        return None
    source = Source()
    source.add(transcript.role_context)
    for turn in transcript.turns:
        if turn.speaker is Speaker.USER:
            # What a caller has taken back ("Tuesday, no, Thursday") was not given.
            source.add(" ".join(edits.fluent_words(turn)) if turn.marks else turn.text)
            continue
        for value in values_of(turn.text):
            if not source.holds(value):
                return Failure(
                    f"ungrounded_{value.type}",
                    f"{transcript.dialog_id} turn {turn.index}: the agent says {value.surface.strip(_EDGES)}, "
                    "which is in neither the role context nor what the user said.",
                )
    return None
