"""By what factor a clip's spectral envelope lies over its base's, without being told what was asked.

The formant tracker has to know the vocal tract's length, and so is told the factor that was asked for: of base clips that were not
moved at all it passed 5 to 9 of 14 as moved by 0.9 to 1.1. This measure is told nothing: frames of both clips are laid side by side, and
their smooth envelopes shifted on a logarithmic axis until they agree best. On 24 voices it lay within 3 % of what Praat had been asked in
20, 0.8 % off at the median and 7 % at worst: too coarse to hold 3 % against, fine to find what was not done.
"""

import numpy as np
from numpy.typing import NDArray

from datagen.records.speech import SAMPLE_RATE_HZ, Audio

N_FFT, LAGS, STEP = 1_024, 64, 0.005
LOW_HZ, HIGH_HZ = 200.0, 7_000.0
FRAME_STEP_S, EDGE_S = 0.02, 0.05
LOUD = 1e-2
MAX_LIFTER, PERIOD_SHARE = 60.0, 0.6
"""Cepstrum beyond this share of the shorter pitch period is the voice's, not the tract's."""
_GRID = np.arange(np.log(LOW_HZ), np.log(HIGH_HZ), STEP)


def envelope_ratio(base: Audio, changed: Audio, duration_ratio: float, f0_hz: float) -> float:
    """The factor, 0.73 to 1.37, of two mono clips at 24 kHz that say the same, the second `duration_ratio` times as long.

    `f0_hz` is the higher median F0 of the two.
    """
    end_s = min(len(base), len(changed) / duration_ratio) / SAMPLE_RATE_HZ - EDGE_S
    times = np.arange(EDGE_S, end_s, FRAME_STEP_S)
    at = (times * SAMPLE_RATE_HZ).astype(int)
    level = np.array([np.square(base[a - 240 : a + 240], dtype=np.float64).mean() for a in at])
    times = times[level > level.max() * LOUD]
    lifter = min(MAX_LIFTER, PERIOD_SHARE * SAMPLE_RATE_HZ / f0_hz)
    one, other = _envelopes(base, times, lifter), _envelopes(changed, times * duration_ratio, lifter)
    middle = _centred(one[:, LAGS:-LAGS])
    scores = np.zeros(2 * LAGS + 1)
    for lag in range(-LAGS, LAGS + 1):
        moved = _centred(other[:, LAGS + lag : other.shape[1] - LAGS + lag])
        scores[lag + LAGS] = (middle * moved).sum() / np.sqrt((middle**2).sum() * (moved**2).sum())
    best = int(np.clip(scores.argmax(), 1, len(scores) - 2))
    before, top, after = scores[best - 1 : best + 2]
    bend = before - 2 * top + after
    return float(np.exp(STEP * (best - LAGS + (0.5 * (before - after) / bend if bend < 0 else 0.0))))


def _centred(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def _envelopes(audio: Audio, times: NDArray[np.float64], lifter: float) -> NDArray[np.float64]:
    """Log envelopes [n_times, n_grid] of windows around some times, by a liftered cepstrum."""
    padded = np.pad(audio.astype(np.float64), N_FFT)
    starts = (times * SAMPLE_RATE_HZ).astype(int) + N_FFT // 2
    frames = np.stack([padded[s : s + N_FFT] for s in starts]) * np.hanning(N_FFT)
    cepstra = np.fft.irfft(np.log(np.square(np.abs(np.fft.rfft(frames, axis=1))) + 1e-9), axis=1)
    order = np.minimum(np.arange(N_FFT), N_FFT - np.arange(N_FFT))
    cepstra *= np.where(order < lifter, 0.5 + 0.5 * np.cos(np.pi * order / lifter), 0.0)
    spectra = np.fft.rfft(cepstra, axis=1).real
    bins = np.exp(_GRID) * N_FFT / SAMPLE_RATE_HZ
    low = bins.astype(int)
    return np.asarray(spectra[:, low] * (1 - (bins - low)) + spectra[:, low + 1] * (bins - low))
