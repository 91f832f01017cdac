"""Words put into a turn, or before it, with its marks kept on the words that they were on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from datagen.domains.phrasing import capital, small
from datagen.records.enums import MarkType, TurnType
from datagen.records.transcript import Mark, Turn
from datagen.text.lexicon import MONTHS, WEEKDAYS

DISFLUENT = frozenset((MarkType.FILLER, MarkType.REPETITION, MarkType.CORRECTION))
BESIDE = 2
"""Words from a hesitation within which nobody gives a sign of attention."""
_HESITANT = (*DISFLUENT, MarkType.PAUSE)
_CALENDAR = frozenset((*WEEKDAYS, *MONTHS))
_KEEPS_CAPITAL = re.compile(r"I(?:'\w+)?|[A-Z]{2,}.*|[B-Z]\.?")


@dataclass(frozen=True, slots=True)
class Edit:
    """Disfluent `words` (none, where the speaker is only silent) put in before word `at` of a turn; `pauses` are words of it (0
    its first, len(words) the one after it) before which the speaker hesitates. `comma`: a comma follows the word before it,
    if no stop does."""

    at: int
    type: MarkType
    words: tuple[str, ...]
    pauses: tuple[int, ...] = ()
    comma: bool = False


def apply(turn: Turn, edits: Sequence[Edit]) -> Turn:
    """The turn with all edits made. Where one opens a sentence, it takes over the capital of the word that follows it."""
    words, marks = turn.words, list(turn.marks)
    for edit in sorted(edits, key=lambda e: -e.at):
        at, put = edit.at, list(edit.words)
        if put and opens_sentence(words, at):
            put[0] = capital(put[0])
            words[at] = uncapitalised(words[at])
        elif edit.comma and words[at - 1][-1].isalnum():
            words[at - 1] += ","
        marks = [_moved(m, at, len(put)) for m in marks]
        marks += [Mark(edit.type, at, " ".join(put))] if put else []
        marks += [Mark(MarkType.PAUSE, at + p) for p in edit.pauses if at + p > 0]
        words[at:at] = put
    return replace(turn, text=" ".join(words), marks=_in_order(marks))


def mark(turn: Turn, marks: Sequence[Mark]) -> Turn:
    """The turn with further marks, in order."""
    return replace(turn, marks=_in_order([*turn.marks, *marks]))


def led_in(turn: Turn, lead: str) -> Turn:
    """The turn with a sentence of its speaker's before its text."""
    return put_in(turn, 0, lead)


def put_in(turn: Turn, at: int, sentences: str) -> Turn:
    """The turn with sentences of its speaker's before word `at`, which opens a sentence."""
    words, put = turn.words, sentences.split()
    marks = tuple(_moved(m, at, len(put)) for m in turn.marks)
    calls = tuple(replace(c, word=c.word + len(put)) if c.word >= at else c for c in turn.calls)
    return replace(turn, text=" ".join([*words[:at], *put, *words[at:]]), marks=marks, calls=calls)


def renumbered(turns: Sequence[Turn], at: int) -> tuple[Turn, ...]:
    """The turns numbered from 0, after one was put in as turn `at`: results of tools are spoken where they were."""

    def moved(turn: Turn, index: int) -> Turn:
        calls = tuple(replace(c, result_turn=c.result_turn + 1) if c.result_turn >= at else c for c in turn.calls)
        return replace(turn, index=index, calls=calls)

    return tuple(moved(t, i) if t.calls or t.index != i else t for i, t in enumerate(turns))


def listened(turn: Turn) -> Turn:
    """The turn without the backchannel marks that nobody would give: in a greeting, and beside a hesitation, where a listener
    waits for what comes."""
    greets = turn.type is TurnType.GREETING
    spans = [(m.word, m.word + max(1, len(m.text.split())) - 1) for m in turn.marks if m.type in _HESITANT]
    kept = [
        m
        for m in turn.marks
        if m.type is not MarkType.BACKCHANNEL
        or not (greets or any(first - BESIDE <= m.word <= last + BESIDE for first, last in spans))
    ]
    return turn if len(kept) == len(turn.marks) else replace(turn, marks=tuple(kept))


def opens_sentence(words: Sequence[str], at: int) -> bool:
    """Whether word `at` is the first of the turn or of a sentence in it."""
    return at == 0 or words[at - 1].endswith((".", "?", "!"))


def uncapitalised(word: str) -> str:
    """A sentence's first word as it stands inside one: I, abbreviations, days and months keep their capitals."""
    core = word.rstrip(",.?!")
    return word if _KEEPS_CAPITAL.fullmatch(core) or core.lower() in _CALENDAR else small(word)


def fluent_words(turn: Turn) -> list[str]:
    """The words of a turn without those that its marks call disfluent: what the speaker meant to have said."""
    spans = [(m.word, m.word + len(m.text.split())) for m in turn.marks if m.type in DISFLUENT]
    if not spans:
        return turn.words
    return [w for i, w in enumerate(turn.words) if not any(start <= i < end for start, end in spans)]


def _moved(mark: Mark, at: int, n_words: int) -> Mark:
    """The mark after `n_words` were put in before word `at`. A long silence stays before the first word."""
    if mark.word < at or mark.type is MarkType.LONG_SILENCE:
        return mark
    return replace(mark, word=mark.word + n_words)


def _in_order(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    return tuple(sorted(dict.fromkeys(marks), key=lambda m: (m.word, m.type, m.text)))
