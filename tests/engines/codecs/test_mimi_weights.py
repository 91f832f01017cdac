"""Weights in either naming are one Mimi: renamed without a bit's change, found in the hub's cache, and handed to either backend."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import random_mimi

from datagen.engines.codecs import mimi_weights, safetensors_file
from datagen.engines.codecs.mimi import RELEASED_SILENCE, RELEASED_SINE, MimiCodec, MimiOptions
from datagen.engines.codecs.mimi_names import pairs, to_moshi, to_transformers
from datagen.engines.codecs.mimi_weights import (
    KYUTAI_NAME,
    KYUTAI_REVISION,
    KYUTAI_SHA256,
    NAME,
    REPOSITORY,
    REVISION,
    VARIABLE,
    find,
    inspect,
)
from datagen.engines.codecs.safetensors_file import NotSafetensors, Tensor, pieces, read
from datagen.errors import EngineError

BOOKS = 9


@pytest.fixture(scope="module")
def moshis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_mimi.write(tmp_path_factory.mktemp("names") / "moshi.safetensors", BOOKS, size=random_mimi.SMALL)


@pytest.fixture(scope="module")
def theirs(moshis: Path) -> Path:
    """The same numbers as transformers names them."""
    path = moshis.with_name("model.safetensors")
    path.write_bytes(b"".join(pieces(to_transformers(read(moshis)))))
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "datagen" / "mimi"


def test_a_file_is_written_byte_for_byte_as_the_package_writes_it(moshis: Path, tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy")
    draw = np.random.default_rng(0)
    arrays = {
        "b": draw.standard_normal((2, 3)).astype(np.float16),
        "a": draw.standard_normal(5).astype(np.float32),
        "é": draw.standard_normal((1, 1)),
        "none": np.zeros((0, 4), np.float32),
        "c": np.arange(4),
    }
    kinds = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64"}
    tensors = {n: Tensor(kinds[str(a.dtype)], a.shape, a.reshape(-1).view(np.uint8)) for n, a in arrays.items()}
    package.save_file(arrays, tmp_path / "theirs")
    assert b"".join(pieces(tensors)) == (tmp_path / "theirs").read_bytes()
    assert b"".join(pieces(read(moshis))) == moshis.read_bytes()


def test_names_go_to_transformers_and_back_without_a_bit_changed(moshis: Path, theirs: Path) -> None:
    ours, renamed = read(moshis), read(theirs)
    named = dict(pairs(random_mimi.SMALL.layers, BOOKS - 1))
    assert set(named) == set(ours)
    assert {name for parts in named.values() for name in parts} == set(renamed)
    assert len(set(renamed) & set(ours)) == 0
    back = to_moshi(renamed)
    assert all(np.array_equal(back[n].data, ours[n].data) and back[n].shape == ours[n].shape for n in ours)
    # Query and key are stored in another order, and value is not.
    side = "encoder_transformer.layers.0.self_attn"
    query, key, value = (renamed[f"{side}.{part}_proj.weight"].rows() for part in ("q", "k", "v"))
    joined = ours["encoder_transformer.transformer.layers.0.self_attn.in_proj_weight"].rows()
    assert not np.array_equal(joined[:128], query)
    assert np.array_equal(joined[:128:2][:32], query[:32])  # the even rows of a head come first
    assert np.array_equal(joined[129:256:2][:32], key[32:64])
    assert np.array_equal(joined[256:], value)


def test_transformers_own_file_is_the_same_identity(moshis: Path, tmp_path: Path) -> None:
    """Saved by the library itself, which is how kyutai/mimi's was made."""
    pytest.importorskip("transformers")
    from datagen.engines.codecs.mimi_torch_model import load

    single = tmp_path / "single.safetensors"  # both files of Kyutai's are in single precision
    single.write_bytes(
        b"".join(
            pieces(
                {
                    n: Tensor("F32", t.shape, t.data.view(np.float16).astype(np.float32).view(np.uint8))
                    for n, t in read(moshis).items()
                }
            )
        )
    )
    load(inspect(single)).save_pretrained(tmp_path / "saved")
    saved = inspect(tmp_path / "saved" / KYUTAI_NAME)
    assert not saved.moshi_named
    assert saved.sha256 == inspect(single).sha256 == hashlib.sha256(single.read_bytes()).hexdigest()
    assert saved.file_sha256 != saved.sha256
    assert saved.books == BOOKS


def test_either_file_gives_the_torch_backend_the_same_codes(moshis: Path, theirs: Path) -> None:
    pytest.importorskip("transformers")
    clip = np.random.default_rng(1).normal(0, 0.1, 5 * 1920).astype(np.float32)
    codecs = [MimiCodec(MimiOptions(weights=str(p), backend="torch", device="cpu")) for p in (moshis, theirs)]
    first, second = (codec.encode([clip])[0] for codec in codecs)
    assert np.array_equal(first, second)
    assert codecs[0].maker == codecs[1].maker
    assert codecs[0].weights.file_sha256 != codecs[1].weights.file_sha256


def test_rustymimi_is_handed_a_renamed_copy_that_is_made_once(moshis: Path, theirs: Path, cache: Path) -> None:
    assert inspect(moshis).moshi_path() == moshis
    assert not cache.exists()
    weights = inspect(theirs)
    copy = weights.moshi_path()
    assert copy == cache / f"{weights.sha256}.safetensors"
    assert copy.read_bytes() == moshis.read_bytes()
    os.utime(copy, ns=(1, 1))
    assert weights.moshi_path() == copy
    assert copy.stat().st_mtime_ns == 1  # taken as it is
    copy.write_bytes(copy.read_bytes()[:-1] + b"\1")
    assert weights.moshi_path().read_bytes() == moshis.read_bytes()  # a damaged one is made again
    assert [p.name for p in cache.iterdir()] == [copy.name]


def test_kyutais_own_file_has_the_released_constants_whatever_its_naming(
    theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = MimiCodec(MimiOptions(weights=str(theirs), backend="rustymimi"))
    assert not codec.weights.released
    weights = mimi_weights.Weights(theirs, codec.weights.sha256, BOOKS, KYUTAI_SHA256, moshi_named=False)
    codec.weights = weights
    assert weights.released
    assert codec.constant_frames() == (RELEASED_SILENCE, RELEASED_SINE)


def test_a_file_that_lacks_a_tensor_names_it(moshis: Path, theirs: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"".join(pieces({n: t for n, t in read(theirs).items() if n != "upsample.conv.weight"})))
    with pytest.raises(EngineError, match=r"is no whole Mimi: it has no tensor 'upsample\.conv\.weight'"):
        inspect(path)
    pytest.importorskip("transformers")
    named = "encoder.model.3.conv.conv.bias"
    path.write_bytes(b"".join(pieces({n: t for n, t in read(moshis).items() if n != named})))
    with pytest.raises(EngineError, match=rf"transformers cannot use .*: there is no tensor '{named}'") as raised:
        MimiCodec(MimiOptions(weights=str(path), backend="torch", device="cpu")).encode([np.zeros(9, np.float32)])
    assert "\n" not in str(raised.value)


def test_a_tensor_of_another_shape_is_one_line(moshis: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    path, tensors = tmp_path / "m.safetensors", read(moshis)
    bias = tensors["encoder.model.3.conv.conv.bias"]
    tensors["encoder.model.3.conv.conv.bias"] = Tensor(
        bias.dtype, (bias.shape[0] // 2,), bias.data[: bias.data.nbytes // 2]
    )
    path.write_bytes(b"".join(pieces(tensors)))
    with pytest.raises(EngineError, match=r"transformers cannot use .*mismatched") as raised:
        MimiCodec(MimiOptions(weights=str(path), backend="torch", device="cpu")).encode([np.zeros(9, np.float32)])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
        {"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": "x", "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-4, 8]},
        {"shape": [2], "data_offsets": [0, 8]},
    ],
)
def test_entries_that_do_not_fit_are_no_safetensors(entry: dict[str, object], tmp_path: Path) -> None:
    import json

    text = json.dumps({"x": entry}).encode()
    path = tmp_path / "m"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(NotSafetensors):
        safetensors_file.read(path)


def test_kyutais_file_is_found_after_moshis(
    tmp_path: Path, theirs: Path, moshis: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EngineError, match=rf"hf download kyutai/mimi {KYUTAI_NAME} --revision {KYUTAI_REVISION}"):
        find("")
    for repository, revision, name, source in (
        ("kyutai/mimi", "0" * 40, KYUTAI_NAME, None),  # another revision is not taken
        ("kyutai/mimi", KYUTAI_REVISION, KYUTAI_NAME, theirs),
        (REPOSITORY, REVISION, NAME, moshis),
    ):
        folder = tmp_path / f"models--{repository.replace('/', '--')}" / "snapshots" / revision
        folder.mkdir(parents=True)
        (folder / name).hardlink_to(source or theirs)
        if source is None:
            with pytest.raises(EngineError, match="no weights"):
                find("")
        else:
            assert find("") == folder / name
