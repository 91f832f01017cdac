"""The telephone line: 300-3400 Hz, 8 kHz, and the code that the samples travel in."""

import io
from functools import cache
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray
from pydantic import model_validator

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
MARGIN = 480
"""Zeros behind the signal at the line's rate, so that the filter's tail does not come round to the front."""
SUBTYPES = {"mu-law": "ULAW", "A-law": "ALAW", "GSM": "GSM610"}
"""What libsndfile calls ITU-T G.711's two laws, and GSM 06.10 full rate (13 kbit/s) in blocks of 320 samples."""

Code = Literal["mu-law", "A-law", "GSM"]


class TelephoneOptions(Options):
    """The telephone line. Its band is that of ITU-T G.712."""

    share: float = knob(0.3, "share of dialogues over a telephone line: 300-3400 Hz, 8 kHz", "share", ge=0, le=1)
    gsm_share: float = knob(
        0.25, "share of those that come from a mobile phone: GSM 06.10 full rate, 13 kbit/s", "share", ge=0, le=1
    )
    a_law_share: float = knob(
        0.0, "share of those that are coded by A-law, as outside North America and Japan; the rest is mu-law", "share",
        ge=0, le=1,
    )  # fmt: skip

    @model_validator(mode="after")
    def _sum(self) -> "TelephoneOptions":
        total = self.gsm_share + self.a_law_share
        if total > 1 + 1e-9:
            raise ValueError(f"gsm_share + a_law_share is {total:g}, and must not be over 1.")
        return self


class Telephone:
    """Band limit and a code's round trip at 8 kHz."""

    name = "telephone"

    def draw(self, options: TelephoneOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The line's band and code, or None."""
        if rng.random() >= options.share:
            return None
        at, code = rng.random(), "mu-law"
        if at < options.gsm_share + options.a_law_share:
            code = "GSM" if at < options.gsm_share else "A-law"
        return {"low_hz": LOW_HZ[1], "high_hz": HIGH_HZ[0], "rate_hz": LINE_RATE_HZ, "code": code}

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The channel as the far end of the line hears it, in time with the clean one (filters and codes have no delay)."""
        return telephone(user, parameters["code"])


def telephone(audio: Audio, code: Code = "mu-law") -> Audio:
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
    coded = from_pcm16(round_trip(to_pcm16(line.astype(np.float32)), code))
    wide = np.zeros(STEP * size // 2 + 1, dtype=np.complex64)
    wide[: len(frequencies)] = np.fft.rfft(coded) * (top * STEP)
    heard: Audio = np.fft.irfft(wide, STEP * size)[:n].astype(np.float32)
    return heard


def round_trip(pcm: NDArray[np.int16], code: Code) -> NDArray[np.int16]:
    """16-bit samples at 8 kHz after coding and decoding, as many and in time: these codes have no delay."""
    return through_libsndfile(pcm, code) if code == "GSM" else _law(code)[pcm.view(np.uint16)]


def through_libsndfile(pcm: NDArray[np.int16], code: Code) -> NDArray[np.int16]:
    """The samples written to a WAV in memory in that code, and read again. GSM fills its last block; that is cut off."""
    file = io.BytesIO()
    soundfile.write(file, pcm, LINE_RATE_HZ, format="WAV", subtype=SUBTYPES[code])
    file.seek(0)
    decoded: NDArray[np.int16] = soundfile.read(file, dtype="int16")[0][: len(pcm)]
    return decoded


@cache
def _law(code: Code) -> NDArray[np.int16]:
    """Every 16-bit value's decoded one, by the value's bits read as unsigned: of G.711, each sample is by itself."""
    table = through_libsndfile(np.arange(65_536, dtype=np.uint16).view(np.int16), code)
    table.setflags(write=False)
    return table
