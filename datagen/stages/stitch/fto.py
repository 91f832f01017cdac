"""The distribution of floor-transfer offsets: what every model of it answers, and the one with two log-normal halves."""

import math
from dataclasses import dataclass
from typing import Protocol

from datagen.stages.stitch.lognormal import Lognormal, normal_quantile


class FtoModel(Protocol):
    """A distribution of FTOs in seconds. Negative is overlap; `overlap_share` is how many of them are."""

    @property
    def overlap_share(self) -> float: ...

    def quantile(self, u: float, max_overlap_s: float = math.inf) -> float:
        """The FTO below which a share `u` lies.

        With `max_overlap_s` overlaps keep their share and are drawn from the part of their distribution below it.
        The result rises with `u`, so latent correlations carry through.
        """
        ...

    def cdf(self, fto_s: float, max_overlap_s: float = math.inf) -> float:
        """The share of FTOs at or below `fto_s`: what a build's output is measured against."""
        ...

    def mean_gap_s(self, shift_s: float = 0.0) -> float:
        """Seconds of silence a floor transfer brings on average when `shift_s` is added: E[max(FTO + shift, 0)]."""
        ...

    def mean_overlap_s(self, shift_s: float = 0.0) -> float:
        """Seconds of overlap a floor transfer brings on average when `shift_s` is added: E[max(-(FTO + shift), 0)]."""
        ...


@dataclass(frozen=True, slots=True)
class LognormalFto:
    """FTOs in seconds: with `overlap_share` minus a log-normal, else a log-normal gap of at most `max_gap_s`."""

    overlap_share: float
    gap_median_s: float
    gap_sigma: float
    overlap_median_s: float
    overlap_sigma: float
    max_gap_s: float

    def quantile(self, u: float, max_overlap_s: float = math.inf) -> float:
        if u < self.overlap_share:
            return -self._overlaps(max_overlap_s).quantile(1 - u / self.overlap_share)
        return self._gaps().quantile((u - self.overlap_share) / (1 - self.overlap_share))

    def cdf(self, fto_s: float, max_overlap_s: float = math.inf) -> float:
        if fto_s < 0:
            return self.overlap_share * (1 - self._overlaps(max_overlap_s).cdf(-fto_s))
        return self.overlap_share + (1 - self.overlap_share) * self._gaps().cdf(fto_s)

    def mean_gap_s(self, shift_s: float = 0.0) -> float:
        gaps = _mean_above(self._gaps(), -shift_s)
        overlaps = _mean_under(self._overlaps(math.inf), shift_s)
        return (1 - self.overlap_share) * gaps + self.overlap_share * overlaps

    def mean_overlap_s(self, shift_s: float = 0.0) -> float:
        gaps = _mean_under(self._gaps(), -shift_s)
        overlaps = _mean_above(self._overlaps(math.inf), shift_s)
        return (1 - self.overlap_share) * gaps + self.overlap_share * overlaps

    def _gaps(self) -> Lognormal:
        return Lognormal(self.gap_median_s, self.gap_sigma, 0.0, self.max_gap_s)

    def _overlaps(self, max_overlap_s: float) -> Lognormal:
        return Lognormal(self.overlap_median_s, self.overlap_sigma, 0.0, max(max_overlap_s, 0.0))


def _mean_above(lengths: Lognormal, bound_s: float) -> float:
    """E[max(X - bound, 0)]."""
    if bound_s <= 0:
        return lengths.mean_below() - bound_s
    return lengths.mean_below() - lengths.mean_below(bound_s) - bound_s * (1 - lengths.cdf(bound_s))


def _mean_under(lengths: Lognormal, bound_s: float) -> float:
    """E[max(bound - X, 0)]."""
    return bound_s * lengths.cdf(bound_s) - lengths.mean_below(bound_s) if bound_s > 0 else 0.0


def gap_median_for(median_s: float, overlap_share: float, gap_sigma: float) -> float:
    """The gaps' median at which the median of all FTOs is `median_s`. ValueError where no gaps give it."""
    if overlap_share >= 0.5 or median_s <= 0:
        raise ValueError(
            f"a median FTO of {median_s:g} s cannot be met with {overlap_share:.0%} overlaps: the median is a gap only below "
            f"50 % overlaps, an overlap only above. Change one of the two (fto.median_s, fto.overlap_share)."
        )
    return median_s / math.exp(gap_sigma * normal_quantile((0.5 - overlap_share) / (1 - overlap_share)))


def overlap_median_for(median_s: float, overlap_share: float, overlap_sigma: float) -> float:
    """The overlaps' median length at which the median of all FTOs is `median_s` (negative). ValueError where none does."""
    if overlap_share <= 0.5 or median_s >= 0:
        raise ValueError(
            f"a median FTO of {median_s:g} s cannot be met with {overlap_share:.0%} overlaps: the median is an overlap only "
            f"above 50 % overlaps, a gap only below. Change one of the two (fto.median_s, fto.overlap_share)."
        )
    return -median_s / math.exp(overlap_sigma * normal_quantile(1 - 0.5 / overlap_share))
