import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.audio.files import from_pcm16, quantise, read_audio, to_pcm16, write_flac, write_wav
from datagen.audio.mel import mel_filters
from datagen.errors import DataError


def test_every_pcm16_value_survives():
    every = np.arange(-32_768, 32_768).astype(np.int16)
    assert (to_pcm16(from_pcm16(every)) == every).all()


def test_beyond_full_scale_is_clipped():
    assert to_pcm16(np.array([1.0, 2.0, -3.0], np.float32)).tolist() == [32_767, 32_767, -32_768]


def test_not_a_number_is_an_error():
    with pytest.raises(DataError, match="2 of 3 samples"):
        to_pcm16(np.array([0, np.nan, np.inf], np.float32))


@given(st.integers(0, 2**32 - 1))
def test_quantise_is_idempotent_and_close(seed):
    audio = np.random.default_rng(seed).uniform(-0.99, 0.99, 64).astype(np.float32)
    once = quantise(audio)
    assert (quantise(once) == once).all()
    assert np.abs(once - audio).max() <= 0.5 / 32_768 + 1e-9


@pytest.mark.parametrize("write", [write_flac, write_wav])
@pytest.mark.parametrize("shape", [(5000,), (2, 5000), (8, 5000)])
def test_file_holds_the_samples_and_is_the_same_twice(tmp_path, write, shape):
    audio = quantise(np.random.default_rng(1).uniform(-1, 0.99, shape).astype(np.float32))
    write(tmp_path / "one", audio)
    memory = io.BytesIO()
    write(memory, audio)
    assert (tmp_path / "one").read_bytes() == memory.getvalue()
    back, rate_hz = read_audio(tmp_path / "one")
    assert rate_hz == 24_000
    assert back.shape == shape
    assert (back == audio).all()


def test_no_samples_are_an_error(tmp_path):
    with pytest.raises(DataError, match=r"e\.flac: there are no samples"):
        write_flac(tmp_path / "e.flac", np.zeros((2, 0), np.float32))


def test_more_channels_than_flac_holds_are_an_error(tmp_path):
    with pytest.raises(DataError, match=r"e\.flac: 9 channels, and FLAC holds 8"):
        write_flac(tmp_path / "e.flac", np.zeros((9, 100), np.float32))


def test_not_audio_is_one_line(tmp_path):
    (tmp_path / "x.flac").write_bytes(b"fLaC but not really")
    with pytest.raises(DataError, match=r"x\.flac: cannot be read as audio"):
        read_audio(tmp_path / "x.flac")
    with pytest.raises(DataError, match=r"gone\.flac: cannot be read as audio"):
        read_audio(tmp_path / "gone.flac")


def test_mel_rows_are_means_in_order():
    weights = mel_filters(80, 1024, 24_000, 0.0, 8_000.0)
    assert weights.shape == (80, 513)
    assert np.allclose(weights.sum(axis=1), 1)
    centres = weights @ np.arange(513)
    assert (np.diff(centres) >= 0).all()
    assert (weights[:, 343:] == 0).all()
