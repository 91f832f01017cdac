"""The timing presets, read from presets.toml beside this file, and the one that a recipe brings itself."""

import difflib
import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from pydantic import Field, field_validator

from datagen.config import Options, knob, read_options
from datagen.errors import UserError
from datagen.records.enums import TurnType

EMPIRICAL = "empirical"
"""The name in `stitch.timing` that means the quantiles in `[stitch.empirical]`."""
MIN_QUANTILES = 5
MAX_QUANTILES = 10_001


class ShiftOptions(Options):
    """Seconds added to the FTO of a turn by what the turn does; None leaves it to the preset (0 where it has none)."""

    greeting_s: float | None = knob(None, "added before a greeting", "s", ge=-2, le=10)
    question_s: float | None = knob(None, "added before a question", "s", ge=-2, le=10)
    answer_s: float | None = knob(None, "added before an answer", "s", ge=-2, le=10)
    confirmation_s: float | None = knob(None, "added before a confirmation", "s", ge=-2, le=10)
    after_lookup_s: float | None = knob(None, "added before a turn that needed something looked up", "s", ge=-2, le=10)
    statement_s: float | None = knob(None, "added before a statement", "s", ge=-2, le=10)
    objection_s: float | None = knob(None, "added before an objection", "s", ge=-2, le=10)
    closing_s: float | None = knob(None, "added before a closing", "s", ge=-2, le=10)

    def of(self, kind: TurnType) -> float | None:
        """The shift of one type of turn."""
        value: float | None = getattr(self, f"{kind.value}_s")
        return value


class Timing(Options):
    """What every timing says besides its distribution: where it comes from, how far it can be leaned on, who differs."""

    source: str = knob("not named", "where the numbers come from", changes_output=False)
    quality: str = knob("not named", "published, measured, second-hand or assumed, by number", changes_output=False)
    pair_share: float = knob(0.15, "share of the latent variance that the pair explains", "share", ge=0, lt=1)
    speaker_share: float = knob(0.05, "share that the speaker explains", "share", ge=0, lt=1)
    shift: ShiftOptions = Field(default_factory=ShiftOptions, description="by type of turn")


class Preset(Timing):
    """A named timing with two log-normal halves."""

    overlap_share: float = knob(..., "share of floor transfers that overlap", "share", ge=0, lt=1)
    gap_median_s: float = knob(..., "median of the gaps", "s", gt=0)
    gap_sigma: float = knob(..., "spread of the gaps' logarithm", ge=0)
    overlap_median_s: float = knob(..., "median length of the overlaps", "s", gt=0)
    overlap_sigma: float = knob(..., "spread of the overlaps' logarithm", ge=0)


class EmpiricalOptions(Timing):
    """A timing by quantiles, e.g. as `datagen timing fit` writes them. Quantiles are at evenly spaced shares from 0 to 1."""

    fto_s: tuple[float, ...] = knob(..., "quantiles of the FTOs, at least 5, never falling", "s")
    pause_s: tuple[float, ...] | None = knob(
        None, "quantiles of the pauses inside a turn, instead of stitch.pause.median_s and sigma", "s"
    )
    between_turns_median_s: float | None = knob(
        None, "median pause between two turns of one speaker, instead of stitch.pause's", "s", gt=0, le=10
    )
    between_turns_sigma: float | None = knob(None, "spread of its logarithm", ge=0, le=3)
    backchannel_per_min: float | None = knob(
        None, "of either side, a minute of the other's turns, where stitch.backchannel sets none", "1/min", ge=0, le=60
    )

    @field_validator("fto_s", "pause_s", mode="before")
    @classmethod
    def _numbers(cls, values: Any, info: Any) -> Any:
        return None if values is None and info.field_name == "pause_s" else checked_quantiles(values, info.field_name)

    @field_validator("fto_s")
    @classmethod
    def _offsets(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        _within(values, -10.0, 60.0)
        if values[-1] < 0:
            raise ValueError(
                f"all {len(values)} quantiles are overlaps (the highest is {values[-1]:g} s): no gap at all."
            )
        return values

    @field_validator("pause_s")
    @classmethod
    def _lengths(cls, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if values is not None:
            _within(values, 0.0, 60.0)
        return values


def checked_quantiles(values: Any, name: str) -> tuple[float, ...]:
    """`values` as quantiles; ValueError with the position and the values where they are none."""
    if not isinstance(values, list | tuple):
        raise ValueError(f"needs a list of at least {MIN_QUANTILES} numbers, got {_short(values)}.")
    for position, value in enumerate(values):
        if not _is_finite(value):
            raise ValueError(
                f"the quantile at position {position} of {len(values)} is {_short(value)}: needs a finite number."
            )
    if not MIN_QUANTILES <= len(values) <= MAX_QUANTILES:
        raise ValueError(f"has {len(values)} quantiles, and needs {MIN_QUANTILES} to {MAX_QUANTILES}.")
    for position, (low, high) in enumerate(pairwise(values), start=1):
        if high < low:
            raise ValueError(
                f"falls at position {position} of {len(values)}: {high:g} s after {low:g} s. Quantiles never fall; sort them."
            )
    return tuple(float(value) for value in values)


def _is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    try:
        return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _within(values: tuple[float, ...], low: float, high: float) -> None:
    for position in (0, len(values) - 1):
        if not low <= values[position] <= high:
            raise ValueError(
                f"the quantile at position {position} of {len(values)} is {values[position]:g} s, "
                f"outside of {low:g} to {high:g} s."
            )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "..."


@cache
def presets() -> dict[str, Preset]:
    """Every named preset, in the file's order."""
    tables = tomllib.loads(files("datagen.stages.stitch").joinpath("presets.toml").read_text("utf-8"))
    return {name: read_options(Preset, values, f"presets.toml {name}") for name, values in tables.items()}


def preset(name: str) -> Preset:
    """The preset of that name, or a ValueError that names the nearest and all."""
    found = presets().get(name)
    if found is None:
        names = [*presets(), EMPIRICAL]
        near = difflib.get_close_matches(name, names, n=2)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"there is no preset {name!r}.{hint} There are: {', '.join(names)}.")
    return found


def read_empirical(values: Mapping[str, Any], where: str) -> EmpiricalOptions:
    """The tables of an empirical preset's file; UserError that names the file, the key and the value at fault."""
    if "fto_s" not in values:
        raise UserError(f"{where}: has no fto_s, the quantiles of the FTOs. `datagen timing fit` writes such a file.")
    return read_options(EmpiricalOptions, values, where)
