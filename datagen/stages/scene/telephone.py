"""The telephone line: 300-3400 Hz, 8 kHz, and the 256 steps of mu-law."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from datagen.audio.files import from_pcm16, to_pcm16
from datagen.config import Options, knob
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.fourier import fast_length, rise

LINE_RATE_HZ = 8_000
STEP = SAMPLE_RATE_HZ // LINE_RATE_HZ
LOW_HZ = (200.0, 300.0)
"""The line lets nothing through up to the first, everything from the second."""
HIGH_HZ = (3_400.0, 3_800.0)
BIAS = 132
CLIP = 32_635
"""Both from ITU-T G.711's mu-law at 16 bits: the bias under the logarithm, and the largest size that is coded."""
MARGIN = 480
"""Zeros behind the signal at the line's rate, so that the filter's tail does not come round to the front."""


class TelephoneOptions(Options):
    """The telephone line."""

    share: float = knob(0.3, "share of dialogues over a telephone line: 300-3400 Hz, 8 kHz mu-law", "share", ge=0, le=1)


class Telephone:
    """Band limit and mu-law round trip at 8 kHz."""

    name = "telephone"

    def draw(self, options: TelephoneOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The line's band and code, or None."""
        if rng.random() >= options.share:
            return None
        return {"low_hz": LOW_HZ[1], "high_hz": HIGH_HZ[0], "rate_hz": LINE_RATE_HZ, "code": "mu-law"}

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The channel as the far end of the line hears it, in time with the clean one (the filters have no delay)."""
        return telephone(user)


def telephone(audio: Audio) -> Audio:
    """Audio [n_samples] at 24 kHz after the line; nothing above 3.8 kHz is left of it."""
    n = len(audio)
    if n == 0:
        return audio.copy()
    size = fast_length(-(-n // STEP) + MARGIN)
    spectrum = np.fft.rfft(audio, STEP * size)[: size // 2 + 1]
    frequencies = np.arange(len(spectrum), dtype=np.float32) * np.float32(LINE_RATE_HZ / size)
    top = 1 - rise(frequencies, *HIGH_HZ)
    # Fewer bins are a lower rate: what lies above 4 kHz is gone already, so nothing folds back.
    line = np.fft.irfft(spectrum * (top * rise(frequencies, *LOW_HZ) / STEP), size)
    coded = from_pcm16(mu_law(to_pcm16(line.astype(np.float32))))
    wide = np.zeros(STEP * size // 2 + 1, dtype=np.complex64)
    wide[: len(frequencies)] = np.fft.rfft(coded) * (top * STEP)
    heard: Audio = np.fft.irfft(wide, STEP * size)[:n].astype(np.float32)
    return heard


def mu_law(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """16-bit samples after coding and decoding by G.711 mu-law: 255 values are left."""
    return _table()[pcm.view(np.uint16)]


@cache
def _table() -> NDArray[np.int16]:
    """Every 16-bit value's decoded one, by the value's bits read as unsigned."""
    exponent, mantissa = np.repeat(np.arange(8), 16), np.tile(np.arange(16), 8)
    floors = (((mantissa << 3) + (BIAS - 4)) << exponent) - BIAS
    levels = (((mantissa << 3) + BIAS) << exponent) - BIAS
    values = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    sizes = np.minimum(np.abs(values), CLIP)
    decoded = levels[np.searchsorted(floors, sizes, side="right") - 1]
    table: NDArray[np.int16] = (np.sign(values) * decoded).astype(np.int16)
    table.setflags(write=False)
    return table
