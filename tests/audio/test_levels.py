"""Loudness against the reference signals of ITU-R BS.1770-4 and EBU Tech 3341, at the rate that the data has."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.audio.levels import fade, integrated_lufs, rms_db, to_lufs
from datagen.errors import DataError

RATE_HZ = 24_000


def sine(db: float, seconds: float, hz: float = 1000.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (db / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def test_full_scale_sine_in_one_channel_is_minus_3_01():
    assert integrated_lufs(sine(0, 5, 997)) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100, 48_000])
def test_rate_does_not_matter(rate_hz):
    assert integrated_lufs(sine(-20, 5, 440, rate_hz), rate_hz) == pytest.approx(
        integrated_lufs(sine(-20, 5, 440)), abs=0.01
    )


# EBU Tech 3341 (2016), table 1, cases 1 to 5: stereo 1 kHz sines, (dBFS, seconds) parts, expected +-0.1 LU.
EBU = [
    ([(-23, 20)], -23.0),
    ([(-33, 20)], -33.0),
    ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
    ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
    ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
]


@pytest.mark.parametrize(("parts", "expected"), EBU)
def test_ebu_3341(parts, expected):
    mono = np.concatenate([sine(db, seconds) for db, seconds in parts])
    assert integrated_lufs(np.stack([mono, mono])) == pytest.approx(expected, abs=0.1)


def test_low_tones_weigh_less_and_high_ones_more():
    low, mid, high = (integrated_lufs(sine(-20, 3, hz)) for hz in (30, 1000, 6000))
    assert low < mid - 5
    assert high == pytest.approx(mid + 3.3, abs=0.3)


def test_silence_has_no_loudness():
    silence = np.zeros(RATE_HZ, np.float32)
    assert integrated_lufs(silence) == -math.inf
    assert integrated_lufs(silence[:0]) == -math.inf
    assert rms_db(silence) == -math.inf
    with pytest.raises(DataError, match=r"1\.00 s of audio are silent"):
        to_lufs(silence, -24)


@given(gain_db=st.floats(-30, 10), target=st.floats(-40, -12))
def test_to_lufs_reaches_its_target(gain_db, target):
    noise = np.random.default_rng(0).normal(0, 0.05, RATE_HZ // 2).astype(np.float32)
    assert integrated_lufs(to_lufs(noise * 10 ** (gain_db / 20), target)) == pytest.approx(target, abs=0.01)


def test_short_clip_is_one_block():
    assert integrated_lufs(sine(-20, 0.1, 997)) == pytest.approx(-23.0, abs=0.5)


def test_rms_of_a_sine():
    assert rms_db(sine(0, 1)) == pytest.approx(-3.01, abs=0.01)


@given(in_s=st.floats(0, 0.3), out_s=st.floats(0, 0.3), n=st.integers(0, 4800))
def test_fade_keeps_length_and_never_grows(in_s, out_s, n):
    audio = np.ones((2, n), np.float32)
    faded = fade(audio, in_s, out_s)
    assert faded.shape == audio.shape
    assert (faded <= 1).all()
    assert (faded >= 0).all()
    assert (audio == 1).all()


def test_fade_ends_near_zero():
    faded = fade(np.ones(2400, np.float32), 0.01, 0.02)
    assert faded[0] < 1e-4
    assert faded[-1] < 1e-4
    assert (faded[240:-480] == 1).all()


def test_rate_out_of_range():
    with pytest.raises(DataError, match="96000 Hz"):
        integrated_lufs(np.ones(10, np.float32), 96_000)
