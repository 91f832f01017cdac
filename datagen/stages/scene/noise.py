"""Room noise: a steady, dull hiss as ventilation and distant traffic make it, whose level drifts slowly."""

import math

import numpy as np
from numpy.typing import NDArray

from datagen.config import Options, knob
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.fourier import fast_length, rise
from datagen.stages.scene.loudness import power, set_snr
from datagen.stages.scene.ranges import DecibelRange

OCTAVE_SLOPE_DB = (-6.0, -3.0)
"""How octave-band levels fall in occupied rooms: the Room Criteria curves fall by 5 dB an octave (ASHRAE), the Noise
Criteria curves by 6 at the low and 2 to 3 at the high end."""
BANDWIDTH_DB = 3.01
"""An octave is twice as wide as the one below, so the density falls by this much more than the band's level."""
CORNER_HZ = (40.0, 120.0)
"""Below, a microphone for speech hears nothing; from the second on, everything."""
DRIFT_STEP = 2_400
"""Samples between two values of the drift (0.1 s)."""
DRIFT_PERIODS_S = (5.0, 30.0)
N_DRIFT_WAVES = 3


class NoiseOptions(Options):
    """The steady noise of the place. The share is Moshi's; the SNRs reach from below tau-voice's 15 dB +-3 to hardly heard."""

    share: float = knob(0.3, "share of dialogues with room noise", "share", ge=0, le=1)
    snr_db: DecibelRange = knob(
        (10.0, 30.0), "signal-to-noise ratio at the microphone over the user's words, lowest and highest", "dB"
    )
    drift_db: float = knob(1.5, "how far the noise's level drifts, root mean square", "dB", ge=0, le=12)


class RoomNoise:
    """Noise at an SNR over the user's words."""

    name = "noise"

    def draw(self, options: NoiseOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The SNR, the spectrum's slope, the drift and the seed, or None."""
        if rng.random() >= options.share:
            return None
        return {
            "snr_db": float(rng.uniform(*options.snr_db)),
            "octave_slope_db": float(rng.uniform(*OCTAVE_SLOPE_DB)),
            "drift_db": options.drift_db,
            "seed": int(rng.integers(2**63)),
        }

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The noise alone. Speech and noise are both measured over the samples of the user's words; where there
        are none (or all are silent) speech counts as -26 dB, and the noise is measured over the whole."""
        if len(user) == 0:
            return user.copy()
        noise = room_noise(len(user), parameters["octave_slope_db"], parameters["drift_db"], parameters["seed"])
        return set_snr(noise, parameters["snr_db"], user, around)


def room_noise(n_samples: int, octave_slope_db: float, drift_db: float, seed: int) -> Audio:
    """Gaussian noise [n_samples] of about unit power, made in the frequency domain: a random phase and size a bin."""
    rng = np.random.default_rng(seed)
    size = fast_length(n_samples)
    frequencies = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE_HZ / size)
    slope = (octave_slope_db - BANDWIDTH_DB) / (20 * math.log10(2))
    shape = np.maximum(frequencies, np.float32(CORNER_HZ[0])) ** np.float32(slope)
    low = int(CORNER_HZ[1] * size / SAMPLE_RATE_HZ) + 2
    shape[:low] *= rise(frequencies[:low], *CORNER_HZ)
    spectrum = rng.standard_normal(2 * len(shape), dtype=np.float32).view(np.complex64)
    spectrum *= shape
    noise = np.fft.irfft(spectrum, size)[:n_samples].astype(np.float32)
    noise *= np.float32(1 / math.sqrt(power(noise, [(0, n_samples)])))
    if drift_db > 0:
        _drift(noise, drift_db, rng)
    return noise


def _drift(noise: Audio, drift_db: float, rng: np.random.Generator) -> None:
    """Scales the noise in place by a few slow waves, in dB, with straight lines between their values."""
    n_steps = -(-len(noise) // DRIFT_STEP)
    at_s = np.arange(n_steps + 1) * (DRIFT_STEP / SAMPLE_RATE_HZ)
    periods_s = rng.uniform(*DRIFT_PERIODS_S, N_DRIFT_WAVES)
    phases = rng.uniform(0, 2 * np.pi, N_DRIFT_WAVES)
    waves = np.sin(2 * np.pi * at_s[:, None] / periods_s + phases).sum(axis=1)
    gains = (10 ** (drift_db * waves * math.sqrt(2 / N_DRIFT_WAVES) / 20)).astype(np.float32)
    ramp = np.arange(DRIFT_STEP, dtype=np.float32) / np.float32(DRIFT_STEP)
    lines: NDArray[np.float32] = gains[:-1, None] + (gains[1:] - gains[:-1])[:, None] * ramp
    noise *= lines.reshape(-1)[: len(noise)]
