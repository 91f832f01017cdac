"""The FTOs that a build should have: the recipe's model, shifted for each of the build's own transfers, as one distribution."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.stages.stitch.fto import FtoModel

Reals = NDArray[np.float64]

PER_S = 1_000
"""Points of the table a second: shifts are rounded to them, and a KS distance moves by less than 0.002 for it."""
_TAIL = 1e-6
"""What of the model lies beyond the table's ends."""
_WIDEST_S = 120.0
"""The table's ends at the most: no turn bears an overlap of that length, and no knob allows such a gap."""
_JUMP = 0.02
"""A rise of the distribution within a millisecond above which there is a constant, not a density: the steepest preset
rises by 0.004."""


@dataclass(frozen=True)
class FtoTarget:
    """A distribution of FTOs as a table: `cdf[i]` is the share at or below `(low + i)` milliseconds."""

    low: int
    cdf: Reals

    def share_below(self, fto_s: float) -> float:
        """The share of FTOs below a value in seconds, straight lines between the points."""
        return float(self.shares_below(np.array([fto_s]))[0])

    def shares_below(self, ftos_s: Reals) -> Reals:
        """The share of FTOs below each value."""
        at = np.arange(self.low, self.low + len(self.cdf)) / PER_S
        return np.asarray(np.interp(ftos_s, at, self.cdf, left=0.0, right=1.0), np.float64)

    def quantile(self, u: float) -> float:
        """The FTO in seconds below which a share `u` lies."""
        i = min(int(np.searchsorted(self.cdf, u)), len(self.cdf) - 1)
        if i == 0 or not 0 < self.cdf[i] - self.cdf[i - 1] < _JUMP:
            return (self.low + i) / PER_S
        return float(self.low + i - (self.cdf[i] - u) / (self.cdf[i] - self.cdf[i - 1])) / PER_S

    def mean_gap_s(self) -> float:
        """E[max(FTO, 0)]: seconds of silence a transfer."""
        return self._area(1 - self.cdf[max(0, -self.low) :]) + max(0, self.low) / PER_S

    def mean_overlap_s(self) -> float:
        """E[max(-FTO, 0)]: seconds of overlap a transfer."""
        highest = self.low + len(self.cdf) - 1
        return self._area(self.cdf[: max(0, 1 - self.low)]) + max(0, -highest) / PER_S

    def distance(self, ftos_s: Reals) -> float:
        """The Kolmogorov-Smirnov distance of a sample in seconds; ValueError for none.

        Where the target has constants, a sample within two milliseconds has met them: FTOs are whole samples.
        """
        if not len(ftos_s):
            raise ValueError("there is no distance of no FTOs.")
        values, n = np.sort(ftos_s), len(ftos_s)
        slack_s = 2 / PER_S if np.max(np.diff(self.cdf, prepend=0.0, append=1.0)) > _JUMP else 0.0
        above = np.arange(1, n + 1) / n - self.shares_below(values + slack_s)
        below = self.shares_below(values - slack_s) - np.arange(n) / n
        return float(max(np.max(above), np.max(below), 0.0))

    @staticmethod
    def _area(shares: Reals) -> float:
        """Under a table of shares, in seconds; exact sums, so that no order of adding shows."""
        return math.fsum((shares[1:] + shares[:-1]) / 2) / PER_S if len(shares) > 1 else 0.0


def mixture(model: FtoModel, shifts: Mapping[int, int]) -> FtoTarget | None:
    """The model shifted by each number of milliseconds as often as `shifts` say; None without any transfer."""
    total = sum(shifts.values())
    if not total:
        return None
    low, high = round(quantile_within(model, _TAIL) * PER_S), round(quantile_within(model, 1 - _TAIL) * PER_S)
    base = np.array([model.cdf(i / PER_S) for i in range(low - 1, high + 2)])
    first, last = min(shifts), max(shifts)
    cdf = np.zeros(len(base) + last - first)
    for shift, count in sorted(shifts.items()):
        at = shift - first
        cdf[at : at + len(base)] += base * count
        cdf[at + len(base) :] += count
    return FtoTarget(low - 1 + first, np.maximum.accumulate(cdf / total))


def quantile_within(model: FtoModel, u: float) -> float:
    """The model's quantile in seconds, 120 s from zero at the most."""
    return min(max(model.quantile(u), -_WIDEST_S), _WIDEST_S)


def is_constant(model: FtoModel) -> bool:
    """Whether every FTO is the same but for its shift: then a largest error says what a KS distance cannot."""
    return model.quantile(_TAIL) == model.quantile(1 - _TAIL)
