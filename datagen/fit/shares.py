"""How much of the FTOs' variance is the pair's and how much the speaker's own: components of variance."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from datagen.fit.measured import Transfer

MOST = 0.9
"""What pair and speaker explain together at the most: the turns vary too."""


def variance_shares(transfers: Sequence[Transfer]) -> tuple[float | None, float | None]:
    """(pair's share, speaker's share); None where the data cannot tell: one recording, one speaker in each.

    A nested analysis of variance (recordings, speakers within them, turns within those), by the method of moments for
    unequal sizes, on normal scores: that is the scale on which stitch's
    copula adds pair, speaker and turn.
    """
    scores = normal_scores(np.array([t.fto_s for t in transfers]))
    cells: dict[tuple[str, str], list[float]] = defaultdict(list)
    for transfer, score in zip(transfers, scores, strict=True):
        cells[transfer.recording, transfer.speaker].append(float(score))
    pairs: dict[str, list[list[float]]] = defaultdict(list)
    for (recording, _), values in cells.items():
        pairs[recording].append(values)
    n, n_cells, n_pairs = len(transfers), len(cells), len(pairs)
    if n_cells <= n_pairs or n <= n_cells:
        return None, None
    within = sum(_squares(values) for values in cells.values()) / (n - n_cells)
    per_pair = [_Pair(values) for values in pairs.values()]
    weight = sum(p.squared_sizes / p.size for p in per_pair)
    speaker = (sum(p.between for p in per_pair) / (n_cells - n_pairs) - within) * (n_cells - n_pairs) / (n - weight)
    speaker = max(speaker, 0.0)
    if n_pairs < 2:
        return None, _bounded(speaker / (speaker + within)) if within + speaker > 0 else 0.0
    mean = float(np.mean(scores))
    of_pairs = sum(p.size * (p.mean - mean) ** 2 for p in per_pair) / (n_pairs - 1)
    k2 = (weight - sum(p.squared_sizes for p in per_pair) / n) / (n_pairs - 1)
    k3 = (n - sum(p.size**2 for p in per_pair) / n) / (n_pairs - 1)
    pair = max((of_pairs - within - k2 * speaker) / k3, 0.0)
    total = pair + speaker + within
    if total <= 0:
        return 0.0, 0.0
    scale = min(1.0, MOST * total / (pair + speaker)) if pair + speaker else 1.0
    return pair * scale / total, speaker * scale / total


def normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every value as the standard normal's at its rank; equal values share the mean of their ranks."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shares = (ends - counts / 2) / len(values)
    normal = NormalDist()
    return np.array([normal.inv_cdf(float(share)) for share in shares])[index.reshape(-1)]


def _bounded(share: float) -> float:
    return min(share, MOST)


def _squares(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values)


class _Pair:
    """One recording's sums: transfers, their mean, what its speakers differ by."""

    def __init__(self, speakers: Sequence[Sequence[float]]) -> None:
        sizes = [len(values) for values in speakers]
        means = [sum(values) / len(values) for values in speakers]
        self.size = sum(sizes)
        self.squared_sizes = sum(n * n for n in sizes)
        self.mean = sum(n * m for n, m in zip(sizes, means, strict=True)) / self.size
        self.between = sum(n * (m - self.mean) ** 2 for n, m in zip(sizes, means, strict=True))
