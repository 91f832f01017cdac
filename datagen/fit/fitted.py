"""The distributions that fit what was measured, as the tables of an empirical preset."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.fit.measured import Measured
from datagen.fit.shares import variance_shares

MAX_POINTS = 201
"""Quantiles a list has at the most: every half per cent."""
MIN_PAUSES = 30
"""Below this many, pauses stay as the recipe has them."""


@dataclass(frozen=True, slots=True)
class Half:
    """The gaps or the overlaps: how many, their median, and the spread of their logarithm."""

    n: int
    median_s: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A timing as it was measured. None stands for what the recordings cannot tell."""

    fto_s: tuple[float, ...]
    overlap_share: float
    median_s: float
    gaps: Half | None
    overlaps: Half | None
    pause_s: tuple[float, ...] | None
    between: Half | None
    pair_share: float | None
    speaker_share: float | None
    backchannel_per_min: float
    measured: Measured


def fit(measured: Measured) -> Fitted:
    """The distributions of what was measured."""
    fto_s = np.array([t.fto_s for t in measured.transfers])
    pairs, speakers = variance_shares(measured.transfers)
    pauses = np.array([p for p in measured.pauses_s if p > 0])
    return Fitted(
        fto_s=quantiles(fto_s),
        overlap_share=float(np.mean(fto_s < 0)),
        median_s=float(np.median(fto_s)),
        gaps=_half(fto_s[fto_s > 0]),
        overlaps=_half(-fto_s[fto_s < 0]),
        pause_s=quantiles(pauses) if len(pauses) >= MIN_PAUSES else None,
        between=_half(np.array([b for b in measured.between_s if b > 0]), MIN_PAUSES),
        pair_share=pairs,
        speaker_share=speakers,
        backchannel_per_min=60 * measured.n_backchannels / measured.turn_s if measured.turn_s else 0.0,
        measured=measured,
    )


def quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Quantiles at evenly spaced shares from 0 to 1, about one for five values, 21 to 201, rounded to 0.1 ms.

    The first and the last are not the extremes, which one slip of a transcriber moves by seconds: they lie where the
    outermost parts keep their means.
    """
    n_points = min(max(len(values) // 5, 21), MAX_POINTS) | 1  # odd: the median is one of them
    found = np.quantile(values, np.linspace(0, 1, n_points))
    below, above = values[values <= found[1]], values[values >= found[-2]]
    found[0] = np.clip(2 * np.mean(below) - found[1], values.min(), found[1])
    found[-1] = np.clip(2 * np.mean(above) - found[-2], found[-2], values.max())
    return tuple(float(v) for v in np.round(found, 4) + 0.0)


def _half(lengths_s: NDArray[np.float64], least: int = 2) -> Half | None:
    """Median and spread; the spread from the middle 80 %, which outliers do not move."""
    if len(lengths_s) < max(least, 2):
        return None
    low, high = np.quantile(np.log(lengths_s), (0.1, 0.9))
    return Half(len(lengths_s), float(np.median(lengths_s)), float((high - low) / (2 * 1.2815515655446004)))


def rounded(value: float, digits: int = 4) -> float:
    """The value with `digits` after the point, and never -0."""
    return math.copysign(0.0, 1) if round(value, digits) == 0 else round(value, digits)


def names_of(files: Sequence[str]) -> str:
    """Up to five file names, and how many more there are."""
    shown = ", ".join(files[:5])
    return shown if len(files) <= 5 else f"{shown} and {len(files) - 5} more"
