"""Which stretches of a dialogue are examples of Full-Duplex-Bench v1, and what their input is put together from.

The shapes are the released set's (DanielLin94144/Full-Duplex-Bench, v1_v1.5): a pause or backchannel input ends with the
user's turn, since its measures take any answer for a turn; a turn-taking input goes on in silence for 8 s; an interruption is
the user's question, 7 s, the interruption and 15 s. Examples are chosen by the events of a build alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from datagen.config import Options, knob
from datagen.export.base import Row
from datagen.export.beside import Happening, happenings
from datagen.export.fdb_words import Lane, Said
from datagen.records.enums import EventType, Speaker


class Task(StrEnum):
    """The folders of the released set that an example of a build can stand in."""

    PAUSE = "synthetic_pause_handling"
    TURN_TAKING = "candor_turn_taking"
    BACKCHANNEL = "icc_backchannel"
    INTERRUPTION = "synthetic_user_interruption"


class ExampleOptions(Options):
    """What counts as an example, and how long the model is given to answer."""

    min_turn_s: float = knob(1.0, "shortest turn of the user that a pause or turn-taking example is made of", "s", ge=0)
    min_pause_s: float = knob(0.5, "shortest pause inside a turn that counts", "s", gt=0)
    min_listen_s: float = knob(4.0, "shortest turn of the user that a backchannel example is made of", "s", gt=0)
    trail_s: float = knob(0.4, "how long a turn may ring on (reverberation) before silence follows it", "s", ge=0, le=2)
    answer_s: float = knob(8.0, "silence after the turn of a turn-taking example", "s", ge=1)
    gap_s: float = knob(
        7.0, "time for an answer before an interruption; the dialogue's own where that is longer", "s", ge=0
    )
    interruption_answer_s: float = knob(15.0, "silence after an interruption", "s", ge=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the user's channel, in seconds of the dialogue, and where in the input it begins."""

    start_s: float
    end_s: float
    at_s: float = 0.0

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def moved(self, time_s: float) -> float:
        """A time of the dialogue as a time of the input."""
        return time_s - self.start_s + self.at_s


@dataclass(frozen=True)
class Example:
    """One folder of the set. `spans` are the annotation's, in seconds of the input; `reference` is what the build's own agent
    said in its place; `turns` are the user's turns that it is made of."""

    task: Task
    turns: tuple[int, ...]
    pieces: tuple[Piece, ...]
    length_s: float
    spans: tuple[tuple[float, float], ...]
    said: tuple[Said, ...] = field(repr=False)
    reference: tuple[Said, ...] = field(repr=False)
    texts: Mapping[str, str] = field(default_factory=dict)
    backchannels: tuple[tuple[float, float], ...] = ()


class Chooser:
    """Chooses the examples of one dialogue; `skipped` counts what was left out, by reason."""

    def __init__(self, turns: Sequence[Row], lane: Lane, options: ExampleOptions) -> None:
        self._turns, self._lane, self._options = turns, lane, options
        self._events = {int(t["turn"]): list(happenings(t)) for t in turns}
        self.skipped: dict[str, int] = {}

    def examples(self) -> Iterator[Example]:
        """All examples, by task and turn."""
        for make in (self._pause, self._turn_taking, self._backchannel, self._interruption):
            for position, turn in enumerate(self._turns):
                if turn["speaker"] == Speaker.USER:
                    found = make(position, turn)
                    if found:
                        yield found

    def _pause(self, position: int, turn: Row) -> Example | None:
        pauses = [e for e in self._of(turn, EventType.PAUSE) if e.end_s - e.start_s >= self._options.min_pause_s]
        piece = self._whole(Task.PAUSE, turn, self._options.min_turn_s) if pauses else None
        if piece is None:
            return None
        spans = tuple((piece.moved(e.start_s), piece.moved(e.end_s)) for e in pauses)
        return self._listened(Task.PAUSE, turn, piece, spans, ())

    def _backchannel(self, position: int, turn: Row) -> Example | None:
        heard = [e for e in self._of(turn, EventType.BACKCHANNEL) if e.speaker is Speaker.AGENT]
        piece = self._whole(Task.BACKCHANNEL, turn, self._options.min_listen_s) if heard else None
        if piece is None:
            return None
        spans = tuple((piece.moved(e.start_s), piece.moved(e.end_s)) for e in heard)
        return self._listened(Task.BACKCHANNEL, turn, piece, (), spans)

    def _listened(
        self, task: Task, turn: Row, piece: Piece, spans: tuple[tuple[float, float], ...], backchannels: tuple[tuple[float, float], ...]
    ) -> Example:  # fmt: skip
        """An example that ends with the user's turn; the agent's reference is what it said during it, and how it begins to answer."""
        said = self._lane.user_words(piece)
        reference = self._lane.agent_words(piece, piece.end_s, since=int(turn["turn"]))
        return Example(
            task, (int(turn["turn"]),), (piece,), piece.length_s, spans, said, reference, backchannels=backchannels
        )

    def _turn_taking(self, position: int, turn: Row) -> Example | None:
        following = self._turns[position + 1] if position + 1 < len(self._turns) else None
        if following is None or following["speaker"] != Speaker.AGENT or self._of(following, EventType.LONG_SILENCE):
            return None
        piece = self._whole(Task.TURN_TAKING, turn, self._options.min_turn_s)
        if piece is None:
            return None
        length_s = piece.length_s + self._options.answer_s
        reference = self._lane.agent_words(
            piece, piece.start_s + length_s, since=int(turn["turn"]), until=int(following["turn"])
        )
        spans = ((piece.moved(self._lane.last_word_s(turn)), piece.length_s),)
        said = self._lane.user_words(piece)
        return Example(Task.TURN_TAKING, (int(turn["turn"]),), (piece,), length_s, spans, said, reference)

    def _interruption(self, position: int, turn: Row) -> Example | None:
        if not turn["barge_in"] or position < 1:
            return None
        before = [t for t in self._turns[: position - 1] if t["speaker"] == Speaker.USER]
        if not before:
            self._skip(Task.INTERRUPTION, "no_question_before")
            return None
        question, cut = (self._whole(Task.INTERRUPTION, t, 0.0) for t in (before[-1], turn))
        if question is None or cut is None:
            return None
        at_s = question.length_s + max(self._options.gap_s, turn["start_s"] - question.end_s)
        piece = Piece(cut.start_s, cut.end_s, at_s)
        first_s, last_s = piece.moved(self._lane.first_word_s(turn)), piece.moved(self._lane.last_word_s(turn))
        length_s = piece.at_s + piece.length_s + self._options.interruption_answer_s
        following = self._turns[position + 1]["turn"] if position + 1 < len(self._turns) else turn["turn"]
        horizon_s = piece.end_s + self._options.interruption_answer_s
        reference = self._lane.agent_words(piece, horizon_s, since=int(turn["turn"]), until=int(following))
        said = (*self._lane.user_words(question), *self._lane.user_words(piece))
        texts = {"context": before[-1]["heard_text"], "interrupt": turn["heard_text"]}
        turns = (int(before[-1]["turn"]), int(turn["turn"]))
        return Example(
            Task.INTERRUPTION, turns, (question, piece), length_s, ((first_s, last_s),), said, reference, texts
        )

    def _whole(self, task: Task, turn: Row, least_s: float) -> Piece | None:
        """The user's turn from its first sound to its last; None, counted, where it is too short, was cut, or has echo in it.

        Where silence is to follow, what rings on after it belongs to it, as long as nobody else is heard.
        """
        lane = self._lane
        if turn["end_s"] - turn["start_s"] < least_s:
            return self._skip(task, "short")
        if self._of(turn, EventType.AGENT_INTERRUPTION) or not turn["heard_text"].strip():
            return self._skip(task, "cut")
        if lane.echo and lane.agent_speaks(turn["start_s"], turn["end_s"]):
            return self._skip(task, "echo")
        if task in (Task.PAUSE, Task.BACKCHANNEL):
            return Piece(turn["start_s"], turn["end_s"])
        end_s = min(turn["end_s"] + self._options.trail_s, lane.next_user_word_s(turn["end_s"]), lane.duration_s)
        if lane.echo:
            end_s = max(turn["end_s"], min(end_s, lane.next_agent_word_s(turn["end_s"])))
        return Piece(turn["start_s"], end_s)

    def _of(self, turn: Row, kind: EventType) -> list[Happening]:
        return [e for e in self._events[int(turn["turn"])] if e.type is kind]

    def _skip(self, task: Task, reason: str) -> Piece | None:
        name = f"{task}_skipped_{reason}"
        self.skipped[name] = self.skipped.get(name, 0) + 1
        return None
