import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.engines.speakers.resampling import resample, smooth_ratio, smooth_size

RATIOS = [(160, 147), (4, 3), (9, 7), (5, 4), (1, 1), (20, 21), (9, 10)]


@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_a_sine_keeps_its_shape(up: int, down: int) -> None:
    rate = 22_050
    n = np.arange(rate)
    window = np.hanning(rate)
    out = resample(window * np.sin(2 * np.pi * 440 * n / rate), up, down)
    m = np.arange(len(out)) * down / up
    expected = np.interp(m, n, window, right=0.0) * np.sin(2 * np.pi * 440 * m / rate)
    assert np.abs(out - expected).max() < 2e-4


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    n = np.arange(22_050)
    out = resample(np.sin(2 * np.pi * 0.48 * n) * np.hanning(22_050), 9, 10)
    assert np.abs(out).max() < 1e-3


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 30_000), st.sampled_from(RATIOS))
def test_the_length_is_the_ratio_rounded_up(n: int, ratio: tuple[int, int]) -> None:
    up, down = ratio
    assert len(resample(np.zeros(n), up, down)) == -(-n * up // down)


def test_a_smooth_ratio_is_near_and_a_transform_of_its_terms_is_fast() -> None:
    for ratio in np.linspace(0.5, 2, 301):
        up, down = smooth_ratio(float(ratio))
        assert up / down == pytest.approx(ratio, rel=0.004)
        assert all(2**9 * 3**6 * 5**4 * 7**4 % term == 0 for term in (up, down))
    assert smooth_ratio(160 / 147) == (160, 147)


def test_the_size_of_a_transform() -> None:
    for least in (2, 1_000, 240_001, 399_999):
        found = smooth_size(least)
        assert least <= found < 1.1 * least + 2
        assert found % 2 == 0
        for prime in (2, 3, 5):
            while found % prime == 0:
                found //= prime
        assert found == 1
