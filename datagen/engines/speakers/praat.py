"""Praat through parselmouth: the voice transform `Change gender`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
