"""Praat through parselmouth: what its voice transform `Change gender` does, in its own steps and half the time.

Half of `Change gender`'s time goes into a resampling by sums of sines, which one Fourier transform does together with the change to
24 kHz that is due anyway, and half of the rest into finding pitch and pulses, for which a third and a half of the samples are enough.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from datagen.engines.speakers.resampling import resample, smooth_ratio

PITCH_RATE_HZ, PULSES_RATE_HZ = 7_000, 10_000
"""Pitch and pulses are found in means of as many samples as leave these rates: of three and two of espeak-ng's. Held against all samples
over 117 turns: 0.3 % of frames change between voiced and voiceless, and F0 moves by less than 0.2 semitones in 99 %."""
PITCH_CANDIDATES = 6
"""Of Praat's 15: no frame of those turns was decided otherwise."""
LONGEST_PERIOD_S = 0.02
"""As in `Change gender`: pulses farther apart have something voiceless between them."""


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


def change_gender(
    samples: NDArray[np.float64], rate_hz: int, gender: Gender, seed: int, to_rate_hz: int = 0
) -> NDArray[np.float64]:
    """The samples in another voice, at `to_rate_hz` (0: at their own rate); word times stay where they are if `duration_ratio` is 1.

    Formants move as on a tape that runs faster: periods are added (and lowered in pitch) or taken out before, so that what is heard has
    the wanted length and pitch. The formant ratio is the nearest one that a Fourier transform does fast (`smooth_ratio`). Praat cuts what
    is voiceless into pieces of random length, by a generator of the process that it seeds by the clock: it is seeded here, or the same
    call would give other samples each time. Audio too short for one analysis window (three periods of the floor) keeps its voice, since
    Praat refuses it, and so does audio without a voiced frame.
    """
    plain = Fraction(to_rate_hz or rate_hz, rate_hz)
    if len(samples) < 3.5 * rate_hz / gender.floor_hz or not samples.any():
        return resample(samples, plain.numerator, plain.denominator)
    up, down = smooth_ratio(float(plain) / gender.formant_ratio)
    longer = _overlapped(samples - samples.mean(), rate_hz, gender, float(plain) * down / up, seed)
    if longer is None:
        return resample(samples, plain.numerator, plain.denominator)
    n_samples = math.ceil(len(samples) * plain * Fraction(gender.duration_ratio))
    moved = resample(longer, up, down)[:n_samples]
    return np.pad(moved, (0, n_samples - len(moved)))


def _overlapped(
    samples: NDArray[np.float64], rate_hz: int, gender: Gender, formant_ratio: float, seed: int
) -> NDArray[np.float64] | None:
    """The samples `formant_ratio` as long and that much lower than wanted, at the same rate; None where nothing is voiced."""
    import parselmouth
    from parselmouth.praat import call, run

    def sound(least_hz: int) -> parselmouth.Sound:
        every = max(rate_hz // least_hz, 1)
        whole = samples[: len(samples) // every * every].reshape(-1, every)
        return parselmouth.Sound(whole.mean(axis=1), rate_hz / every)

    full = parselmouth.Sound(samples, rate_hz)
    pitch = sound(PITCH_RATE_HZ).to_pitch_ac(
        time_step=0.8 / gender.floor_hz,
        pitch_floor=gender.floor_hz,
        max_number_of_candidates=PITCH_CANDIDATES,
        pitch_ceiling=gender.ceiling_hz,
    )
    median_hz = float(call(pitch, "Get quantile", 0.0, 0.0, 0.5, "Hertz"))
    if not median_hz > 0:  # Praat's "undefined" is NaN
        return None
    pulses = call([sound(PULSES_RATE_HZ), pitch], "To PointProcess (cc)")
    tier = call(pitch, "Down to PitchTier")
    wanted_hz = gender.pitch_median_hz or median_hz
    spread = wanted_hz / median_hz * gender.pitch_range_ratio
    call(tier, "Formula", f"({wanted_hz!r} + {spread!r} * (self - {median_hz!r})) / {formant_ratio!r}")
    length = call("Create DurationTier", "length", 0.0, full.xmax)
    call(length, "Add point", full.xmax / 2, formant_ratio * gender.duration_ratio)
    run(f"random_initializeWithSeedUnsafelyButPredictably ({seed % 2**31})")
    made = call([full, pulses, tier, length], "To Sound", LONGEST_PERIOD_S)
    return np.ascontiguousarray(made.values[0], dtype=np.float64)
