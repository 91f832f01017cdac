"""The rustymimi backend is as fast as it is because its steps are wide and its clips side by side; neither changes a code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import random_mimi

from datagen.engines.codecs import mimi_random, mimi_rust
from datagen.engines.codecs.mimi_rust import STEP_FRAMES, THREADS, RustMimi, threads
from datagen.errors import EngineError

pytest.importorskip("rustymimi", reason="the mimi engine is not installed")

FRAME = 1920
ROUNDING = 2e-5
"""Of latents up to 8 wide, in float32: five times the meter's own step."""


def noise(seed: int, frames: int) -> np.ndarray:
    """Frames of noise [frames, 1920], no two at the same level."""
    draw = np.random.default_rng(seed)
    return (draw.standard_normal((frames, FRAME)) * draw.uniform(0, 0.3, (frames, 1))).astype(np.float32)


def stepped(path: Path, frames: np.ndarray, width: int, books: int = 8) -> np.ndarray:
    """Bare rustymimi in steps of `width` frames, the last one as short as it comes."""
    import rustymimi

    tokenizer = rustymimi.Tokenizer(str(path), num_codebooks=books)
    steps = [tokenizer.encode_step(frames[at : at + width].reshape(1, 1, -1)) for at in range(0, len(frames), width)]
    return np.concatenate(steps, axis=2)[0]


@pytest.fixture(scope="module")
def meter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_mimi.write(tmp_path_factory.mktemp("meter") / "meter.safetensors", books=8, meter=True)


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, "1")


@pytest.mark.usefixtures("one_thread")
def test_wide_steps_give_the_codes_of_one_frame_steps(mimi_file: Path) -> None:
    clip = noise(1, 21)
    assert np.array_equal(RustMimi(mimi_file, 8).encode([clip])[0], stepped(mimi_file, clip, 1))


@pytest.mark.full
@pytest.mark.usefixtures("one_thread")
def test_beyond_the_ten_seconds_that_attention_reaches_they_still_do(meter: Path) -> None:
    """11.8 s: codes of wide steps of another width are equal to the bit, and latents those of one-frame steps to rounding."""
    clip = noise(2, 147)  # no step of one frame at the end: that one rounds otherwise
    codes = RustMimi(meter, 8).encode([clip])[0]
    assert np.array_equal(codes, stepped(meter, clip, 16))
    streamed = stepped(meter, clip, 1)
    assert_equal_to_rounding(codes, streamed)
    assert np.array_equal(codes[0], streamed[0])  # the semantic book is a random one, also in the meter


@pytest.mark.usefixtures("one_thread")
def test_latents_are_those_of_one_frame_steps_to_rounding(meter: Path) -> None:
    clip = noise(3, 13)
    codes = RustMimi(meter, 8).encode([clip])[0]
    assert_equal_to_rounding(codes, stepped(meter, clip, 1))
    assert np.median(np.abs(np.diff(random_mimi.latents(codes), axis=1))) > 0.1  # it moves: equality says something


def assert_equal_to_rounding(codes: np.ndarray, other: np.ndarray) -> None:
    """In nearly all frames; where a latent is between two codes of a coarse book, the meter itself is only this fine."""
    apart = np.abs(random_mimi.latents(codes) - random_mimi.latents(other))
    assert np.quantile(apart, 0.95) < ROUNDING
    assert apart.max() < random_mimi.METER_STEPS[0] / 8


@pytest.mark.usefixtures("one_thread")
def test_a_clip_may_end_anywhere_and_what_came_before_is_the_same_to_the_bit(meter: Path) -> None:
    clip = noise(4, 2 * STEP_FRAMES + 1)
    backend = RustMimi(meter, 8)
    whole = backend.encode([clip])[0]
    for frames in (1, STEP_FRAMES, STEP_FRAMES + 1):
        assert np.array_equal(backend.encode([clip[:frames]])[0], whole[:, :frames])
    assert backend.encode([clip[:0]])[0].shape == (8, 0)
    assert whole.dtype == np.int16
    assert whole.flags.c_contiguous


def test_company_order_and_threads_change_nothing(meter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [noise(seed, frames) for seed, frames in ((5, 9), (6, 1), (7, 0), (8, 4))]
    monkeypatch.setenv(THREADS, "1")
    alone = [RustMimi(meter, 8).encode([clip])[0] for clip in clips]
    monkeypatch.setenv(THREADS, "3")
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        together = RustMimi(meter, 8).encode([clips[i] for i in order])
        for i, codes in zip(order, together, strict=True):
            assert np.array_equal(codes, alone[i])


@pytest.mark.usefixtures("one_thread")
def test_decoding_in_wide_steps_is_streaming_too(mimi_file: Path) -> None:
    import rustymimi

    codes = np.random.default_rng(10).integers(0, 2048, (8, STEP_FRAMES + 3)).astype(np.int16)
    backend = RustMimi(mimi_file, 8)
    audio = backend.decode([codes])[0]
    assert audio.shape == (codes.shape[1] * FRAME,)
    tokenizer = rustymimi.Tokenizer(str(mimi_file), num_codebooks=8)
    streamed = [tokenizer.decode_step(codes[None, :, [i]].astype(np.uint32))[0, 0] for i in range(codes.shape[1])]
    assert np.abs(np.concatenate(streamed) - audio).max() < 1e-5 * np.abs(audio).max()
    assert np.array_equal(backend.decode([codes[:, :5]])[0], audio[: 5 * FRAME])
    assert backend.decode([codes[:, :0]])[0].shape == (0,)


@pytest.mark.usefixtures("one_thread")
def test_every_clip_gets_the_room_that_it_needs(mimi_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = noise(11, 3 * STEP_FRAMES)
    assert RustMimi(mimi_file, 8).encode([clip])[0].shape == (8, 3 * STEP_FRAMES)
    monkeypatch.setattr(mimi_rust, "POSITIONS", 1)  # as if a frame were one position: half of what it takes
    with pytest.raises(ValueError, match="narrow"):
        RustMimi(mimi_file, 8).encode([clip])


def test_a_file_that_rustymimi_refuses_is_one_line_from_any_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "none.safetensors"
    path.write_bytes(b"\2\0\0\0\0\0\0\0{}")
    monkeypatch.setenv(THREADS, "2")
    with pytest.raises(EngineError, match=r"codec\.weights: rustymimi cannot use"):
        RustMimi(path, 8).encode([noise(12, 1), noise(13, 1)])


@pytest.mark.parametrize(
    ("value", "expected"), [("3", lambda n: n == 3), ("", lambda n: n >= 1), ("0", lambda n: n >= 1), ("x", bool)]
)
def test_threads_are_those_that_rustymimi_may_use(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: Callable[[int], bool]
) -> None:
    monkeypatch.setenv(THREADS, value)
    assert expected(threads())


def test_random_weights_are_as_large_as_the_released_ones() -> None:
    numbers = sum(int(np.prod(shape)) for _, shape in mimi_random.shapes(32))
    assert 4 * numbers == pytest.approx(384_644_900, abs=100_000)  # the header makes the difference
