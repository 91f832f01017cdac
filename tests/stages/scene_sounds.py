"""Sounds to try the scene's effects on, made on the spot, and how much of them lies in a band."""

from collections.abc import Sequence

import numpy as np

from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.effects import Span, Surroundings


def tone(hz: float, seconds: float = 2.0, level: float = 0.3) -> Audio:
    """A sine."""
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (level * np.sin(2 * np.pi * hz * at)).astype(np.float32)


def hiss(seconds: float, level: float = 0.1, seed: int = 1) -> Audio:
    """White noise of that root mean square."""
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE_HZ))).astype(np.float32)


def buzz(seconds: float, hz: float = 130.0, level: float = 0.1) -> Audio:
    """A voice-like buzz: harmonics up to 4 kHz that fall as a vowel's do, of that root mean square."""
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    harmonics = range(1, int(4_000 / hz) + 1)
    sound = sum(np.cos(2 * np.pi * hz * k * at + k * k) / k for k in harmonics)
    return (level * sound / np.sqrt(np.mean(np.square(sound)))).astype(np.float32)


def around(user: Audio, words: Sequence[Span] | None = None) -> Surroundings:
    """Surroundings of a dialogue with that user, who speaks all the time unless `words` says when."""
    spans = [(0, len(user))] if words is None and len(user) else list(words or ())
    return Surroundings(np.stack([np.zeros_like(user), user]), spans)


def band_db(audio: Audio, low_hz: float, high_hz: float) -> float:
    """The power between two frequencies, in dB, under a Hann window: the clip's edges would smear into every band."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)
    return float(10 * np.log10(spectrum[(hz >= low_hz) & (hz < high_hz)].sum() * 2 / len(audio) ** 2 + 1e-30))
