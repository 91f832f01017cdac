"""Dialogues as columns of whole samples: what the measures of a build's turn-taking read."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datagen.records.enums import EventType, TurnType

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_TURN = 40
"""Bits of a sample's number: turn and sample are searched as one."""


@dataclass(frozen=True, slots=True)
class DialogColumns:
    """A value a dialogue: its index in the plan, its length, its speech activity, and how long the turns last that have a
    place for a backchannel or a failed barge-in, by who would say it, in samples at 24 kHz."""

    index: Ints
    n_samples: Ints
    agent_speech: Ints
    user_speech: Ints
    overlap: Ints
    silence: Ints
    user_backchannel_room: Ints
    agent_backchannel_room: Ints
    user_failed_barge_in_room: Ints


@dataclass(frozen=True, slots=True)
class TurnColumns:
    """A value a turn, by dialogue and time. `dialog` is the position among the dialogues, `kind` that of the turn's type in
    `Part.kinds`; `changes` says whether the floor changes hands with it."""

    dialog: Ints
    agent: Flags
    kind: Ints
    start: Ints
    end: Ints
    changes: Flags


@dataclass(frozen=True, slots=True)
class WordColumns:
    """A value a heard word, by turn and time; one that a cut shortens ends with its turn. `turn` is the position of its turn."""

    turn: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class EventColumns:
    """A value an event. `turn` is the position of the turn that it happens to, `kind` the EventType's value."""

    turn: Ints
    kind: NDArray[np.str_]
    channel: Ints
    start: Ints
    end: Ints


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class CallColumns:
    """A value a tool call: the position of the turn that speaks its result, when it was called, and when the result was there."""

    result_turn: Ints = field(default_factory=_none)
    called: Ints = field(default_factory=_none)
    result: Ints = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Part:
    """Whole dialogues of a build, in any number."""

    dialogs: DialogColumns
    turns: TurnColumns
    words: WordColumns
    events: EventColumns
    kinds: tuple[TurnType, ...] = tuple(TurnType)
    calls: CallColumns = CallColumns()

    def awaits_result(self) -> Flags:
        """Whether a turn speaks a tool's result, for which it waited."""
        found = np.zeros(len(self.turns.dialog), bool)
        found[self.calls.result_turn] = True
        return found

    def has_before(self) -> Flags:
        """Whether a turn has one before it in its dialogue."""
        dialog = self.turns.dialog
        return np.concatenate([np.zeros(min(1, len(dialog)), bool), dialog[1:] == dialog[:-1]])

    def has_after(self) -> Flags:
        """Whether a turn has one after it in its dialogue."""
        return np.concatenate([self.has_before()[1:], np.zeros(min(1, len(self.turns.dialog)), bool)])

    def turns_with(self, *kinds: EventType) -> Flags:
        """Whether an event of one of these types happens to a turn."""
        found = np.zeros(len(self.turns.dialog), bool)
        found[self.events.turn[np.isin(self.events.kind, [str(k) for k in kinds])]] = True
        return found

    def words_within(self, turn: Ints, start: Ints, end: Ints) -> Ints:
        """Samples of a turn's heard words within each span in it."""
        lengths = np.concatenate([[0], np.cumsum(self.words.end - self.words.start)])
        keys = (self.words.turn << _TURN) + self.words.start

        def spoken_before(at: Ints) -> Ints:
            n = np.searchsorted(keys, (turn << _TURN) + at)
            beyond = np.zeros(len(at), np.int64)
            cut = n > np.searchsorted(self.words.turn, turn)
            beyond[cut] = np.maximum(self.words.end[n[cut] - 1] - at[cut], 0)
            return np.asarray(lengths[n] - beyond, np.int64)

        return spoken_before(end) - spoken_before(start)
