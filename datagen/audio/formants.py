"""The formants of speech, by Praat through parselmouth."""

import numpy as np
from numpy.typing import NDArray

FORMANT_CEILING_HZ = {"male": 5_000.0, "female": 5_500.0}
"""Praat's manual, "Sound: To Formant (burg)...": 5000 Hz for a man's vocal tract, 5500 Hz for a woman's, with five formants."""


LOUD = 10**-2.5
"""Frames 25 dB under the loudest and below do not count."""


def formants_of(audio: NDArray[np.floating], rate_hz: float, sex: str) -> NDArray[np.float64]:
    """F1 to F3 as `formants_under` has them; the ceiling is the sex's."""
    return formants_under(audio, rate_hz, FORMANT_CEILING_HZ[sex])


def formants_under(audio: NDArray[np.floating], rate_hz: float, ceiling_hz: float) -> NDArray[np.float64]:
    """F1 to F3 in Hz [n_frames, 3] of the loud frames, a frame each 10 ms, by Burg, five formants under the ceiling."""
    import parselmouth

    sound = parselmouth.Sound(audio.astype(np.float64), rate_hz)
    track = sound.to_formant_burg(time_step=0.01, max_number_of_formants=5.0, maximum_formant=ceiling_hz)
    times = np.asarray(track.ts())
    hz = np.array([[track.get_value_at_time(n, t) for n in (1, 2, 3)] for t in times], dtype=np.float64).reshape(-1, 3)
    half = round(0.0125 * rate_hz)
    centre = np.clip(np.round(times * rate_hz).astype(int), half, max(len(audio) - half, half))
    power = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    level = power[np.minimum(centre + half, len(audio))] - power[centre - half]
    loud = level > level.max(initial=0.0) * LOUD
    return np.asarray(hz[loud & np.isfinite(hz).all(axis=1)])
