"""Distributions given by their quantiles: FTOs and pauses as they were measured in a corpus."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise


@dataclass(frozen=True)
class Quantiles:
    """Values in seconds by their quantiles at evenly spaced shares from 0 to 1, with straight lines between them.

    `values_s` never fall; at least two of them. A run of equal values is a value that a share of the draws has.
    """

    values_s: tuple[float, ...]

    def quantile(self, u: float) -> float:
        """The value below which a share `u` of the draws lies."""
        values = self.values_s
        at = min(max(u, 0.0), 1.0) * (len(values) - 1)
        index = min(int(at), len(values) - 2)
        low, high = values[index], values[index + 1]
        return low + (high - low) * (at - index) if high > low else low

    def cdf(self, value_s: float) -> float:
        """The share of draws at or below `value_s`."""
        return self._share(value_s, bisect_right(self.values_s, value_s))

    def mean_above(self, bound_s: float) -> float:
        """E[max(X - bound, 0)], exactly."""
        return self._mean([value - bound_s for value in self.values_s])

    def mean_under(self, bound_s: float) -> float:
        """E[max(bound - X, 0)], exactly."""
        return self._mean([bound_s - value for value in reversed(self.values_s)])

    def _share(self, value_s: float, n_below: int) -> float:
        values = self.values_s
        if n_below == 0:
            return 0.0
        if n_below == len(values):
            return 1.0
        low, high = values[n_below - 1], values[n_below]
        return (n_below - 1 + (value_s - low) / (high - low)) / (len(values) - 1)

    @staticmethod
    def _mean(rising: Sequence[float]) -> float:
        """The mean of what is above 0 of a rising line through evenly spaced points."""
        areas = []
        for low, high in pairwise(rising):
            if low >= 0:
                areas.append((low + high) / 2)
            elif high > 0:
                areas.append(high * high / (high - low) / 2)
        return math.fsum(areas) / (len(rising) - 1)


@dataclass(frozen=True)
class EmpiricalFto:
    """FTOs in seconds by their quantiles at evenly spaced shares from 0 to 1; the same questions as `FtoModel` asks."""

    values_s: tuple[float, ...]

    @cached_property
    def _all(self) -> Quantiles:
        return Quantiles(self.values_s)

    @cached_property
    def overlap_share(self) -> float:
        """The share of FTOs below 0; an FTO of 0 is a gap."""
        n_below = sum(value < 0 for value in self.values_s)
        return self._all._share(0.0, n_below)

    def quantile(self, u: float, max_overlap_s: float = math.inf) -> float:
        share = self.overlap_share
        if u >= share or -max_overlap_s <= self.values_s[0]:
            return self._all.quantile(u)
        deeper = min(self._all.cdf(-max_overlap_s), share)
        # What lies deeper than the limit is spread over the overlaps within it.
        return min(max(self._all.quantile(deeper + u * (share - deeper) / share), -max_overlap_s), 0.0)

    def cdf(self, fto_s: float, max_overlap_s: float = math.inf) -> float:
        found, share = self._all.cdf(fto_s), self.overlap_share
        if fto_s >= 0 or -max_overlap_s <= self.values_s[0]:
            return found
        if fto_s < -max_overlap_s:
            return 0.0
        deeper = min(self._all.cdf(-max_overlap_s), share)
        return share * (found - deeper) / (share - deeper) if deeper < share else share

    def mean_gap_s(self, shift_s: float = 0.0) -> float:
        return self._all.mean_above(-shift_s)

    def mean_overlap_s(self, shift_s: float = 0.0) -> float:
        return self._all.mean_under(-shift_s)
