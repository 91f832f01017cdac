"""The noise of the place: its level, spectrum and drift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.audio.levels import rms_db
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.effects import Surroundings
from datagen.stages.scene.fourier import fast_length
from datagen.stages.scene.loudness import NOMINAL_SPEECH_DB
from datagen.stages.scene.noise import RoomNoise, room_noise

NOISE = {"snr_db": 15.0, "octave_slope_db": -5.0, "drift_db": 1.5, "seed": 11}


def tone(hz: float, seconds: float = 2.0, level: float = 0.3) -> Audio:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ)).astype(
        np.float32
    )


def band_db(audio: Audio, low_hz: float, high_hz: float) -> float:
    """The power between two frequencies, in dB, under a Hann window: the clip's edges would smear into every band."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)
    return float(10 * np.log10(spectrum[(hz >= low_hz) & (hz < high_hz)].sum() * 2 / len(audio) ** 2 + 1e-30))


@given(st.integers(1, 3_000_000))
def test_a_fast_length_is_enough_even_and_of_small_primes(n):
    size = fast_length(n)
    assert n <= size <= max(2, 2 * n)
    assert size % 2 == 0
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    assert size == 1


@pytest.mark.parametrize("snr_db", [-5.0, 10.0, 30.0])
def test_the_noise_has_the_asked_snr_over_the_words_alone(snr_db):
    user = np.zeros(20 * SAMPLE_RATE_HZ, np.float32)
    words = [(24_000, 60_000), (200_000, 260_000), (400_000, 410_000)]
    for a, b in words:
        user[a:b] = tone(500, 3)[: b - a]
    around = Surroundings(np.stack([np.zeros_like(user), user]), words)
    heard = RoomNoise().apply(user, {**NOISE, "snr_db": snr_db, "drift_db": 4.0}, around)
    at = np.concatenate([np.arange(a, b) for a, b in words])
    assert rms_db(user[at]) - rms_db(heard[at]) == pytest.approx(snr_db, abs=0.05)


def test_a_user_who_never_speaks_gets_noise_under_a_nominal_level():
    silent = np.zeros(10 * SAMPLE_RATE_HZ, np.float32)
    for words in ([], [(1_000, 20_000)]):
        heard = RoomNoise().apply(silent, NOISE, Surroundings(np.stack([silent, silent]), words))
        assert rms_db(heard) == pytest.approx(NOMINAL_SPEECH_DB - 15, abs=0.05)


@pytest.mark.parametrize("slope_db", [-6.0, -3.0])
def test_the_noise_falls_by_its_slope_from_octave_to_octave(slope_db):
    noise = room_noise(30 * SAMPLE_RATE_HZ, slope_db, 0.0, 3)
    bands = [band_db(noise, hz, 2 * hz) for hz in (250, 500, 1_000, 2_000, 4_000)]
    assert np.diff(bands) == pytest.approx(slope_db, abs=0.5)
    assert band_db(noise, 1, 40) < bands[0] - 30


def test_the_noises_level_drifts_slowly_and_only_if_asked():
    def levels(drift_db: float) -> np.ndarray:
        noise = room_noise(60 * SAMPLE_RATE_HZ, -4.0, drift_db, 8)
        return np.array([rms_db(part) for part in noise.reshape(60, -1)])

    steady, drifting = levels(0.0), levels(3.0)
    assert np.std(steady) < 0.8
    assert 1.5 < np.std(drifting) < 4.5
    assert np.abs(np.diff(drifting)).max() < 6


def test_noise_of_any_length_is_finite_and_seeded():
    for n in (1, 7, 2_399, 2_401, 100_003):
        noise = room_noise(n, -4.0, 1.5, 5)
        assert noise.shape == (n,)
        assert noise.dtype == np.float32
        assert np.isfinite(noise).all()
        assert np.array_equal(noise, room_noise(n, -4.0, 1.5, 5))
    assert not np.array_equal(room_noise(1_000, -4.0, 1.5, 5), room_noise(1_000, -4.0, 1.5, 6))
