"""Audio as 16-bit numbers and as FLAC files. Writing is deterministic: the same samples give the same bytes."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from datagen.errors import DataError
from datagen.interrupts import interrupts_wait
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

PCM16_SCALE = 32_768.0
FLAC_CHANNELS = 8
MOST_SAMPLES = 1 << 29
"""Of a file that is read, over all channels: 2 GiB, six hours of mono. Silence of any length takes no space in a FLAC file."""


def to_pcm16(audio: Audio) -> NDArray[np.int16]:
    """The samples as int16, rounded to even, same shape; beyond -1…1 they are clipped. A DataError for NaN or infinity."""
    return _steps(audio).astype(np.int16)


def from_pcm16(samples: NDArray[np.int16]) -> Audio:
    """int16 samples as float32 in -1…1, same shape; `to_pcm16` of it gives the same numbers back."""
    return samples.astype(np.float32) / np.float32(PCM16_SCALE)


def quantise(audio: Audio) -> Audio:
    """The audio as it is after being stored in 16 bits: what a reader of the file will see."""
    steps = _steps(audio)
    steps *= np.float32(1 / PCM16_SCALE)  # a power of two: exact
    return steps


def _steps(audio: Audio) -> NDArray[np.float32]:
    """The samples as whole numbers of 16-bit steps, clipped; a DataError for NaN or infinity."""
    steps: NDArray[np.float32] = np.multiply(audio, np.float32(PCM16_SCALE), dtype=np.float32)
    if not np.isfinite(steps.sum()):  # one number to look at, where all are finite
        bad = int(np.size(audio) - np.isfinite(audio).sum())
        if bad:
            raise DataError(f"audio: {bad} of {audio.size} samples are not finite numbers.")
    np.rint(steps, out=steps)
    np.clip(steps, -32_768, 32_767, out=steps)
    return steps


def write_flac(target: Path | str | BinaryIO, audio: Audio, rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """A 16-bit FLAC of mono [n_samples] or [n_channels, n_samples] audio; a DataError for no samples or over 8 channels,
    which FLAC cannot hold.

    The caller sees to it that a half-written file is not taken for a whole one.
    """
    if audio.ndim == 2 and len(audio) > FLAC_CHANNELS:
        raise DataError(f"{_name(target)}: {len(audio)} channels, and FLAC holds {FLAC_CHANNELS}.")
    _write(target, audio, rate_hz, "FLAC")


def write_wav(target: Path | str | BinaryIO, audio: Audio, rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """A 16-bit WAV of mono [n_samples] or [n_channels, n_samples] audio; a DataError for none."""
    _write(target, audio, rate_hz, "WAV")


def read_audio(source: Path | str | BinaryIO) -> tuple[Audio, int]:
    """The samples of a file, float32 [n_samples] or [n_channels, n_samples], and its rate in Hz; a DataError if it is not audio,
    or too long to be held."""
    try:
        with interrupts_wait(), soundfile.SoundFile(source) as file:
            if not 0 <= file.frames * file.channels <= MOST_SAMPLES:
                raise DataError(
                    f"{_name(source)}: says to hold {file.frames} samples of {file.channels} channels, and may hold {MOST_SAMPLES}."
                )
            samples, rate_hz = file.read(dtype="float32", always_2d=True), file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        why = str(error).rpartition(": ")[2].rstrip(".")  # before that libsndfile names the file, or a memory address
        raise DataError(f"{_name(source)}: cannot be read as audio ({why}).") from None
    channels = np.ascontiguousarray(samples.T)
    return (channels[0] if len(channels) == 1 else channels), int(rate_hz)


def _write(target: Path | str | BinaryIO, audio: Audio, rate_hz: int, container: str) -> None:
    if audio.shape[-1] == 0:
        raise DataError(f"{_name(target)}: there are no samples to write.")
    place = str(target) if isinstance(target, Path) else target
    with interrupts_wait():
        soundfile.write(place, to_pcm16(audio).T, rate_hz, format=container, subtype="PCM_16")


def _name(place: Path | str | BinaryIO) -> Path | str:
    return place if isinstance(place, Path | str) else "audio"
