"""The mel filter bank: triangles on O'Shaughnessy's mel scale, 2595 log10(1 + f / 700)."""

import numpy as np
from numpy.typing import NDArray


def mel_filters(n_mels: int, n_fft: int, rate_hz: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Weights [n_mels, n_fft // 2 + 1] of the bins of a magnitude spectrum; each row sums to 1, so a band is a weighted mean.

    A triangle too narrow to hold a bin takes the bin next to its centre.
    """
    edges = _hz(np.linspace(_mel(low_hz), _mel(high_hz), n_mels + 2))
    bins = np.arange(n_fft // 2 + 1) * rate_hz / n_fft
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(np.minimum(rise, fall), 0.0)
    for row in np.flatnonzero(weights.sum(axis=1) == 0):
        weights[row, int(np.argmin(np.abs(bins - edges[row + 1])))] = 1.0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
