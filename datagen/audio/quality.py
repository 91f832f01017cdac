"""What can be told of a spoken text from its sound alone: bandwidth, silence inside, noise, clipping. numpy in, numbers out.

All measures are of mono audio at 24 kHz, in frames of 512 samples (21 ms) each 10 ms, and relative to the text's own loudest frames:
its level is measured for itself. They are what the gates of the speak stage hold against their limits (datagen/stages/speak/GATES.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.records.speech import SAMPLE_RATE_HZ, Audio

SIZE, HOP = 512, 240
HOP_S = HOP / SAMPLE_RATE_HZ
LOUDEST_SHARE = 0.05
"""The level that others are relative to is the least of this share of a text's frames, the loudest ones."""
BAND_HZ = 375.0
BAND_BELOW_DB = 50.0
"""A band counts as there if it lies within this of the strongest one, on average over the frames with speech. Speech falls by 30 to 40 dB
from 0.5 to 8 kHz; what a filter took away lies lower, and 16-bit rounding lower still."""
SPEECH_BELOW_DB = 40.0
FLAT_HZ = (200.0, 8_000.0)
FLAT_LOW_HZ = (150.0, 2_500.0)
NOISE_FLATNESS = 0.4
NOISE_LOW_FLATNESS = 0.45
"""Spectral flatness of three frames' mean: about 0.8 for white noise, under 0.1 for voiced speech. A fricative is flat above 3 kHz alone:
so both bands are looked at. Chosen on the tuned half of the seeded faults."""
NOISE_BELOW_DB = 15.0
CREST = 1 - 2e-4
"""Three samples in a row this near the largest magnitude are a cut crest: a sine's own crest is as flat only below 80 Hz."""
FULL_SCALE = 32766 / 32768


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a text: `power` [n_frames, 257] a bin, `level` [n_frames] over all bins, `loudest` as LOUDEST_SHARE says."""

    power: NDArray[np.float32]
    level: NDArray[np.float32]
    loudest: float

    def above(self, below_db: float) -> NDArray[np.bool_]:
        """Which frames are louder than the loudest less so many dB; none in silence."""
        return self.level > self.loudest * 10 ** (-below_db / 10)


def frames_of(audio: Audio) -> Frames:
    """The frames of mono audio, at least one: shorter audio is padded."""
    padded = np.pad(audio, (0, max(0, SIZE - len(audio))))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP]
    spectrum = np.fft.rfft(pieces * _WINDOW, axis=1)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
    level = power.sum(axis=1)
    n_loudest = max(1, round(len(level) * LOUDEST_SHARE))
    return Frames(power, level, float(np.partition(level, -n_loudest)[-n_loudest]))


_WINDOW = np.hanning(SIZE).astype(np.float32)
_HZ = np.fft.rfftfreq(SIZE, 1 / SAMPLE_RATE_HZ)


def bandwidth_hz(frames: Frames) -> float:
    """The upper edge of the highest band of 375 Hz that holds speech; 0.0 in silence.

    Averaged over the frames within SPEECH_BELOW_DB of the loudest, so a text without a fricative may show less than its voice has.
    """
    spoken = frames.above(SPEECH_BELOW_DB)
    if not spoken.any():
        return 0.0
    mean = frames.power[spoken].mean(axis=0, dtype=np.float64)
    bands = mean[:256].reshape(32, 8).mean(axis=1)
    there = np.flatnonzero(bands > bands.max() * 10 ** (-BAND_BELOW_DB / 10))
    return float((there[-1] + 1) * BAND_HZ)


def longest_silence_s(frames: Frames, below_db: float) -> float:
    """The longest stretch of frames this far below the loudest, in seconds; leading and trailing silence count too."""
    return longest(~frames.above(below_db)) * HOP_S


def noise_s(frames: Frames) -> float:
    """The longest stretch of loud frames whose spectrum is flat over the whole band of speech and over its lower part, in seconds.

    Noise as loud as speech is; fricatives and breath are flat in the upper band alone, or lie lower.
    """
    loud = frames.above(NOISE_BELOW_DB)
    flat = np.zeros(len(loud), dtype=bool)
    padded = np.concatenate([frames.power[:1], frames.power, frames.power[-1:]])
    picked = ((padded[:-2] + padded[1:-1] + padded[2:]) / 3)[loud]
    flat[loud] = (_flatness(picked, FLAT_HZ) > NOISE_FLATNESS) & (_flatness(picked, FLAT_LOW_HZ) > NOISE_LOW_FLATNESS)
    return longest(flat) * HOP_S


def _flatness(power: NDArray[np.float32], band_hz: tuple[float, float]) -> NDArray[np.float32]:
    """Geometric over arithmetic mean of the bins of a band, a frame."""
    part = power[:, (band_hz[0] < _HZ) & (band_hz[1] > _HZ)] + np.float32(1e-20)
    return np.asarray(np.exp(np.log(part).mean(axis=1)) / part.mean(axis=1), dtype=np.float32)


def longest(flags: NDArray[np.bool_]) -> int:
    """The length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def clipped_share(audio: Audio) -> float:
    """The share of samples at full scale, or on a crest that is cut flat at the audio's own largest magnitude; 0.0 of nothing.

    The second finds what was clipped first and turned down afterwards.
    """
    magnitude = np.abs(audio)
    peak = float(magnitude.max(initial=0.0))
    if peak == 0:
        return 0.0
    high = magnitude >= peak * CREST
    n_flat = int(np.count_nonzero(high[2:] & high[1:-1] & high[:-2]))
    return max(float(np.mean(magnitude >= FULL_SCALE)), n_flat / len(audio))
