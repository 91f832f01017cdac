"""The knobs of the stitch stage."""

from typing import Any

from pydantic import Field, model_validator

from datagen.config import Options, knob
from datagen.records.enums import Speaker, TurnType
from datagen.stages.stitch.contradictions import refuse
from datagen.stages.stitch.empirical import EmpiricalFto, Quantiles
from datagen.stages.stitch.event_options import (
    AgentInterruptionOptions,
    BackchannelOptions,
    BargeInOptions,
    FailedBargeInOptions,
    LongSilenceOptions,
    PauseOptions,
    SideTalkOptions,
    ToolLatencyOptions,
)
from datagen.stages.stitch.fto import FtoModel, LognormalFto, gap_median_for, overlap_median_for
from datagen.stages.stitch.fto_options import FtoOptions
from datagen.stages.stitch.gate_options import GateOptions
from datagen.stages.stitch.lognormal import Lognormal
from datagen.stages.stitch.presets import EMPIRICAL, EmpiricalOptions, Preset, ShiftOptions, Timing, preset
from datagen.stages.stitch.ranges import LatencyRange, SecondsRange

LAPSE_S = 10.0
"""After a longer silence the talk had stopped: no pause between two turns is that long."""


class StitchOptions(Options):
    """When everything is said. `timing` names a preset; the tables below override it."""

    timing: str = knob(
        "conversational",
        "preset of the FTOs: conversational | telephone | brisk | fixed | empirical",
    )
    empirical: EmpiricalOptions | None = Field(
        default=None,
        description="the quantiles for timing = empirical: a table, or the path of a TOML file that holds one",
    )
    agent_latency_s: LatencyRange = knob(
        (0.0, 0.0),
        "added to every FTO of the agent: one value a dialogue, spread evenly between lowest and highest",
        "s",
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
    tool_latency: ToolLatencyOptions = Field(
        default_factory=ToolLatencyOptions, description="how long the tools take that the agent calls"
    )
    gate: GateOptions = Field(
        default_factory=GateOptions,
        description="how far a build's timing may be from its target",
        json_schema_extra={"changes_output": False},
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
        refuse(self)
        return self

    def fto_model(self) -> FtoModel:
        """The distribution of FTOs that preset and overrides give together. ValueError where they contradict each other."""
        base, own = self.preset(), self.fto
        if isinstance(base, EmpiricalOptions):
            return EmpiricalFto(base.fto_s)
        assert isinstance(base, Preset)
        overlap_share = _first(own.asked_overlap_share(), base.overlap_share)
        gap_sigma = _first(own.gap_sigma, base.gap_sigma)
        overlap_sigma = _first(own.overlap_sigma, base.overlap_sigma)
        gap_median_s = _first(own.gap_median_s, base.gap_median_s)
        overlap_median_s = _first(own.overlap_median_s, base.overlap_median_s)
        if own.median_s is not None and own.median_s >= 0:
            gap_median_s = gap_median_for(own.median_s, overlap_share, gap_sigma)
        elif own.median_s is not None:
            overlap_median_s = overlap_median_for(own.median_s, overlap_share, overlap_sigma)
        if gap_median_s > own.max_gap_s:
            raise ValueError(
                f"the gaps' median is {gap_median_s:.3g} s, above fto.max_gap_s = {own.max_gap_s:g} s. Raise fto.max_gap_s, or "
                "ask for shorter gaps (fto.median_s, fto.gap_median_s)."
            )
        return LognormalFto(overlap_share, gap_median_s, gap_sigma, overlap_median_s, overlap_sigma, own.max_gap_s)

    def variance_shares(self) -> tuple[float, float]:
        """The shares of the latent variance that pair and speaker explain."""
        base = self.preset()
        return _first(self.fto.pair_share, base.pair_share), _first(self.fto.speaker_share, base.speaker_share)

    def shift_s(self, kind: TurnType) -> float:
        """Seconds that a type of turn adds to its FTO."""
        return _first(self.shift.of(kind), self.preset().shift.of(kind) or 0.0)

    def pause_lengths(self) -> Lognormal | Quantiles:
        """How long pauses inside a turn are."""
        if self.timing == EMPIRICAL and self.empirical and self.empirical.pause_s:
            return Quantiles(self.empirical.pause_s)
        return Lognormal(self.pause.median_s, self.pause.sigma, *self.pause.length_s)

    def tool_latencies(self) -> Lognormal:
        """How long tools take."""
        return Lognormal(self.tool_latency.median_s, self.tool_latency.sigma, *self.tool_latency.length_s)

    def between_turns(self) -> Lognormal:
        """How long the pause between two turns of one speaker is: at most fto.max_gap_s; measured ones up to LAPSE_S."""
        median_s, sigma, longest_s = (
            self.pause.between_turns_median_s,
            self.pause.between_turns_sigma,
            self.fto.max_gap_s,
        )
        if self.timing == EMPIRICAL and self.empirical:
            if self.empirical.between_turns_median_s is not None and "max_gap_s" not in self.fto.model_fields_set:
                longest_s = LAPSE_S
            median_s = _first(self.empirical.between_turns_median_s, median_s)
            sigma = _first(self.empirical.between_turns_sigma, sigma)
        return Lognormal(median_s, sigma, 0.0, longest_s)

    def backchannel_per_min(self, side: Speaker) -> float:
        """Backchannels of one side a minute of the other's turns: the knob where it is set, else an empirical preset's."""
        name = f"{side.value}_per_min"
        if self.timing == EMPIRICAL and self.empirical and name not in self.backchannel.model_fields_set:
            return _first(self.empirical.backchannel_per_min, getattr(self.backchannel, name))
        return float(getattr(self.backchannel, name))

    def preset(self) -> Timing:
        """The timing that `timing` names. ValueError where there is none of that name, or no quantiles for `empirical`."""
        if self.timing != EMPIRICAL:
            return preset(self.timing)
        if self.empirical is None:
            raise ValueError(
                "timing = empirical needs its quantiles: stitch.empirical = FILE, as `datagen timing fit` writes it, or "
                "a table [stitch.empirical] with fto_s."
            )
        return self.empirical

    def output_options(self) -> dict[str, Any]:
        """The knobs and the preset's numbers: a changed preset is another output, whatever its name."""
        own = {**super().output_options(), "preset": self.preset().output_options()}
        own.pop("empirical")  # it is the preset, or unused
        return own


def _first(own: float | None, otherwise: float) -> float:
    return otherwise if own is None else own
