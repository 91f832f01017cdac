"""What may be said beside the turns of a dialogue: which utterance at which word, how willingly, and how often."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from datagen.records.enums import ClipKind, EventType, MarkType, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Clip, Clips, Speech, SpokenDialog
from datagen.stages.stitch.aside_places import (
    Openings,
    Place,
    backchannel_places,
    failed_places,
    in_order,
    openings,
    own_places,
    side_talk_places,
)
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.shapes import AsideShape, Rate, Span
from datagen.stages.stitch.spread import Spread, spread
from datagen.stages.stitch.words import samples, word_spans

_SPREAD: dict[tuple[EventType, Speaker], Spread] = {
    (EventType.BACKCHANNEL, Speaker.USER): "user backchannels",
    (EventType.BACKCHANNEL, Speaker.AGENT): "agent backchannels",
    (EventType.FAILED_BARGE_IN, Speaker.USER): "failed barge-ins",
}
SPARE = 24
"""Places drawn beyond twice the rate: some find no room."""


@dataclass(frozen=True, slots=True)
class Said:
    """The sound behind an AsideShape: who says what, and whether the writer asked for something of the sort at this word (a voice
    that has no clip of the mark's text says another of its own)."""

    type: EventType
    side: Speaker
    text: str
    speech: Speech
    marked: bool


@dataclass(slots=True)
class Asides:
    """What may be said beside each turn, by the turn's position: where at all, and shapes with, at the same index, their sound.

    `pauses` are the (word, length) that side talk opens in its own turn. `n_dropped` counts the marks that have no sound, or no place
    that makes sense.
    """

    openings: list[Openings]
    shapes: defaultdict[int, list[AsideShape]] = field(default_factory=lambda: defaultdict(list))
    said: defaultdict[int, list[Said]] = field(default_factory=lambda: defaultdict(list))
    pauses: defaultdict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    rates: dict[tuple[EventType, Speaker], Rate] = field(default_factory=dict)
    n_dropped: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))


def draw_asides(
    plan: DialogPlan, spoken: SpokenDialog, options: StitchOptions, clips: Clips, rng: np.random.Generator
) -> Asides:
    """What may be said beside the turns of this dialogue, ranked; how much of it is said is placing's, by the rates."""
    return _Draw(plan, spoken, options, clips, rng).run()


class _Draw:
    """One dialogue's draw: everything it needs to know, and what it has come to."""

    def __init__(
        self, plan: DialogPlan, spoken: SpokenDialog, options: StitchOptions, clips: Clips, rng: np.random.Generator
    ) -> None:
        self._voices = {Speaker.AGENT: plan.agent_voice, Speaker.USER: plan.user_voice}
        self._plan, self._turns, self._options, self._clips, self._rng = plan, spoken.turns, options, clips, rng
        self._out = Asides([openings(t.turn, options) for t in spoken.turns])
        self._said_before: defaultdict[tuple[EventType, Speaker], set[str]] = defaultdict(set)

    def run(self) -> Asides:
        for side in (Speaker.USER, Speaker.AGENT):
            rate = self._options.backchannel_per_min(side)
            places = backchannel_places(self._turns, self._out.openings, side, self._rng)
            self._sort(EventType.BACKCHANNEL, side, rate, places)
        per_min = self._options.failed_barge_in.per_min
        places = failed_places(self._turns, self._out.openings, self._rng)
        self._sort(EventType.FAILED_BARGE_IN, Speaker.USER, per_min, places)
        self._side_talk()
        return self._out

    def _sort(self, kind: EventType, side: Speaker, per_min: float, places: Iterable[Place]) -> None:
        """All places of one sort of event, as many as may be needed. A rate of 0 says that not even marked backchannels come."""
        rate = per_min / 60 / SAMPLE_RATE_HZ
        luck = spread(self._plan.index, _SPREAD[kind, side])
        self._out.rates[kind, side] = (rate, luck)
        heard = sum(len(t.speech.audio) for t in self._turns if t.turn.speaker is side.other)
        # Pauses make turns longer than their audio, by a half at most: what may be wanted, not what is.
        n_likely = math.floor(1.5 * rate * heard + luck) if rate else 0
        found = sorted(places, key=in_order)
        wanted = [p for p in found if p.mark is not None and kind is not EventType.BACKCHANNEL]
        sampled = [p for p in found if p.mark is None or kind is EventType.BACKCHANNEL]
        for place in [*wanted, *sampled[: 2 * n_likely + SPARE if n_likely else 0]]:
            self._add(kind, side, place)

    def _side_talk(self) -> None:
        """Marked side talk where it is marked; sampled, one in its share of the dialogues."""
        options = self._options.side_talk
        for position, spoken in enumerate(self._turns):
            for mark in spoken.turn.marks:
                if mark.type is MarkType.SIDE_TALK:
                    if spoken.turn.speaker is Speaker.USER and 1 <= mark.word < len(spoken.turn.words):
                        self._add_in_pause(Place(0.0, position, mark.word, mark))
                    else:
                        self._out.n_dropped[position] += 1
        draws = self._rng.random(2)
        self._out.rates[EventType.SIDE_TALK, Speaker.USER] = (0.0, 0.0)
        if spread(self._plan.index, "side talk") >= options.share:
            return
        own = list(own_places(self._turns, self._options))
        if own and draws[0] >= options.over_agent_share:
            self._add_in_pause(own[int(draws[1] * len(own))])
            return
        self._out.rates[EventType.SIDE_TALK, Speaker.USER] = (0.0, 1.0)
        over = sorted(side_talk_places(self._turns, self._options, self._rng), key=in_order)
        for place in over[:SPARE]:
            self._add(EventType.SIDE_TALK, Speaker.USER, place)

    def _add(self, kind: EventType, side: Speaker, place: Place) -> None:
        heard = self._heard(kind, side, place)
        if heard is None:
            return
        said, words = heard
        options = self._options.backchannel if kind is EventType.BACKCHANNEL else self._options.failed_barge_in
        shape = AsideShape(
            type=kind,
            side=side,
            word=place.word,
            delay=samples(self._rng.uniform(*options.delay_s)),
            length=len(said.speech.audio),
            words=words,
            rank=place.rank,
            wanted=place.mark is not None and kind is not EventType.BACKCHANNEL,
            words_after=1 if kind is EventType.BACKCHANNEL else self._options.failed_barge_in.words_after,
        )
        self._keep(place.turn, shape, said)

    def _add_in_pause(self, place: Place) -> None:
        """Side talk in a pause of the user's own turn, which is opened for it."""
        heard = self._heard(EventType.SIDE_TALK, Speaker.USER, place)
        if heard is None:
            return
        said, words = heard
        before, after = (samples(s) for s in self._rng.uniform(*self._options.side_talk.around_s, 2))
        length = len(said.speech.audio)
        self._out.pauses[place.turn].append((place.word, before + length + after))
        shape = AsideShape(
            EventType.SIDE_TALK, Speaker.USER, place.word, before, length, words, wanted=True, in_pause=True
        )
        self._keep(place.turn, shape, said)

    def _keep(self, turn: int, shape: AsideShape, said: Said) -> None:
        self._out.shapes[turn].append(shape)
        self._out.said[turn].append(said)

    def _heard(self, kind: EventType, side: Speaker, place: Place) -> tuple[Said, tuple[Span, ...]] | None:
        """What is said at a place, with its words; None, and a mark counted as dropped, where there is nothing or its words
        contradict its audio."""
        said = self._said(kind, side, place)
        words = word_spans(said.speech) if said else None
        if said is None or not words:
            self._out.n_dropped[place.turn] += place.mark is not None
            return None
        return said, words

    def _said(self, kind: EventType, side: Speaker, place: Place) -> Said | None:
        """The mark's own speech, or a clip of the voice: one of the mark's text where there is one. None: nothing to say."""
        if place.mark is not None:
            own = next((a.speech for a in self._turns[place.turn].asides if a.mark == place.mark), None)
            if own is not None:
                return Said(kind, side, place.mark.text, own, True)
        bank = self._clips(self._voices[side], ClipKind(kind.value))
        same: Sequence[Clip] = [c for c in bank if place.mark is not None and c.text == place.mark.text]
        found = same or [c for c in bank if c.text not in self._said_before[kind, side]] or bank
        if not found:
            return None
        clip = found[int(self._rng.integers(len(found)))]
        self._said_before[kind, side].add(clip.text)
        return Said(kind, side, clip.text, clip.speech, place.mark is not None)


def no_clips(voice: str, kind: ClipKind) -> Sequence[Clip]:
    """A bank without clips: only what marks bring with them is said beside the turns."""
    return ()


def merged(pauses: Sequence[tuple[int, int]], more: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Pauses by word, in order; of two before one word the longer."""
    longest: dict[int, int] = {}
    for word, length in (*pauses, *more):
        longest[word] = max(length, longest.get(word, 0))
    return tuple(sorted(longest.items()))
