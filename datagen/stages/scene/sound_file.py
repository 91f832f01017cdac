"""One audio file of any rate as a clip: mono, 24 kHz, the silence around it gone. Refused with a line that says the fix."""

import hashlib
import math
import stat
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from datagen.audio.levels import fade
from datagen.errors import UserError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.fourier import fast_length, rise

LONGEST_S = 30.0
"""A discrete sound is over before a turn or two are; what lasts longer is a background, not an event."""
SHORTEST_S = 0.02
RATES_HZ = (4_000, 384_000)
MOST_CHANNELS = 8
QUIETEST_DB = -60.0
"""The lowest peak: under it 16 bits leave less than 5 of them to the sound."""
TRIM_FRAME = 120
"""Samples (5 ms): how finely the silence around a sound is found, so how exact its onset is."""
TRIM_DB = -40.0
"""Below the loudest 5 ms, what comes before and after is not the sound yet, or no longer."""
EDGE_S = 0.005
UNKNOWN_SIZE = 0x7FFFFFFF
"""From here on a WAV's size says that its writer did not know it: it wrote into a pipe."""
OGG_LAST = 0x04
"""The flag of an Ogg page that ends its stream (RFC 3533)."""
LEAST_WHOLE = 0.98
"""Of the samples that a header promises. An MP3's are counted in frames, and its encoder's padding is taken off."""


@dataclass(frozen=True, slots=True)
class ReadClip:
    """The SHA-256 of a file's bytes, the clip that they are, and what the file held."""

    sha256: str
    audio: Audio
    rate_hz: int
    n_channels: int


def read_clip(path: Path) -> ReadClip:
    """The file as a clip; UserError for one that is no audio, not whole, too long or short, silent, or not finite."""
    import soundfile

    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path}: is no regular file. Remove it.")
        with path.open("rb") as file:  # libsndfile itself does not say why a file cannot be opened
            about = soundfile.info(file)
        _check(about.frames, about.samplerate, about.channels, path)  # before it is read: it may be hours
        data = path.read_bytes()
        samples, rate_hz = soundfile.read(BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UserError(
            f"{path}: cannot be read as audio ({error.error_string.rstrip('.')}). Replace or remove it."
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Mend its permissions, or remove it.") from None
    if _breaks_off(data) or len(samples) < LEAST_WHOLE * about.frames:
        raise UserError(f"{path}: breaks off before its end, as half a download does. Fetch it again, or remove it.")
    return ReadClip(hashlib.sha256(data).hexdigest(), _clip(samples, rate_hz, path), rate_hz, samples.shape[1])


def _breaks_off(data: bytes) -> bool:
    """Whether fewer bytes are there than a WAV or AIFF says at its top, or an Ogg lacks the page that is marked as its last.

    libsndfile reads what there is of them and says nothing.
    """
    if data[:4] in (b"RIFF", b"FORM"):
        said = int.from_bytes(data[4:8], "little" if data[:4] == b"RIFF" else "big")
        return len(data) < said + 8 and said < UNKNOWN_SIZE
    if data[:4] == b"OggS":
        last = data.rfind(b"OggS")
        return len(data) < last + 6 or not data[last + 5] & OGG_LAST
    return False


def _check(n: int, rate_hz: int, n_channels: int, path: Path) -> None:
    if n == 0:
        raise UserError(f"{path}: holds no samples. Replace or remove it.")
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise UserError(f"{path}: is at {rate_hz} Hz, and has to be at {RATES_HZ[0]} to {RATES_HZ[1]} Hz.")
    if n / rate_hz > LONGEST_S:
        raise UserError(
            f"{path}: is {n / rate_hz:.0f} s long, and a sound may be {LONGEST_S:g} s. Cut it to the sound itself."
        )
    if n / rate_hz < SHORTEST_S:
        raise UserError(
            f"{path}: is {1000 * n / rate_hz:.1f} ms long, and has to be {1000 * SHORTEST_S:g} ms at least."
        )
    if n_channels > MOST_CHANNELS:
        raise UserError(f"{path}: has {n_channels} channels, and may have {MOST_CHANNELS}. Mix it down to one or two.")


def _clip(samples: Audio, rate_hz: int, path: Path) -> Audio:
    if not np.isfinite(samples).all():
        bad = int(samples.size - np.isfinite(samples).sum())
        raise UserError(f"{path}: {bad} of {samples.size} samples are not finite numbers. Replace or remove it.")
    samples = samples / np.float32(max(1.0, float(np.abs(samples).max())))  # a float file may hold any number
    mixed = samples.mean(axis=1, dtype=np.float32)
    for audio, what in ((samples, ""), (mixed, f" once its {samples.shape[1]} channels are mixed, which cancel out")):
        peak = float(np.abs(audio - audio.mean(axis=0, dtype=np.float32)).max())  # an offset is no sound
        if peak < 10 ** (QUIETEST_DB / 20):
            level = f"peak {20 * math.log10(peak):.0f} dB" if peak else f"all samples are {audio.flat[0]:g}"
            raise UserError(f"{path}: is silent{what} ({level}, has to be over {QUIETEST_DB:g}). Replace or remove it.")
    return trimmed(resampled(mixed - mixed.mean(dtype=np.float32), rate_hz))


def resampled(audio: Audio, rate_hz: int) -> Audio:
    """Mono audio at 24 kHz, float32 [about n_samples * 24000 / rate_hz]; in time, by way of its spectrum.

    What lies over the lower of the two rates' half is taken out, with a soft edge over the last twentieth below it.
    """
    if rate_hz == SAMPLE_RATE_HZ:
        return audio
    shared = math.gcd(rate_hz, SAMPLE_RATE_HZ)
    step_in, step_out = rate_hz // shared, SAMPLE_RATE_HZ // shared
    # Zeros behind the sound take up what would come round to its front.
    steps = fast_length(-(-(len(audio) + rate_hz // 10) // step_in))
    spectrum = np.fft.rfft(audio, steps * step_in)
    half_hz = min(rate_hz, SAMPLE_RATE_HZ) / 2
    kept = spectrum[: steps * step_out // 2 + 1] * (step_out / step_in)
    kept *= 1 - rise(np.arange(len(kept)) * (shared / steps), 0.95 * half_hz, half_hz)
    wide = np.zeros(steps * step_out // 2 + 1, np.complex128)
    wide[: len(kept)] = kept
    n = -(-len(audio) * SAMPLE_RATE_HZ // rate_hz)
    return np.fft.irfft(wide, steps * step_out)[:n].astype(np.float32)


def trimmed(audio: Audio) -> Audio:
    """The audio from 5 ms before it comes within 40 dB of its loudest 5 ms to 5 ms after it no longer does, faded at both ends."""
    powers = frame_energies(audio, TRIM_FRAME)
    loud = np.flatnonzero(powers >= powers.max() * 10 ** (TRIM_DB / 10))
    first, last = max(int(loud[0]) - 1, 0) * TRIM_FRAME, (int(loud[-1]) + 2) * TRIM_FRAME
    return fade(audio[first:last], EDGE_S, EDGE_S)


def frame_energies(audio: Audio, frame: int) -> Audio:
    """The sum of squares of every `frame` samples of mono audio, the last ones filled up with zeros."""
    n = -(-len(audio) // frame)
    padded = np.zeros(n * frame, np.float32)
    padded[: len(audio)] = audio
    frames = padded.reshape(n, frame)
    energies: Audio = np.einsum("ij,ij->i", frames, frames)
    return energies
