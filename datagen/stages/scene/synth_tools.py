"""What the shipped sounds are made from: struck modes, filtered noise, gliding harmonics, and where each begins.

Signals are float64 [n_samples] at 24 kHz until `finish` makes a clip of them. All randomness is the generator's.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from datagen.audio.levels import fade
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.fourier import fast_length

Signal = NDArray[np.float64]
Gain = Callable[[Signal], Signal]
"""A gain a frequency in Hz."""

NYQUIST_HZ = SAMPLE_RATE_HZ / 2
PEAK = 0.7
"""Of every finished clip, -3 dB of full scale: loud to listen to, and no player clips it."""


def n_samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def times(seconds: float) -> Signal:
    """The time of each of so many seconds' samples, from 0."""
    return np.arange(n_samples(seconds)) / SAMPLE_RATE_HZ


def spread(rng: np.random.Generator, value: float, share: float) -> float:
    """`value`, up to `share` of it more or less."""
    return float(value * rng.uniform(1 - share, 1 + share))


def struck(
    seconds: float, hz: Sequence[float], t60_s: Sequence[float], gains: Sequence[float], attack_s: float = 5e-4
) -> Signal:
    """A struck body: a sine a mode that dies away by 60 dB in its own time, with an attack as soft as what strikes it.

    Modes over 11 kHz are left out: they would fold back.
    """  # fmt: skip
    t = times(seconds)
    total: Signal = np.zeros(len(t))
    for f, t60, gain in zip(hz, t60_s, gains, strict=True):
        if f < NYQUIST_HZ - 1_000:
            total += gain * np.sin(2 * np.pi * f * t) * np.exp(-6.91 * t / t60)
    total *= 1 - np.exp(-t / attack_s)
    return total


def burst(seconds: float, t60_s: float, gain: Gain, rng: np.random.Generator, attack_s: float = 5e-4) -> Signal:
    """Filtered noise that dies away by 60 dB in `t60_s`; its power is 1 at the start."""
    t = times(seconds)
    made = noise(len(t), gain, rng)
    made *= np.exp(-6.91 * t / t60_s) * (1 - np.exp(-t / attack_s))
    return made


def noise(n: int, gain: Gain, rng: np.random.Generator) -> Signal:
    """Gaussian noise [n] of unit power, coloured by a gain a frequency."""
    made = filtered(rng.standard_normal(n), gain)
    return made / max(float(np.sqrt(np.mean(made**2))), 1e-9)


def filtered(signal: Signal, gain: Gain) -> Signal:
    """The signal through a filter without delay; zeros behind it take up what the filter smears."""
    size = fast_length(len(signal) + SAMPLE_RATE_HZ // 10)
    hz = np.linspace(0, NYQUIST_HZ, size // 2 + 1, dtype=np.float64)
    return np.fft.irfft(np.fft.rfft(signal, size) * gain(hz), size)[: len(signal)]


def band(low_hz: float, high_hz: float, order: int = 2) -> Gain:
    """A band between two corners, 6 dB an octave and order beyond them."""

    def gain(hz: Signal) -> Signal:
        below = (np.maximum(hz, 1e-3) / low_hz) ** (2 * order)
        above = (hz / high_hz) ** (2 * order)
        return np.asarray(np.sqrt(below / (1 + below) / (1 + above)))

    return gain


def resonances(hz: Sequence[float], width_hz: Sequence[float], gains: Sequence[float]) -> Gain:
    """Resonances side by side, each 1 x its gain at its centre: a mouth's formants, a horn's bell."""

    def gain(f: Signal) -> Signal:
        total = np.zeros_like(f)
        for centre, width, level in zip(hz, width_hz, gains, strict=True):
            total += level / np.sqrt(1 + ((f - centre) / (width / 2)) ** 2)
        return total

    return gain


def harmonics(f0_hz: Signal, envelope: Gain) -> Signal:
    """A tone that glides along `f0_hz`, each harmonic as strong as `envelope` has it at its momentary frequency."""
    turn = np.exp(2j * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE_HZ)
    z, total = np.ones_like(turn), np.zeros(len(f0_hz))
    for k in range(1, int(NYQUIST_HZ / float(f0_hz.min())) + 1):
        z = z * turn
        hz = k * f0_hz
        total += z.imag * envelope(hz) * (hz < NYQUIST_HZ - 500)
    return total


def curve(seconds: float, points: Iterable[tuple[float, float]]) -> Signal:
    """Straight lines through (share of the time, value), a value a sample."""
    at, values = zip(*points, strict=True)
    return np.asarray(np.interp(times(seconds), np.array(at) * seconds, values))


def wander(n: int, step_s: float, rng: np.random.Generator) -> Signal:
    """A random line [n] of unit size that bends every `step_s`: what is never quite steady in a throat or a hand."""
    knots = rng.standard_normal(int(n / SAMPLE_RATE_HZ / step_s) + 2)
    return np.asarray(np.interp(np.arange(n), np.arange(len(knots)) * step_s * SAMPLE_RATE_HZ, knots))


def laid(seconds: float, parts: Iterable[tuple[float, Signal]]) -> Signal:
    """Parts, each from its time in seconds on, added up in `seconds`; what is beyond the end is cut."""
    total = np.zeros(n_samples(seconds))
    for at_s, part in parts:
        first = n_samples(at_s)
        kept = part[: max(0, len(total) - first)]
        total[first : first + len(kept)] += kept
    return total


def finish(signal: Signal, in_s: float = 0.002, out_s: float = 0.03) -> Audio:
    """The signal as a clip: no mean, its peak at -3 dB, faded at both ends."""
    centred = signal - signal.mean()
    clip = fade((centred / np.abs(centred).max()).astype(np.float32), in_s, out_s)
    return clip * np.float32(PEAK / np.abs(clip).max())
