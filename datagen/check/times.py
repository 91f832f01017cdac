"""The time line of one dialogue: turns and words lie where they have to, and the numbers about them agree."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datagen.check.streams import Row
from datagen.records.enums import Heard, Speaker, Tag, TurnType

SLACK_S = 1e-4
"""Two samples at 24 kHz: rounding, never a fault that anyone could hear."""

Finding = tuple[str, str]
"""Where in the dialogue ("turn 7"), and what."""

_TURN_TYPES = {str(t) for t in TurnType}
_TAGS = {str(t) for t in Tag}
_CHANNEL = {str(s): s.channel for s in Speaker}


@dataclass(frozen=True, slots=True)
class Said:
    """A word that was spoken, wholly or in part, and whether it gets tokens."""

    word: str
    start_s: float
    end_s: float
    in_track: bool = True


def check_turns(turns: Sequence[Row], duration_s: float) -> Iterator[Finding]:
    """Each turn for itself: vocabulary, span, words in order and inside, texts that are its words."""
    if [t["turn"] for t in turns] != list(range(len(turns))):
        yield "", f"turns are numbered {[t['turn'] for t in turns]}, and have to count from 0 without gaps."
    before_s = 0.0
    for turn in turns:
        where = f"turn {turn['turn']}"
        if turn["speaker"] not in _CHANNEL or turn["type"] not in _TURN_TYPES or not set(turn["tags"]) <= _TAGS:
            yield (
                where,
                f"speaker {turn['speaker']!r}, type {turn['type']!r} or tags {turn['tags']} are outside the vocabulary.",
            )
        if not 0 <= turn["start_s"] < turn["end_s"] <= duration_s + SLACK_S:
            yield (
                where,
                f"lies at {turn['start_s']:.3f}-{turn['end_s']:.3f} s, and the dialogue lasts {duration_s:.3f} s.",
            )
        if turn["start_s"] < before_s - SLACK_S:
            yield where, f"starts at {turn['start_s']:.3f} s, before the turn before it ({before_s:.3f} s)."
        before_s = turn["start_s"]
        for what in (*_words(turn), *_texts(turn)):
            yield where, what


def _words(turn: Row) -> Iterator[str]:
    at = turn["start_s"]
    for i, word in enumerate(turn["words"]):
        start_s, end_s, heard = word["start_s"], word["end_s"], word["heard"]
        name = f"word {i} ({word['word']!r}, {start_s:.3f}-{end_s:.3f} s)"
        if start_s < at - SLACK_S or end_s < start_s:
            yield f"{name} is out of order: the one before ends at {at:.3f} s."
        at = end_s
        if heard == Heard.YES and end_s > turn["end_s"] + SLACK_S:
            yield f"{name} counts as heard and ends after the turn ({turn['end_s']:.3f} s)."
        elif heard == Heard.PARTIAL and not start_s < turn["end_s"] < end_s + SLACK_S:
            yield f"{name} counts as partly heard, and the turn ends at {turn['end_s']:.3f} s."
        elif heard == Heard.NO and start_s < turn["end_s"] - SLACK_S:
            yield f"{name} counts as unheard and starts before the turn's end ({turn['end_s']:.3f} s)."
        elif heard not in (Heard.YES, Heard.PARTIAL, Heard.NO):
            yield f"{name} is heard {heard!r}: outside the vocabulary."


def _texts(turn: Row) -> Iterator[str]:
    words = [w["word"] for w in turn["words"]]
    if words != turn["text"].split():
        yield f"has the words {' '.join(words)!r}, and the text is {turn['text']!r}."
    if f"{turn['heard_text']} {turn['unheard_text']}".split() != turn["text"].split():
        yield "heard_text and unheard_text do not make up the text."
    heard = sum(s.in_track for s in said(turn))
    if turn["unheard_text"] and heard != len(turn["heard_text"].split()):
        yield f"heard_text has {len(turn['heard_text'].split())} words, and {heard} were heard at least by half."


def said(turn: Row) -> list[Said]:
    """The words of a turn that sounded; the one under a cut ends with the turn, and is in the track from half on."""
    found = []
    for word in turn["words"]:
        if word["heard"] != Heard.NO:
            start_s, end_s = word["start_s"], min(word["end_s"], turn["end_s"])
            half = word["heard"] == Heard.YES or 2 * (end_s - start_s) >= word["end_s"] - start_s
            found.append(Said(word["word"], start_s, end_s, half))
    return found


def check_floor(turns: Sequence[Row]) -> Iterator[Finding]:
    """Floor transfers: fto_s is the start minus the other's end where the floor changes hands, and null where not."""
    for before, turn in zip((None, *turns), turns, strict=False):
        changed = before is not None and before["speaker"] != turn["speaker"]
        wanted = turn["start_s"] - before["end_s"] if before is not None and changed else None
        found = turn["fto_s"]
        if (found is None) != (wanted is None) or (
            found is not None and wanted is not None and abs(found - wanted) > SLACK_S
        ):
            said_s = "null" if wanted is None else f"{wanted:.3f} s"
            yield f"turn {turn['turn']}", f"fto_s is {found}, and by its start and the other's end it is {said_s}."


def read_json(text: str) -> Any:
    """The value of a JSON column, None where it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
