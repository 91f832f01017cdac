"""Praat's own `Change gender`, as it is: what a bank's voices are made with. (The espeak engine has a quicker form of it for turns.)"""

import numpy as np
from numpy.typing import NDArray

from datagen.engines.speakers.praat import Gender
from datagen.records.speech import SAMPLE_RATE_HZ


def change_gender(audio: NDArray[np.floating], gender: Gender, seed: int) -> NDArray[np.float32]:
    """Mono audio at 24 kHz in another voice, at the same rate; the same call, the same samples.

    Praat cuts what is voiceless into pieces of random length, by a generator of the process that it seeds by the clock: it is seeded here.
    """
    import parselmouth
    from parselmouth.praat import call, run

    run(f"random_initializeWithSeedUnsafelyButPredictably ({seed % 2**31})")
    changed = call(
        parselmouth.Sound(audio.astype(np.float64), SAMPLE_RATE_HZ),
        "Change gender",
        gender.floor_hz,
        gender.ceiling_hz,
        gender.formant_ratio,
        gender.pitch_median_hz,
        gender.pitch_range_ratio,
        gender.duration_ratio,
    )
    return np.ascontiguousarray(changed.values[0], dtype=np.float32)
