"""What a build's turn-taking came to: sums over its dialogues, and the statistics that build.json holds as `timing`.

Times come in as whole samples, so that sums are exact and no order of shards shows. What is only counted here to say how
often something could happen (turns, their lengths, their words) is marked as exposure: `expected` takes it from here, and
nothing else.
"""

from collections import Counter
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.stitch.columns import Part
from datagen.stages.stitch.latency import latency_s
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.target import PER_S, is_constant
from datagen.stages.stitch.word_cover import Cover

MIN_PAUSE_S = 0.2
"""Shorter silences between a turn's words are articulation, not pauses (Heldner & Edlund 2010 use 180 ms)."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(slots=True)
class TimingSums:
    """A build so far. `n` are counts and `length` samples at 24 kHz, by name; memory is eight bytes a turn beside them.

    `ftos` are the FTOs in seconds of the transfers whose offset the model draws, by side of who takes the floor: not those
    after a cut (the writer set the place), after a long silence, nor where a tool's result is waited for. `shifts` count what
    was to be added to each of them, in milliseconds (exposure). Where the model is a constant, `constant_s` is that
    and `max_error_s` the farthest that an
    FTO is from it. `tails` and `heads` say how far the ends and beginnings of turns are words, and lengths named
    `…_over_words` how much of an event falls on words of its turn (exposure).
    """

    options: StitchOptions
    n: Counter[str] = field(default_factory=Counter)
    length: Counter[str] = field(default_factory=Counter)
    ftos: dict[Speaker, list[Reals]] = field(default_factory=lambda: {side: [] for side in Speaker})
    shifts: dict[Speaker, Counter[int]] = field(default_factory=lambda: {side: Counter() for side in Speaker})
    tails: Cover = field(default_factory=Cover)
    heads: Cover = field(default_factory=Cover)
    constant_s: float | None = field(init=False)
    max_error_s: float = 0.0

    def __post_init__(self) -> None:
        model = self.options.fto_model()
        self.constant_s = model.quantile(0.5) if is_constant(model) else None

    def add(self, part: Part) -> None:
        """Takes in whole dialogues."""
        self._add_dialogs(part)
        if len(part.turns.start):
            self._add_transfers(part)
            self._add_words(part)
        self._add_events(part)

    def seconds(self, name: str) -> float:
        """A length in seconds."""
        return self.length[name] / SAMPLE_RATE_HZ

    def all_ftos(self) -> Reals:
        """The drawn FTOs of both sides in seconds, sorted."""
        return np.sort(np.concatenate([self.of_side(side) for side in Speaker]))

    def of_side(self, side: Speaker) -> Reals:
        """The drawn FTOs of one side in seconds, sorted."""
        return np.sort(np.concatenate([np.empty(0), *self.ftos[side]]))

    def all_shifts(self) -> Counter[int]:
        """The drawn transfers of both sides by shift."""
        return self.shifts[Speaker.AGENT] + self.shifts[Speaker.USER]

    def _add_dialogs(self, part: Part) -> None:
        dialogs, turns = part.dialogs, part.turns
        self.n["dialogs"] += len(dialogs.n_samples)
        for name in (column.name for column in fields(dialogs) if column.name != "index"):
            self.length[name] += int(getattr(dialogs, name).sum())
        self.n["turns"] += len(turns.start)
        for side in Speaker:
            own = turns.agent == (side is Speaker.AGENT)
            self.length[f"{side}_turns"] += int((turns.end - turns.start)[own].sum())
        first, last = ~part.has_before(), ~part.has_after()
        self.length["lead"] += int(turns.start[first].sum())
        self.length["tail"] += int(dialogs.n_samples[turns.dialog[last]].sum() - turns.end[last].sum())
        self.n["begun"] += int(first.sum())

    def _add_transfers(self, part: Part) -> None:
        """Parts the borders between turns by what decides them: the model, a cut, a long silence, a tool's result, the speaker going on."""
        turns, before = part.turns, part.has_before()
        after_cut = before & np.roll(part.turns_with(EventType.BARGE_IN, EventType.AGENT_INTERRUPTION), 1)
        after_silence = part.turns_with(EventType.LONG_SILENCE) & ~after_cut
        set_already = after_cut | after_silence | part.awaits_result()
        drawn = before & turns.changes & ~set_already
        goes_on = before & ~turns.changes & ~set_already
        since = turns.start - np.roll(turns.end, 1)
        self.n["cut"] += int(after_cut.sum())
        self.length["cut"] += int(np.maximum(-since[after_cut], 0).sum())
        self.n["own_pause"] += int(goes_on.sum())
        self.length["own_pause"] += int(since[goes_on].sum())
        self.length["own_shift"] += int(np.maximum(self._type_shifts(part)[goes_on], 0).sum()) * SAMPLE_RATE_HZ // PER_S
        shifts = self._type_shifts(part) + self._latencies(part)
        for side in Speaker:
            own = drawn & (turns.agent == (side is Speaker.AGENT))
            self.ftos[side].append(since[own] / SAMPLE_RATE_HZ)
            self.shifts[side].update(Counter(shifts[own].tolist()))
        self.length["drawn"] += int(since[drawn].sum())
        if self.constant_s is not None:
            error = np.abs(since / SAMPLE_RATE_HZ - self.constant_s - shifts / PER_S)[drawn]
            self.max_error_s = max(self.max_error_s, float(error.max(initial=0.0)))
        self._cover(part, drawn)

    def _type_shifts(self, part: Part) -> NDArray[np.int64]:
        """Milliseconds that the type of each turn adds."""
        by_kind = np.array([round(self.options.shift_s(kind) * PER_S) for kind in part.kinds], np.int64)
        return by_kind[part.turns.kind]

    def _latencies(self, part: Part) -> NDArray[np.int64]:
        """Milliseconds that the dialogue's latency adds to each turn of the agent."""
        added_ms = [round(latency_s(int(i), self.options) * PER_S) for i in part.dialogs.index]
        by_dialog = np.array(added_ms, np.int64)
        return np.where(part.turns.agent, by_dialog[part.turns.dialog], 0)

    def _cover(self, part: Part, drawn: Flags) -> None:
        """Where the words lie in what an overlap may cover: the end of the turn before, and the beginning of this one."""
        turns, words = part.turns, part.words
        ends = np.roll(drawn, -1)
        last, first = ends[words.turn], drawn[words.turn]
        of_last, of_first = words.turn[last], words.turn[first]
        self.tails.add(
            turns.end[of_last] - words.end[last],
            turns.end[of_last] - words.start[last],
            (turns.end - turns.start)[ends],
        )
        self.heads.add(
            words.start[first] - turns.start[of_first], words.end[first] - turns.start[of_first],
            (turns.end - turns.start)[drawn],
        )  # fmt: skip

    def _add_words(self, part: Part) -> None:
        """Lengths of words, and the pauses between two words of one turn."""
        words = part.words
        lengths = words.end - words.start
        for side in Speaker:
            own = part.turns.agent[words.turn] == (side is Speaker.AGENT)
            self.length[f"{side}_words"] += int(lengths[own].sum())
        self.n["words"] += len(lengths)
        self.length["words_squared"] += int((lengths * lengths).sum())
        between = (words.start[1:] - words.end[:-1])[words.turn[1:] == words.turn[:-1]]
        pauses = between[between >= MIN_PAUSE_S * SAMPLE_RATE_HZ]
        self.n["pause"] += len(pauses)
        self.length["pause"] += int(pauses.sum())

    def _add_events(self, part: Part) -> None:
        self.n["tool_latency"] += len(part.calls.called)
        self.length["tool_latency"] += int((part.calls.result - part.calls.called).sum())
        events, agent = part.events, part.turns.agent
        lengths = events.end - events.start
        over_words = part.words_within(events.turn, events.start, events.end)
        for kind in EventType:
            for side in Speaker:
                own = (events.kind == kind) & (events.channel == side.channel)
                self.n[f"{side}_{kind}"] += int(own.sum())
                self.length[f"{side}_{kind}"] += int(lengths[own].sum())
                self.length[f"{side}_{kind}_over_words"] += int(over_words[own].sum())
        side_talk = events.kind == EventType.SIDE_TALK
        self.n["side_talk_dialogs"] += len(np.unique(part.turns.dialog[events.turn[side_talk]]))
        over = side_talk & agent[events.turn] if len(agent) else side_talk
        self.n["side_talk_over"] += int(over.sum())
        self.length["side_talk_over"] += int(over_words[over].sum())
        # A pause that the user fills by talking to somebody else is as long as that takes.
        hesitation = (events.kind == EventType.PAUSE) & ~np.isin(events.turn, events.turn[side_talk & ~over])
        self.n["hesitation"] += int(hesitation.sum())
        self.length["hesitation"] += int(lengths[hesitation].sum())
