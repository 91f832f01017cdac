"""Praat through parselmouth: the voice transform `Change gender`, and the measure of formants."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FORMANT_CEILING_HZ = {"male": 5_000.0, "female": 5_500.0}
"""Praat's manual, "Sound: To Formant (burg)...": 5000 Hz for a man's vocal tract, 5500 Hz for a woman's, with five formants."""


@dataclass(frozen=True, slots=True)
class Gender:
    """The settings of `Change gender`. `pitch_median_hz` 0 keeps the pitch; ratios of 1 keep formants, range and duration.

    `floor_hz` and `ceiling_hz` bound the search for the pitch of what comes in. A floor that suits the voice is what the speed hangs
    on: 100 Hz is half as fast again as 60.
    """

    formant_ratio: float
    pitch_median_hz: float
    pitch_range_ratio: float
    duration_ratio: float
    floor_hz: float
    ceiling_hz: float


def change_gender(samples: NDArray[np.float64], rate_hz: float, gender: Gender, seed: int) -> NDArray[np.float64]:
    """The samples in another voice, at the same rate; word times stay where they are if `duration_ratio` is 1.

    Praat cuts what is voiceless into pieces of random length, by a generator of the process that it seeds by the clock: it is
    seeded here, or the same call would give other samples each time. Audio too short for one analysis window (three periods of
    the floor) comes back as it went in, since Praat refuses it.
    """
    import parselmouth
    from parselmouth.praat import call, run

    if len(samples) < 3.5 * rate_hz / gender.floor_hz or not samples.any():
        return samples
    run(f"random_initializeWithSeedUnsafelyButPredictably ({seed % 2**31})")
    changed = call(
        parselmouth.Sound(samples, rate_hz),
        "Change gender",
        gender.floor_hz,
        gender.ceiling_hz,
        gender.formant_ratio,
        gender.pitch_median_hz,
        gender.pitch_range_ratio,
        gender.duration_ratio,
    )
    return np.ascontiguousarray(changed.values[0], dtype=np.float64)


def formants_of(audio: NDArray[np.floating], rate_hz: float, sex: str) -> NDArray[np.float64]:
    """F1 to F3 in Hz [n_frames, 3] of the loud frames, a frame each 10 ms, by Burg; the ceiling is the sex's."""
    import parselmouth

    sound = parselmouth.Sound(audio.astype(np.float64), rate_hz)
    track = sound.to_formant_burg(time_step=0.01, max_number_of_formants=5.0, maximum_formant=FORMANT_CEILING_HZ[sex])
    times = np.asarray(track.ts())
    hz = np.array([[track.get_value_at_time(n, t) for n in (1, 2, 3)] for t in times], dtype=np.float64).reshape(-1, 3)
    half = round(0.0125 * rate_hz)
    centre = np.clip(np.round(times * rate_hz).astype(int), half, max(len(audio) - half, half))
    power = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    level = power[np.minimum(centre + half, len(audio))] - power[centre - half]
    loud = level > level.max(initial=0.0) * 10**-2.5
    return np.asarray(hz[loud & np.isfinite(hz).all(axis=1)])
