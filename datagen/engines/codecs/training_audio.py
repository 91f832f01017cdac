"""What melrvq is trained on: speech as it comes, and copies of it as the scene stage leaves a user's channel."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ, Audio

TELEPHONE_HZ = (300.0, 3_400.0)
SNR_DB = (3.0, 30.0)
GAIN_DB = (-12.0, 6.0)
TILT = (0.0, 2.0)
"""Noise falls with frequency to this power: 0 is white, 1 pink, 2 brown."""
TONES = 24
TONE_PEAK_DB = (-30.0, -3.0)
TONE_SNR_DB = (20.0, 50.0)


def copies(clips: Sequence[Audio], generator: np.random.Generator) -> Iterator[Audio]:
    """Each mono clip four times, every time at another place against the frames: clean, clean at another level, with
    noise, and through a telephone (half of those with noise); then some tones.
    """
    for clip in clips:
        yield _shifted(clip, generator)
        yield _shifted(clip, generator) * _gain(GAIN_DB, generator)
        noisy = with_noise(_shifted(clip, generator), float(generator.uniform(*SNR_DB)), generator)
        yield noisy * _gain(GAIN_DB, generator)
        called = telephone(_shifted(clip, generator))
        if generator.random() < 0.5:
            called = with_noise(called, float(generator.uniform(*SNR_DB)), generator)
        yield called * _gain(GAIN_DB, generator)
    for _ in range(TONES):
        noisy = with_noise(tone(440.0, 0.8), float(generator.uniform(*TONE_SNR_DB)), generator)
        yield noisy * _gain(TONE_PEAK_DB, generator)


def tone(hz: float, seconds: float) -> Audio:
    """A full-scale sine, mono float32 at 24 kHz, from phase 0."""
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ).astype(np.float32)


def telephone(audio: Audio) -> Audio:
    """The part of mono audio between 300 and 3400 Hz, with edges an octave tenth wide."""
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)
    low, high = TELEPHONE_HZ
    spectrum *= np.clip((hz / low - 1) * 10 + 1, 0, 1) * np.clip((1 - hz / high) * 10 + 1, 0, 1)
    called: NDArray[np.float64] = np.fft.irfft(spectrum, len(audio))
    return called.astype(np.float32)


def with_noise(audio: Audio, snr_db: float, generator: np.random.Generator) -> Audio:
    """Mono audio plus steady noise of a drawn tilt, `snr_db` below the audio's own RMS."""
    spectrum = np.fft.rfft(generator.normal(size=len(audio)))
    bins = np.maximum(np.arange(len(spectrum)), max(1.0, 50.0 * len(audio) / SAMPLE_RATE_HZ))
    noise = np.fft.irfft(spectrum * bins ** (-float(generator.uniform(*TILT)) / 2), len(audio))
    wanted = np.sqrt(np.mean(np.square(audio, dtype=np.float64))) * 10 ** (-snr_db / 20)
    mixed: NDArray[np.float64] = audio + noise * (wanted / np.sqrt(np.mean(np.square(noise))))
    return mixed.astype(np.float32)


def _shifted(audio: Audio, generator: np.random.Generator) -> Audio:
    lead = int(generator.integers(FRAME_SAMPLES))
    return np.concatenate([np.zeros(lead, np.float32), audio])


def _gain(range_db: tuple[float, float], generator: np.random.Generator) -> np.float32:
    return np.float32(10 ** (generator.uniform(*range_db) / 20))
