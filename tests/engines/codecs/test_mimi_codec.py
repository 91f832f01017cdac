"""Mimi through rustymimi, on a full-size model with random weights: the codes are those of one-frame streaming, in any company."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import random_mimi
from random_mimi import noise

from datagen.engines.codecs import mimi, mimi_weights
from datagen.engines.codecs.mimi import RELEASED_SILENCE, RELEASED_SINE, MimiCodec, MimiOptions
from datagen.engines.codecs.mimi_weights import NAME, REPOSITORY, REVISION, VARIABLE, Weights, find, inspect
from datagen.errors import DataError, EngineError, UserError
from datagen.records.speech import Audio

FRAME = 1920


def streamed(path: Path, audio: Audio, books: int = 8) -> np.ndarray:
    """What bare rustymimi gives when it hears whole frames one by one."""
    import rustymimi

    tokenizer = rustymimi.Tokenizer(str(path), num_codebooks=books)
    steps = [tokenizer.encode_step(audio[None, None, at : at + FRAME]) for at in range(0, len(audio), FRAME)]
    return np.concatenate(steps, axis=2)[0]


@pytest.fixture(scope="module")
def codec(mimi_file: Path) -> MimiCodec:
    return MimiCodec(MimiOptions(backend="rustymimi", weights=str(mimi_file)))


@pytest.fixture(scope="module")
def meter(mimi_file: Path, tmp_path_factory: pytest.TempPathFactory) -> MimiCodec:
    """A codec whose books measure latents to 4e-6: what random books would hide shows."""
    path = random_mimi.write(tmp_path_factory.mktemp("meter") / "meter.safetensors", books=8, meter=True)
    return MimiCodec(MimiOptions(backend="rustymimi", weights=str(path)))


def test_the_codes_are_those_of_streaming_frame_by_frame(codec: MimiCodec) -> None:
    """Latents, and what is beyond the 10 s that attention reaches, are test_mimi_rust's."""
    clip = noise(1, 20 * FRAME)
    codes = codec.encode([clip])[0]
    assert codes.dtype == np.int16
    assert np.array_equal(codes, streamed(codec.weights.path, clip))


def test_encoding_the_whole_file_is_the_same_to_rounding(meter: MimiCodec) -> None:
    import rustymimi

    clip = noise(2, 20 * FRAME)
    tokenizer = rustymimi.Tokenizer(str(meter.weights.path), num_codebooks=8)
    whole = random_mimi.latents(tokenizer.encode(clip[None, None])[0])
    assert np.abs(whole - random_mimi.latents(meter.encode([clip])[0])).max() < 2e-3


@pytest.mark.full
def test_beyond_the_ten_seconds_that_attention_reaches_whole_and_streamed_are_one(meter: MimiCodec) -> None:
    import rustymimi

    clip = noise(3, 150 * FRAME)
    codes = meter.encode([clip])[0]
    tokenizer = rustymimi.Tokenizer(str(meter.weights.path), num_codebooks=8)
    whole = random_mimi.latents(tokenizer.encode(clip[None, None])[0])
    assert np.abs(whole - random_mimi.latents(codes)).max() < 2e-3


def test_clips_of_unequal_length_are_encoded_as_if_each_were_alone(meter: MimiCodec) -> None:
    clips = [noise(4, 5 * FRAME), noise(5, 3 * FRAME - 700), np.zeros(2 * FRAME, np.float32), noise(6, 1)]
    together = meter.encode(clips)
    assert [c.shape for c in together] == [(8, 5), (8, 3), (8, 2), (8, 1)]
    fresh = MimiCodec(meter.options)
    for clip, codes in reversed(list(zip(clips, together, strict=True))):
        assert np.array_equal(fresh.encode([clip])[0], codes)


def test_the_last_frame_is_filled_with_zeros_and_frames_before_it_do_not_hear_it(meter: MimiCodec) -> None:
    clip = noise(7, 3 * FRAME + 500)
    codes = meter.encode([clip])[0]
    filled = np.concatenate([clip, np.zeros(FRAME - 500, np.float32)])
    assert np.array_equal(codes, meter.encode([filled])[0])
    assert np.array_equal(codes[:, :3], meter.encode([clip[: 3 * FRAME]])[0])
    longer = np.concatenate([filled, noise(8, 2 * FRAME)])
    assert np.array_equal(codes, meter.encode([longer])[0][:, :4])


def test_reset_of_the_pinned_package_is_not_to_be_trusted(meter: MimiCodec) -> None:
    """Why every clip gets a tokenizer of its own. When this fails, a reset may be enough: it saves 0.06 s a clip."""
    import rustymimi

    clip = noise(9, 2 * FRAME)
    tokenizer = rustymimi.Tokenizer(str(meter.weights.path), num_codebooks=8)
    first = tokenizer.encode_step(clip[None, None, :FRAME])
    tokenizer.reset()
    assert not np.array_equal(first, tokenizer.encode_step(clip[None, None, :FRAME]))


@pytest.mark.slow
def test_one_and_two_threads_give_the_same_codes(meter: MimiCodec, tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np; from datagen.engines.codecs.mimi import MimiCodec, MimiOptions\n"
        "clip = np.load(sys.argv[2]); codec = MimiCodec(MimiOptions(backend='rustymimi', weights=sys.argv[1]))\n"
        "sys.stdout.buffer.write(codec.encode([clip])[0].tobytes())"
    )
    clip = noise(11, 10 * FRAME)
    np.save(tmp_path / "clip.npy", clip)
    command = [sys.executable, "-c", program, str(meter.weights.path), str(tmp_path / "clip.npy")]
    outputs = [
        subprocess.run(
            command, env={**os.environ, "RAYON_NUM_THREADS": threads}, capture_output=True, check=True
        ).stdout
        for threads in ("1", "2")
    ]
    assert outputs[0] == outputs[1] == meter.encode([clip])[0].tobytes()


def test_fewer_books_are_the_first_of_more(codec: MimiCodec, tmp_path: Path) -> None:
    path = random_mimi.write(tmp_path / "sixteen.safetensors", books=16)
    clip = noise(12, 8 * FRAME)
    sixteen, eight, one = (
        MimiCodec(MimiOptions(backend="rustymimi", weights=str(path), books=books)).encode([clip])[0]
        for books in (16, 8, 1)
    )
    assert [len(codes) for codes in (sixteen, eight, one)] == [16, 8, 1]
    assert np.array_equal(sixteen[:8], eight)
    assert np.array_equal(sixteen[:1], one)
    assert len({tuple(row) for row in sixteen}) == 16
    with pytest.raises(EngineError, match=r"has 16 books, and 17 are asked for"):
        MimiCodec(MimiOptions(backend="rustymimi", weights=str(path), books=17))


def test_decoding_is_streaming_too_and_repeatable(codec: MimiCodec) -> None:
    import rustymimi

    codes = codec.encode([noise(13, 6 * FRAME)])[0]
    audio, again = codec.decode([codes, codes])
    assert audio.shape == (6 * FRAME,)
    assert audio.dtype == np.float32
    assert np.array_equal(audio, again)
    assert np.array_equal(codec.decode([codes[:, :4]])[0], audio[: 4 * FRAME])
    whole = rustymimi.Tokenizer(str(codec.weights.path), num_codebooks=8).decode(codes[None].astype(np.uint32))[0, 0]
    assert np.abs(whole - audio).max() < 1e-4 * np.abs(audio).max()


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((7, 3), np.int16), "shape"),
        (np.full((8, 3), 2048, np.int16), "2048"),
        (np.full((8, 3), -1, np.int16), "-1"),
    ],
)
def test_codes_that_are_none_are_refused(codec: MimiCodec, codes: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        codec.decode([codes])


@pytest.mark.parametrize("audio", [np.zeros((2, FRAME), np.float32), np.full(FRAME, np.nan, np.float32)])
def test_audio_that_is_none_is_refused_and_leaves_no_trace(codec: MimiCodec, audio: np.ndarray) -> None:
    clip = noise(14, 2 * FRAME)
    before = codec.encode([clip])[0]
    with pytest.raises(DataError, match="codec: "):
        codec.encode([audio])
    assert np.array_equal(codec.encode([clip])[0], before)


def test_whole_numbers_are_no_audio_and_fractions_are_no_codes(codec: MimiCodec) -> None:
    with pytest.raises(DataError, match="audio of int16; samples are floating-point numbers"):
        codec.encode([np.zeros(4_000, np.int16)])  # type: ignore[list-item]
    with pytest.raises(DataError, match="samples up to 32767, and full scale is 1"):
        codec.encode([np.full(4_000, -32_767, np.float32)])
    with pytest.raises(DataError, match="codes of float64; mimi's are whole numbers"):
        codec.decode([np.full((8, 3), 1.5)])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "asked", [{"device": "cuda"}, {"device": "cuda:1"}, {"precision": "bf16"}, {"precision": "tf32"}]
)
def test_what_rustymimi_does_not_do_is_refused_and_not_passed_over(codec: MimiCodec, asked: dict[str, str]) -> None:
    other = MimiCodec(codec.options.model_copy(update={"backend": "rustymimi", **asked}))
    ((key, value),) = asked.items()
    with pytest.raises(
        UserError, match=f"codec.{key} = {value}: rustymimi, which codec.backend = rustymimi takes here"
    ):
        _ = other.backend


def test_constants_are_the_released_ones_for_the_released_weights_alone(codec: MimiCodec) -> None:
    silence, sine = codec.constant_frames()
    assert silence != sine
    assert silence != RELEASED_SILENCE
    assert silence == tuple(codec.encode([np.zeros(25 * FRAME, np.float32)])[0][:, -1])
    released = MimiCodec(codec.options)
    released.weights = Weights(codec.weights.path, mimi_weights.RELEASED_SHA256, 8)
    assert released.constant_frames() == (RELEASED_SILENCE, RELEASED_SINE)
    assert released.maker.licence == "CC-BY-4.0"
    assert released.maker.note == mimi.RUST_NOTE
    assert released.maker.revision.endswith("+09b782f06298")


def test_the_file_and_the_books_are_in_the_identity_and_its_place_is_not(codec: MimiCodec, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere.safetensors"
    copy.hardlink_to(codec.weights.path)
    same = MimiCodec(MimiOptions(backend="rustymimi", weights=str(copy)))
    assert same.maker == codec.maker
    assert codec.weights.sha256[:12] in codec.maker.revision
    assert "only a model that learned with these" in codec.maker.note
    assert MimiCodec(MimiOptions(backend="rustymimi", weights=str(copy), books=4)).maker != codec.maker
    assert (
        MimiOptions(backend="rustymimi", weights="a").output_options()
        == MimiOptions(backend="rustymimi", weights="b").output_options()
    )


# ---- the file -----------------------------------------------------------------------------------------------------


def bare(path: Path, *names: str) -> Path:
    header = {n: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]} for i, n in enumerate(names)}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4 * len(names)))
    return path


SEMANTIC = "quantizer.rvq_first.vq.layers.0._codebook.embedding_sum"
FAULTY: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda p: p.write_bytes(b""), "is no safetensors file"),
    "text": (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\n"), "is no safetensors file"),
    "a list": (lambda p: p.write_bytes((2).to_bytes(8, "little") + b"[]"), "is no safetensors file"),
    "another model": (lambda p: bare(p, "x"), f"is no Mimi: of 1 tensors none is {SEMANTIC}"),
    "transformers": (
        lambda p: bare(p, "quantizer.semantic_residual_vector_quantizer.layers.0.codebook.embed_sum"),
        "is no whole Mimi: it has no tensor",
    ),
    "cut short": (lambda p: p.write_bytes(bare(p, SEMANTIC).read_bytes()[:-2]), "is not whole"),
    "a piece": (lambda p: bare(p, SEMANTIC), "has 1 books, and 8 are asked for"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_wrong_file_is_one_line_that_names_it(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "mimi.safetensors"
    spoil, message = FAULTY[fault]
    spoil(path)
    with pytest.raises(EngineError) as raised:
        MimiCodec(MimiOptions(backend="rustymimi", weights=str(path)))
    assert message in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_tensor_that_only_rustymimi_misses_is_one_line_too(tmp_path: Path) -> None:
    pytest.importorskip("rustymimi")
    codec = MimiCodec(
        MimiOptions(backend="rustymimi", weights=str(bare(tmp_path / "m.safetensors", SEMANTIC)), books=1)
    )
    with pytest.raises(EngineError, match=r"rustymimi cannot use .*cannot find tensor encoder") as raised:
        codec.encode([noise(0, 10)])
    assert "\n" not in str(raised.value)


def test_no_weights_says_where_it_looked_and_what_fetches_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EngineError) as raised:
        find("")
    said = str(raised.value)
    assert str(tmp_path) in said
    assert f"hf download {REPOSITORY} {NAME} --revision {REVISION}" in said
    assert "\n" not in said
    with pytest.raises(EngineError, match=r"codec\.weights: there is no file .*absent"):
        find(str(tmp_path / "absent"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(EngineError, match=rf"{VARIABLE}: there is no file .*gone"):
        find("")


@pytest.mark.parametrize(
    ("variable", "below"), [("HF_HUB_CACHE", "."), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")]
)
def test_weights_are_found_where_hugging_face_keeps_them(
    variable: str, below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (VARIABLE, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    hub = tmp_path / below
    for repository, revision in (("models--nvidia--personaplex-7b-v1", "abc"), (f"models--{REPOSITORY}", REVISION)):
        folder = hub / repository.replace("/", "--") / "snapshots" / revision
        folder.mkdir(parents=True)
        bare(folder / NAME, SEMANTIC)
        assert find("") == folder / NAME  # the pinned one is found before any other
    given = bare(tmp_path / "given", SEMANTIC)
    assert find(str(given)) == given
    monkeypatch.setenv(VARIABLE, str(given))
    assert find("") == given


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = bare(tmp_path / "m", SEMANTIC)
    first = inspect(path)
    bare(path, SEMANTIC, "quantizer.rvq_rest.vq.layers.0._codebook.embedding_sum")
    assert (first.books, inspect(path).books) == (1, 2)
    assert inspect(path).sha256 != first.sha256
