"""The encode stage against the embedded codec, and its gates against codecs that misbehave."""

import re

import numpy as np
import pytest

from datagen.engines.codecs.melrvq import MelRvqCodec, MelRvqOptions
from datagen.protocols import Failure
from datagen.stages.encode.unit import EncodeOptions, finish, finish_prompt, prepare

N = 5 * 1920 + 7


@pytest.fixture(scope="module")
def codec() -> MelRvqCodec:
    return MelRvqCodec(MelRvqOptions())


@pytest.fixture
def channels() -> np.ndarray:
    agent = 0.1 * np.random.default_rng(0).normal(size=N)
    return np.stack([agent, np.zeros(N)]).astype(np.float32)


def encode_dialog(channels, codec, options):
    """A dialogue encoded by itself, as a batch of the runner's does it."""
    return finish(codec.encode(prepare(channels)), channels.shape[1], codec, options)


class OddCodec:
    """What the gates ask of a codec."""

    name = "odd"
    n_books = 8
    book_size = 2048


def good(frames: int = 6) -> np.ndarray:
    return np.zeros((8, frames), np.int16)


def test_both_channels_are_encoded_agent_first(codec, channels):
    agent, user = encode_dialog(channels, codec, EncodeOptions())
    assert agent.shape == user.shape == (8, 6)
    assert agent.dtype == np.int16
    assert (agent == codec.encode([channels[0]])[0]).all()
    assert (user == np.array(codec.constant_frames()[0])[:, None]).all()


def test_prepare_and_finish_equal_one_call(codec, channels):
    clips = prepare(channels)
    batch = codec.encode([*clips, *prepare(channels[::-1])])
    for one, two in zip(
        finish(batch[:2], N, codec, EncodeOptions()), encode_dialog(channels, codec, EncodeOptions()), strict=True
    ):
        assert (one == two).all()


@pytest.mark.parametrize(
    ("codes", "reason", "says"),
    [
        ([good()], "encode_count", "1 channels"),
        ([good(), good(5)], "encode_shape", r"user: codec odd gave codes of shape \(8, 5\) for 9607 samples"),
        ([good()[:4], good()], "encode_shape", "agent"),
        ([good(), good() - 1], "encode_range", "user: .* from -1 to -1"),
        ([good() + 2048, good()], "encode_range", "from 2048 to 2048; 0 to 2047"),
        ([good().astype(float), good()], "encode_type", "float64"),
    ],
)
def test_gates(codes, reason, says):
    failure = finish(codes, N, OddCodec(), EncodeOptions())
    assert isinstance(failure, Failure)
    assert failure.reason == reason
    assert re.search(says, failure.detail)


def test_too_long(codec, channels):
    failure = encode_dialog(channels, codec, EncodeOptions(max_frames=5))
    assert failure == Failure(
        "encode_too_long", "6 frames (0.4 s; limit 5, 0.4 s). Plan shorter dialogues or raise encode.max_frames."
    )


def test_nothing_to_encode(codec):
    failure = encode_dialog(np.zeros((2, 0), np.float32), codec, EncodeOptions())
    assert isinstance(failure, Failure)
    assert failure.reason == "encode_empty"


def test_prompt(codec):
    clip = 0.1 * np.random.default_rng(1).normal(size=4000).astype(np.float32)
    codes = codec.encode([clip])[0]
    assert (finish_prompt(codes, 4000, codec) == codes).all()
    assert finish_prompt(codes, 9000, codec).reason == "encode_shape"
    with pytest.raises(ValueError, match="shape"):
        prepare(clip)
