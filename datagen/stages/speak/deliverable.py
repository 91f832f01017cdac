"""What of a written delivery a speaker engine can make heard: the rest is left out, and counted."""

from collections.abc import Set
from dataclasses import replace

from datagen.records.enums import MarkType, Tag, Vocal
from datagen.records.transcript import Mark, Transcript, Turn


def deliverable(turn: Turn, renders: Set[Tag | Vocal]) -> Turn:
    """The turn with those of its tags and vocal sounds that are among `renders`: a label that nobody hears would teach a wrong one."""
    marks = tuple(m for m in turn.marks if _heard(m, renders))
    tags = tuple(t for t in turn.tags if t is Tag.NEUTRAL or t in renders)  # whoever speaks can be neutral
    return turn if (marks, tags) == (turn.marks, turn.tags) else replace(turn, marks=marks, tags=tags)


def delivered(transcript: Transcript, renders: Set[Tag | Vocal]) -> tuple[Transcript, int]:
    """The transcript as it is heard, and how many tags and vocal sounds were left out of it."""
    turns = tuple(deliverable(t, renders) for t in transcript.turns)
    lost = sum(_n_delivery(before) - _n_delivery(after) for before, after in zip(transcript.turns, turns, strict=True))
    return (replace(transcript, turns=turns), lost) if lost else (transcript, 0)


def vocals(turn: Turn) -> tuple[tuple[int, Vocal], ...]:
    """The vocal sounds of a turn, each before the word of its index."""
    return tuple((m.word, Vocal(m.text)) for m in turn.marks if m.type is MarkType.VOCAL)


def _heard(mark: Mark, renders: Set[Tag | Vocal]) -> bool:
    return mark.type is not MarkType.VOCAL or Vocal(mark.text) in renders


def _n_delivery(turn: Turn) -> int:
    return len(turn.tags) + len(vocals(turn))
