"""The voice transform: pitch and formants go where they are asked to, and what has neither keeps its length."""

from dataclasses import replace

import numpy as np
import pytest

from datagen.audio.pitch import pitch_of
from datagen.engines.speakers.praat import Gender, change_gender

pytest.importorskip("parselmouth")
RATE_HZ = 22_050
GENDER = Gender(1.15, 180.0, 1.0, 1.0, 75.0, 260.0)


def vowel(f0_hz: float = 120.0, seconds: float = 1.0) -> np.ndarray:
    """A pulse train through two resonances, at 600 and 1800 Hz."""
    n = round(RATE_HZ * seconds)
    pulses = np.zeros(n)
    pulses[(np.arange(int(seconds * f0_hz)) * RATE_HZ / f0_hz).astype(int)] = 1
    freqs = np.fft.rfftfreq(n, 1 / RATE_HZ)
    shape = sum(1 / (1 + ((freqs - f) / 60) ** 2) for f in (600, 1800))
    made: np.ndarray = np.fft.irfft(np.fft.rfft(pulses) * shape, n)
    made *= 0.3 / np.abs(made).max()
    return made


def peaks_hz(samples: np.ndarray, rate_hz: int) -> list[float]:
    """Where the two resonances lie: the centres of energy around them."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    freqs = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    bands = [(freqs > low) & (freqs < high) for low, high in ((350, 1000), (1400, 2500))]
    return [float((freqs[b] * power[b]).sum() / power[b].sum()) for b in bands]


@pytest.mark.parametrize("to_rate_hz", [0, 24_000])
def test_pitch_and_formants_go_where_they_are_asked_to(to_rate_hz: int) -> None:
    before = vowel()
    after = change_gender(before, RATE_HZ, GENDER, 1, to_rate_hz)
    rate_hz = to_rate_hz or RATE_HZ
    assert len(after) == -(-len(before) * rate_hz // RATE_HZ)
    assert np.median(pitch_of(after, rate_hz)) == pytest.approx(180, rel=0.01)
    for was, found in zip(peaks_hz(before, RATE_HZ), peaks_hz(after, rate_hz), strict=True):
        assert found / was == pytest.approx(1.15, rel=0.06)


def test_the_same_call_gives_the_same_samples() -> None:
    before = vowel() + np.random.default_rng(0).normal(0, 0.05, RATE_HZ)
    first, second = (change_gender(before, RATE_HZ, GENDER, 7, 24_000) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "samples", [np.random.default_rng(0).normal(0, 0.1, 9_000), vowel(seconds=0.04), np.zeros(500)]
)
def test_what_has_no_pitch_comes_through_with_its_length_and_level(samples: np.ndarray) -> None:
    after = change_gender(samples, RATE_HZ, GENDER, 1, 24_000)
    assert len(after) == -(-len(samples) * 160 // 147)
    assert np.square(after).mean() == pytest.approx(np.square(samples).mean(), rel=0.15)


def test_a_duration_ratio_stretches() -> None:
    after = change_gender(vowel(), RATE_HZ, replace(GENDER, duration_ratio=1.2), 1)
    assert len(after) == pytest.approx(1.2 * RATE_HZ, abs=1)
    assert np.median(pitch_of(after, RATE_HZ)) == pytest.approx(180, rel=0.01)
