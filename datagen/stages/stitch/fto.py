"""The distribution of floor-transfer offsets: a share of overlaps and a share of gaps, both skewed."""

import math
from dataclasses import dataclass

from datagen.stages.stitch.lognormal import Lognormal, normal_quantile


@dataclass(frozen=True, slots=True)
class FtoModel:
    """FTOs in seconds: with `overlap_share` minus a log-normal, else a log-normal gap of at most `max_gap_s`."""

    overlap_share: float
    gap_median_s: float
    gap_sigma: float
    overlap_median_s: float
    overlap_sigma: float
    max_gap_s: float

    def quantile(self, u: float, max_overlap_s: float = math.inf) -> float:
        """The FTO below which a share `u` lies.

        With `max_overlap_s` overlaps keep their share and are drawn from the part of their distribution below it.
        The result rises with `u`, so latent correlations carry through.
        """
        if u < self.overlap_share:
            return -self._overlaps(max_overlap_s).quantile(1 - u / self.overlap_share)
        return self._gaps().quantile((u - self.overlap_share) / (1 - self.overlap_share))

    def cdf(self, fto_s: float, max_overlap_s: float = math.inf) -> float:
        """The share of FTOs at or below `fto_s`: what a build's output is measured against."""
        if fto_s < 0:
            return self.overlap_share * (1 - self._overlaps(max_overlap_s).cdf(-fto_s))
        return self.overlap_share + (1 - self.overlap_share) * self._gaps().cdf(fto_s)

    def _gaps(self) -> Lognormal:
        return Lognormal(self.gap_median_s, self.gap_sigma, 0.0, self.max_gap_s)

    def _overlaps(self, max_overlap_s: float) -> Lognormal:
        return Lognormal(self.overlap_median_s, self.overlap_sigma, 0.0, max(max_overlap_s, 0.0))


def gap_median_for(median_s: float, overlap_share: float, gap_sigma: float) -> float:
    """The gaps' median at which the median of all FTOs is `median_s`. ValueError where no gaps give it."""
    if overlap_share >= 0.5 or median_s <= 0:
        raise ValueError(
            f"a median FTO of {median_s:g} s cannot be met with {overlap_share:.0%} overlaps: the median is a gap only below "
            f"50 % overlaps, an overlap only above. Set fto.overlap_share too."
        )
    return median_s / math.exp(gap_sigma * normal_quantile((0.5 - overlap_share) / (1 - overlap_share)))


def overlap_median_for(median_s: float, overlap_share: float, overlap_sigma: float) -> float:
    """The overlaps' median length at which the median of all FTOs is `median_s` (negative). ValueError where none does."""
    if overlap_share <= 0.5 or median_s >= 0:
        raise ValueError(
            f"a median FTO of {median_s:g} s cannot be met with {overlap_share:.0%} overlaps: the median is an overlap only "
            f"above 50 % overlaps, a gap only below. Set fto.overlap_share too."
        )
    return -median_s / math.exp(overlap_sigma * normal_quantile(1 - 0.5 / overlap_share))
