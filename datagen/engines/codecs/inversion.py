"""Log-mels back to sound: magnitudes by non-negative least squares, phases by Griffin-Lim. Deterministic; silence stays silence."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from datagen.engines.codecs.patches import FILTERS, FLOOR, HOP, N_MELS, PAST, USED_BINS, WEIGHT_STEPS, WINDOW
from datagen.records.speech import FRAME_SAMPLES, Audio

NNLS_ROUNDS = 20
MOMENTUM = 0.99
"""Of the fast Griffin-Lim algorithm (Perraudin, Balazs, Sondergaard 2013)."""
QUIET = 2.0
"""Bands below this multiple of the floor are taken for silent: rounding alone lifts them off it."""
TINY = 1e-9

_WEIGHTS = FILTERS / WEIGHT_STEPS
_HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
_EDGE = -(-PAST // HOP)
"""Hops past the end whose windows still reach into the clip."""


def audio_of(patches: NDArray[np.float64], rounds: int) -> Audio:
    """Mono float32 audio, 1920 samples a row, of log-mel patches [n, 640] in nepers, after `rounds` of Griffin-Lim."""
    n_samples = len(patches) * FRAME_SAMPLES
    bands = np.exp(patches.reshape(-1, N_MELS))
    mels = np.where(bands < FLOOR * QUIET, 0.0, bands)
    if not mels.any():
        return np.zeros(n_samples, np.float32)
    magnitudes = invert_mels(np.concatenate([mels, np.repeat(mels[-1:], _EDGE, axis=0)]))
    signal: NDArray[np.float64] = griffin_lim(magnitudes, rounds)[PAST : PAST + n_samples]
    return np.clip(signal, -1, 1).astype(np.float32)


def invert_mels(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitudes [n, USED_BINS] whose mel bands come near `mels` [n, 80], by multiplicative updates (Lee and Seung 2001)."""
    reach = _WEIGHTS.sum(axis=0)
    magnitudes: NDArray[np.float64] = (mels @ _WEIGHTS) / np.maximum(reach, TINY)
    for _ in range(NNLS_ROUNDS):
        ratio = mels / (magnitudes @ _WEIGHTS.T + TINY)
        magnitudes *= (ratio @ _WEIGHTS) / np.maximum(reach, TINY)
    return magnitudes


def griffin_lim(magnitudes: NDArray[np.float64], rounds: int) -> NDArray[np.float64]:
    """A signal of (n - 1) hops and a window whose spectra have the `magnitudes` [n, USED_BINS] as nearly as `rounds` get them."""
    generator = np.random.Generator(np.random.PCG64(0))
    weight = _overlap(np.broadcast_to(_HANN**2, (len(magnitudes), WINDOW)))
    phase = np.exp(2j * np.pi * generator.random(magnitudes.shape)).astype(np.complex64)
    targets = magnitudes.astype(np.float32)
    before = np.zeros_like(phase)
    for _ in range(rounds):
        after = _spectra(_signal(targets * phase, weight))
        pushed = after + np.float32(MOMENTUM) * (after - before)
        phase = pushed / (np.abs(pushed) + np.float32(TINY))
        before = after
    return _signal(targets * phase, weight)


def _spectra(signal: NDArray[np.float64]) -> NDArray[np.complex64]:
    hops = sliding_window_view(signal, WINDOW)[::HOP] * _HANN
    return np.fft.rfft(hops.astype(np.float32), axis=1)[:, :USED_BINS].astype(np.complex64)


def _signal(spectra: NDArray[np.complex64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    hops = np.fft.irfft(spectra, WINDOW, axis=1)
    return _overlap(hops * _HANN) / np.maximum(weight, 1e-3)


def _overlap(hops: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of rows [n, 1024], each a hop after the one before."""
    out = np.zeros((len(hops) + _EDGE + 1, HOP))
    for part in range(0, WINDOW, HOP):
        piece = hops[:, part : part + HOP]
        at = part // HOP
        out[at : at + len(hops), : piece.shape[1]] += piece
    return out.reshape(-1)[: (len(hops) - 1) * HOP + WINDOW]
