"""The knobs of the stitch stage."""

from typing import Any

from pydantic import Field, model_validator

from datagen.config import Options, knob
from datagen.records.enums import TurnType
from datagen.stages.stitch.event_options import (
    AgentInterruptionOptions,
    BackchannelOptions,
    BargeInOptions,
    FailedBargeInOptions,
    LongSilenceOptions,
    PauseOptions,
    SideTalkOptions,
)
from datagen.stages.stitch.fto import FtoModel, gap_median_for, overlap_median_for
from datagen.stages.stitch.presets import Preset, ShiftOptions, preset
from datagen.stages.stitch.ranges import SecondsRange


class FtoOptions(Options):
    """When a turn starts. What is None comes from the preset that `stitch.timing` names."""

    median_s: float | None = knob(
        None, "median of all FTOs; sets the gaps' median (the overlaps' if negative)", "s", ge=-5, le=10
    )
    overlap_share: float | None = knob(None, "share of floor transfers that overlap", "share", ge=0, lt=1)
    gap_median_s: float | None = knob(None, "median of the gaps", "s", gt=0, le=10)
    gap_sigma: float | None = knob(None, "spread of the gaps' logarithm; 0 is a constant gap", ge=0, le=3)
    overlap_median_s: float | None = knob(None, "median length of the overlaps", "s", gt=0, le=5)
    overlap_sigma: float | None = knob(None, "spread of the overlaps' logarithm", ge=0, le=3)
    pair_share: float | None = knob(
        None, "share of the FTOs' latent variance that is the pair's own", "share", ge=0, lt=1
    )
    speaker_share: float | None = knob(None, "share of it that is each speaker's own", "share", ge=0, lt=1)
    max_gap_s: float = knob(4.0, "longest gap that is drawn, shifts aside", "s", gt=0, le=60)
    agent_latency_s: float = knob(0.0, "added to every FTO of the agent", "s", ge=-2, le=10)
    max_overlap_words: int = knob(
        4, "words of the other's turn that an overlap may cover at most", "words", ge=1, le=50
    )
    max_overlap_turn_share: float = knob(
        0.5, "an overlap takes at most this share of the other's turn", "share", gt=0, lt=1
    )
    max_overlap_number_share: float = knob(
        0.25, "an overlap covers at most this share of a word with digits", "share", ge=0, lt=1
    )
    max_overlap_question_share: float = knob(
        0.3, "the same for a question, whose key words come first", "share", gt=0, lt=1
    )

    @model_validator(mode="after")
    def _one_median(self) -> "FtoOptions":
        if self.median_s is not None and self.median_s > 0 and self.gap_median_s is not None:
            raise ValueError(
                f"median_s ({self.median_s:g}) and gap_median_s ({self.gap_median_s:g}) both set the gaps. Leave one out."
            )
        if self.median_s is not None and self.median_s < 0 and self.overlap_median_s is not None:
            raise ValueError(
                f"median_s ({self.median_s:g}) and overlap_median_s ({self.overlap_median_s:g}) both set the overlaps. Leave one out."
            )
        return self


class StitchOptions(Options):
    """When everything is said. `timing` names a preset; the tables below override it."""

    timing: str = knob(
        "conversational",
        "preset of the FTOs: conversational | telephone | brisk | fixed",
    )
    fto: FtoOptions = Field(default_factory=FtoOptions, description="when a turn starts")
    shift: ShiftOptions = Field(default_factory=ShiftOptions, description="seconds added to the FTO by type of turn")
    barge_in: BargeInOptions = Field(default_factory=BargeInOptions, description="how the floor is yielded")
    agent_interruption: AgentInterruptionOptions = Field(
        default_factory=AgentInterruptionOptions, description="when the agent cuts in on the user"
    )
    backchannel: BackchannelOptions = Field(
        default_factory=BackchannelOptions, description="how often, where and how loud"
    )
    failed_barge_in: FailedBargeInOptions = Field(
        default_factory=FailedBargeInOptions, description="the user tries to cut in, and gives up"
    )
    side_talk: SideTalkOptions = Field(default_factory=SideTalkOptions, description="the user talks to somebody else")
    pause: PauseOptions = Field(default_factory=PauseOptions, description="hesitations")
    long_silence: LongSilenceOptions = Field(
        default_factory=LongSilenceOptions, description="the user says nothing for long"
    )
    lead_s: SecondsRange = knob((0.2, 1.0), "silence before the first turn, shortest and longest", "s")
    tail_s: SecondsRange = knob((0.4, 1.5), "silence after the last turn, shortest and longest", "s")
    fade_s: float = knob(0.03, "fade-out of a cut turn", "s", gt=0, le=0.5)
    edge_fade_s: float = knob(0.004, "fade at the other edges of every piece of audio", "s", ge=0, le=0.05)
    max_columns: int = knob(
        2048,
        "columns of prefix and dialogue; a longer dialogue ends after the last turn that fits",
        "frames",
        ge=64,
        le=1_000_000,
    )
    min_turns: int = knob(2, "a dialogue of which fewer turns fit is rejected", "turns", ge=1, le=1000)

    @model_validator(mode="after")
    def _possible(self) -> "StitchOptions":
        self.fto_model()
        pair, speaker = self.variance_shares()
        if pair + speaker >= 1:
            raise ValueError(
                f"fto.pair_share + fto.speaker_share is {pair + speaker:g}, and has to stay under 1: the rest is the turns'."
            )
        return self

    def fto_model(self) -> FtoModel:
        """The distribution of FTOs that preset and overrides give together. ValueError where they contradict each other."""
        base, own = preset(self.timing), self.fto
        overlap_share = _first(own.overlap_share, base.overlap_share)
        gap_sigma = _first(own.gap_sigma, base.gap_sigma)
        overlap_sigma = _first(own.overlap_sigma, base.overlap_sigma)
        gap_median_s = _first(own.gap_median_s, base.gap_median_s)
        overlap_median_s = _first(own.overlap_median_s, base.overlap_median_s)
        if own.median_s is not None and own.median_s >= 0:
            gap_median_s = gap_median_for(own.median_s, overlap_share, gap_sigma)
        elif own.median_s is not None:
            overlap_median_s = overlap_median_for(own.median_s, overlap_share, overlap_sigma)
        if gap_median_s > own.max_gap_s:
            raise ValueError(f"the gaps' median is {gap_median_s:g} s, above fto.max_gap_s = {own.max_gap_s:g} s.")
        return FtoModel(overlap_share, gap_median_s, gap_sigma, overlap_median_s, overlap_sigma, own.max_gap_s)

    def variance_shares(self) -> tuple[float, float]:
        """The shares of the latent variance that pair and speaker explain."""
        base = preset(self.timing)
        return _first(self.fto.pair_share, base.pair_share), _first(self.fto.speaker_share, base.speaker_share)

    def shift_s(self, kind: TurnType) -> float:
        """Seconds that a type of turn adds to its FTO."""
        return _first(self.shift.of(kind), preset(self.timing).shift.of(kind) or 0.0)

    def preset(self) -> Preset:
        """The preset that `timing` names."""
        return preset(self.timing)

    def output_options(self) -> dict[str, Any]:
        """The knobs and the preset's numbers: a changed preset is another output, whatever its name."""
        return {**super().output_options(), "preset": self.preset().output_options()}


def _first(own: float | None, otherwise: float) -> float:
    return otherwise if own is None else own
