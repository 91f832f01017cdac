"""Loudness beside pyloudnorm's, on talk with pauses: both read one BS.1770."""

import numpy as np
import pytest

from datagen.audio.levels import integrated_lufs

pyloudnorm = pytest.importorskip("pyloudnorm", reason="pyloudnorm comes with the dev extra")


def talk(rate_hz: int, seed: int, n_channels: int) -> np.ndarray:
    """Bursts of dull noise at changing levels with silences between, 10 s, float32 [n_samples, n_channels].

    Whole steps of 0.1 s: of others pyloudnorm also counts a last block that is not whole, which the standard leaves out.
    """
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((10 * rate_hz + 8, n_channels))
    dull = noise[8:] + 0.9 * noise[7:-1] + 0.7 * noise[5:-3] + 0.5 * noise[:-8]
    steps = np.repeat(rng.choice([0.0, 0.001, 0.1, 0.3, 1.0], 25), 10 * rate_hz // 25)
    return (0.02 * dull * steps[:, None]).astype(np.float32)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_with_the_standards_own_filters_nothing_is_between_them(seed, n_channels):
    """At 48 kHz pyloudnorm's DeMan filters are the standard's tables."""
    audio = talk(48_000, seed, n_channels)
    theirs = pyloudnorm.Meter(48_000, filter_class="DeMan").integrated_loudness(audio)
    assert integrated_lufs(audio.T, 48_000) == pytest.approx(theirs, abs=0.001)


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
@pytest.mark.parametrize("seed", range(3))
def test_its_default_filters_are_within_a_tenth_of_a_unit(seed, rate_hz):
    audio = talk(rate_hz, seed, 1)
    theirs = pyloudnorm.Meter(rate_hz).integrated_loudness(audio)
    assert integrated_lufs(audio.T, rate_hz) == pytest.approx(theirs, abs=0.1)
