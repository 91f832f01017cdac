"""A log-normal between two limits: what gaps, overlaps, yields and pauses are drawn from."""

import math
from dataclasses import dataclass
from statistics import NormalDist

_NORMAL = NormalDist()
_EDGE = 1e-9
_NARROW = 1e-5
"""Where the limits keep less than this of a log-normal, what they keep is as good as a constant."""


def normal_quantile(u: float) -> float:
    """The standard normal's value at `u`; 0 and 1 are taken as 1e-9 from them, so it is always finite."""
    return _NORMAL.inv_cdf(min(max(u, _EDGE), 1 - _EDGE))


def normal_cdf(z: float) -> float:
    """The share of a standard normal below `z`."""
    return _NORMAL.cdf(z)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Values in seconds with a median, a spread `sigma` (of the logarithm), cut off below `low` and above `high`.

    The cut takes the tails away and spreads their share over what is left, so no value piles up at a limit.
    `sigma` 0 is a constant.
    """

    median: float
    sigma: float
    low: float = 0.0
    high: float = math.inf

    def quantile(self, u: float) -> float:
        """The value below which a share `u` of the draws lies."""
        floor, ceiling = self._kept()
        if ceiling - floor < _NARROW:
            return self._constant()
        value = self.median * math.exp(self.sigma * normal_quantile(floor + u * (ceiling - floor)))
        return min(max(value, self.low), self.high)

    def cdf(self, value: float) -> float:
        """The share of draws at or below `value`."""
        floor, ceiling = self._kept()
        if ceiling - floor < _NARROW:
            return float(value >= self._constant())
        if value < self.low:
            return 0.0
        return 1.0 if value >= self.high else (self._free_cdf(value) - floor) / (ceiling - floor)

    def mean_below(self, value: float = math.inf) -> float:
        """The mean of the draws with those above `value` counted as 0: E[X; X <= value]. Without `value`, the mean."""
        floor, ceiling = self._kept()
        if ceiling - floor < _NARROW:
            return self._constant() if self._constant() <= value else 0.0
        if value <= self.low:
            return 0.0
        value = min(value, self.high)
        return (self._free_mean_below(value) - self._free_mean_below(self.low)) / (ceiling - floor)

    def _kept(self) -> tuple[float, float]:
        """The shares of the log-normal without limits below either limit; equal where it is a constant."""
        if self.sigma == 0 or self.high <= self.low:
            return 0.0, 0.0
        return self._free_cdf(self.low), self._free_cdf(self.high)

    def _constant(self) -> float:
        return min(max(self.median, self.low), self.high)

    def _free_cdf(self, value: float) -> float:
        if value <= 0:
            return 0.0
        return 1.0 if math.isinf(value) else normal_cdf((math.log(value) - math.log(self.median)) / self.sigma)

    def _free_mean_below(self, value: float) -> float:
        """E[X; X <= value] of the log-normal without limits, which has a closed form."""
        if value <= 0:
            return 0.0
        mean = self.median * math.exp(self.sigma**2 / 2)
        if math.isinf(value):
            return mean
        return mean * normal_cdf((math.log(value) - math.log(self.median)) / self.sigma - self.sigma)
