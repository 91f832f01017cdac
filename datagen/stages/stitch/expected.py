"""What the recipe asks of a build's timing, given the build's own turns: `timing_target`, by the names of `timing`.

Every expectation is of the recipe's distributions. From the build come exposures alone: how many turns, transfers and
marks there are, how long the turns and their words are, and the natural silences inside them, which the speaker engine
makes and no knob of stitch sets. What a distribution was drawn into (an FTO, a pause, a lead) never enters its own target.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import numpy as np

from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.stitch.empirical import Quantiles
from datagen.stages.stitch.lognormal import Lognormal
from datagen.stages.stitch.measures import TimingSums
from datagen.stages.stitch.target import FtoTarget, mixture
from datagen.stages.stitch.word_cover import PER_S, common_s

_ASIDES = (EventType.BACKCHANNEL, EventType.FAILED_BARGE_IN)


@dataclass
class Expected:
    """The expectations of one build; each is worked out once."""

    sums: TimingSums

    @cached_property
    def ftos(self) -> FtoTarget | None:
        """The distribution that all drawn FTOs should follow; None without any."""
        return mixture(self.sums.options.fto_model(), self.sums.all_shifts())

    def ftos_of(self, side: Speaker) -> FtoTarget | None:
        """The same for the transfers to one side."""
        return mixture(self.sums.options.fto_model(), self.sums.shifts[side])

    @cached_property
    def hesitation_s(self) -> float:
        """Mean length of a pause inside a turn."""
        return mean_s(self.sums.options.pause_lengths())

    @cached_property
    def own_pause_s(self) -> float:
        """Mean pause between two turns of one speaker: the distribution's, plus what the turns' types add."""
        n = max(self.sums.n["own_pause"], 1)
        return mean_s(self.sums.options.between_turns()) + self.sums.seconds("own_shift") / n

    @cached_property
    def long_silence_s(self) -> float:
        """Mean length of a long silence."""
        long = self.sums.options.long_silence
        return Lognormal(long.median_s, long.sigma, *long.length_s).mean_below()

    @cached_property
    def tool_latency_s(self) -> float:
        """Mean time from a call to its result."""
        return self.sums.options.tool_latencies().mean_below()

    @cached_property
    def yield_s(self) -> float:
        """Mean time from a cut's first sound to the cut: the drawn one, and, by its share, the rest of the word under way.

        A moment in running words falls into one of mean length E[d^2] / E[d], of which half is still to come.
        """
        sums, options = self.sums, self.sums.options.barge_in
        drawn = Lognormal(options.yield_median_s, options.yield_sigma, *options.yield_s).mean_below()
        words = sum(sums.length[f"{side}_words"] for side in Speaker)
        rest_s = sums.length["words_squared"] / (2 * words) / SAMPLE_RATE_HZ if words else 0.0
        return drawn + options.finish_word_share * rest_s

    def n_asides(self, kind: EventType, side: Speaker) -> float:
        """How many backchannels or failed barge-ins one side should say, from the minutes of the turns with a place for one."""
        return self.aside_per_min(kind, side) * self.sums.seconds(f"{side}_{kind}_room") / 60

    def aside_per_min(self, kind: EventType, side: Speaker) -> float:
        """What the recipe says for a minute of those of the other's turns that have a place for it."""
        options = self.sums.options
        if kind is EventType.BACKCHANNEL:
            return options.backchannel_per_min(side)
        return options.failed_barge_in.per_min if side is Speaker.USER else 0.0

    @cached_property
    def overlap_s(self) -> float:
        """Seconds in which both should be heard: in drawn overlaps, before cuts, and in what is said beside the turns."""
        sums, cover = self.sums, common_s(self.sums.tails, self.sums.heads)
        n, total = sum(sums.all_shifts().values()), []
        if self.ftos is not None:
            # E[common(overlap)] = sum over steps of what the step adds, times the share of overlaps that reach it.
            middle = (np.arange(len(cover) - 1) + 0.5) / PER_S
            total.append(n * math.fsum(np.diff(cover) * self.ftos.shares_below(-middle)))
        total.append(sums.n["cut"] * float(np.interp(self.yield_s * PER_S, np.arange(len(cover)), cover)))
        total += [self._aside_overlap_s(kind, side) for kind in _ASIDES for side in Speaker]
        total.append(self._side_talk_over_s())
        return math.fsum(total)

    @cached_property
    def duration_s(self) -> float:
        """Seconds that the build should last: its turns, and between them what the recipe's distributions have on average."""
        sums = self.sums
        parts = [
            sums.seconds("n_samples"),
            sums.n["begun"] * fmean(sums.options.lead_s) - sums.seconds("lead"),
            sums.n["begun"] * fmean(sums.options.tail_s) - sums.seconds("tail"),
            sums.n["own_pause"] * self.own_pause_s - sums.seconds("own_pause"),
            sums.n["hesitation"] * self.hesitation_s - sums.seconds("hesitation"),
            sums.n["user_long_silence"] * self.long_silence_s - sums.seconds("user_long_silence"),
        ]
        if self.ftos is not None:
            mean_s = self.ftos.mean_gap_s() - self.ftos.mean_overlap_s()
            parts.append(sum(sums.all_shifts().values()) * mean_s - sums.seconds("drawn"))
        return math.fsum(parts)

    @cached_property
    def silence_s(self) -> float:
        """Seconds in which nobody should speak: the duration without what either says, counting once what both say at once."""
        sums = self.sums
        spoken = [sums.seconds(f"{side}_speech") for side in Speaker]
        for kind in _ASIDES:
            for side in Speaker:
                more = self.n_asides(kind, side) - sums.n[f"{side}_{kind}"]
                spoken.append(more * _mean_s(sums, f"{side}_{kind}"))
        return math.fsum([self.duration_s, -math.fsum(spoken), self.overlap_s])

    def _aside_overlap_s(self, kind: EventType, side: Speaker) -> float:
        """How many there should be, and how much of one falls on words: that is the speech's, and as measured."""
        return self.n_asides(kind, side) * _mean_s(self.sums, f"{side}_{kind}", f"{side}_{kind}_over_words")

    def _side_talk_over_s(self) -> float:
        """Seconds that the user should talk to somebody else over the agent's words."""
        sums, options = self.sums, self.sums.options.side_talk
        return options.share * options.over_agent_share * sums.n["dialogs"] * _mean_s(sums, "side_talk_over")


def mean_s(lengths: Lognormal | Quantiles) -> float:
    """The mean of a distribution of lengths, in seconds."""
    return lengths.mean_below() if isinstance(lengths, Lognormal) else lengths.mean_above(0.0)


def _mean_s(sums: TimingSums, name: str, length: str = "") -> float:
    """The mean length of what the build has of something; 0 where it has none."""
    return sums.seconds(length or name) / sums.n[name] if sums.n[name] else 0.0
