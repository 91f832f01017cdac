"""The words of both sides of a dialogue by time, as the examples of Full-Duplex-Bench take them out."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from datagen.export.base import ExportDialog, Row
from datagen.export.beside import heard_words, spoken_beside
from datagen.load.dialog import Words
from datagen.records.enums import Speaker

NEVER_S = float("inf")
EDGE_S = 1e-6
"""Times that were added and taken away again differ in their last digits."""


class Stretch(Protocol):
    """A stretch of the dialogue, and how its times become those of an input."""

    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    def moved(self, time_s: float) -> float: ...


@dataclass(frozen=True, slots=True)
class Said:
    """A word and its times, in seconds; `turn` is the turn that it is in or was said beside."""

    text: str
    start_s: float
    end_s: float
    turn: int = -1


class Lane:
    """The heard words of a dialogue. `echo` says that the agent can be heard on the user's channel."""

    def __init__(self, dialog: ExportDialog) -> None:
        self.duration_s = float(dialog.row["duration_s"])
        self.echo = "echo" in json.loads(dialog.row["effects"] or "{}")
        self._user = _track(dialog.dialog.user_words)
        self._agent = _agent(dialog)

    def user_words(self, piece: Stretch) -> tuple[Said, ...]:
        """The user's words inside the piece, in the input's times."""
        return _moved(
            (w for w in self._user if w.start_s >= piece.start_s - EDGE_S and w.end_s <= piece.end_s + EDGE_S), piece
        )

    def agent_words(self, piece: Stretch, until_s: float, since: int, until: int | None = None) -> tuple[Said, ...]:
        """What the agent says from the piece's start to `until_s`, in turns after `since` to `until`, and beside the turn `since`.

        What it still says of an earlier turn is no answer to the piece, and is left out.
        """
        last = since + 1 if until is None else until
        inside = (
            w for w in self._agent if since <= w.turn <= last and piece.start_s <= w.start_s and w.end_s <= until_s
        )
        return _moved(inside, piece)

    def agent_speaks(self, start_s: float, end_s: float) -> bool:
        return any(w.start_s < end_s and w.end_s > start_s for w in self._agent)

    def next_user_word_s(self, after_s: float) -> float:
        return min((w.start_s for w in self._user if w.start_s >= after_s - EDGE_S), default=NEVER_S)

    def next_agent_word_s(self, after_s: float) -> float:
        return min((w.start_s for w in self._agent if w.end_s > after_s), default=NEVER_S)

    def first_word_s(self, turn: Row) -> float:
        return float(min(w["start_s"] for w in heard_words(turn)))

    def last_word_s(self, turn: Row) -> float:
        return float(max(w["end_s"] for w in heard_words(turn)))


def _track(words: Words) -> list[Said]:
    times = zip(words.texts, words.start_s.tolist(), words.end_s.tolist(), strict=True)
    return [Said(text, start_s, end_s) for text, start_s, end_s in times]


def _agent(dialog: ExportDialog) -> list[Said]:
    """The agent's words, each with the turn that it is in or was said beside."""
    found = [
        Said(w["word"], float(w["start_s"]), float(w["end_s"]), int(turn["turn"]))
        for turn in dialog.turns
        if turn["speaker"] == Speaker.AGENT
        for w in heard_words(turn)
    ]
    own = {(w.text, w.start_s) for w in found}
    track = [w for w in _track(dialog.dialog.words) if (w.text, w.start_s) not in own]
    beside = (h for h in spoken_beside(dialog.turns) if h.speaker is Speaker.AGENT)
    for said in beside:
        inside = (w for w in track if w.start_s >= said.start_s - EDGE_S and w.end_s <= said.end_s + EDGE_S)
        found += [replace(w, turn=said.turn) for w in inside]
    return sorted(found, key=lambda w: (w.start_s, w.end_s))


def _moved(words: Iterable[Said], piece: Stretch) -> tuple[Said, ...]:
    return tuple(replace(w, start_s=piece.moved(w.start_s), end_s=piece.moved(w.end_s)) for w in words)
