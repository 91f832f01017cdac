"""A build's own folder is a Hugging Face dataset: `load_dataset(OUT)`, without an export and without a network."""

import json
import re
import socket
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from datagen.stages.pack.schema import Table, schema

datasets = pytest.importorskip("datasets")

CODES = ("agent_codes", "user_codes", "voice_prompt_codes", "user_voice_prompt_codes")
MANIFESTS = (Table.DIALOGS, Table.TURNS, Table.VOICES)


@pytest.fixture(scope="module", autouse=True)
def no_network():
    """Whoever looks for the Hub fails, instead of waiting for it or being answered."""

    def refuse(*_: object) -> None:
        raise AssertionError("a look at the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        patch.setattr(socket.socket, "connect", refuse)
        yield


@pytest.fixture(scope="module")
def loaded(built, tmp_path_factory):
    return datasets.load_dataset(str(built), cache_dir=str(tmp_path_factory.mktemp("cache")))


def _rows(built: Path, split: str) -> list[dict]:
    return [
        row for path in sorted((built / "tokens").glob(f"{split}-*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def test_every_split_holds_the_parquets_rows(loaded, built):
    summary = json.loads((built / "build.json").read_text())
    assert {s: len(d) for s, d in loaded.items()} == {s: c["kept"] for s, c in summary["counts"]["by_split"].items()}
    for split, found in loaded.items():
        assert list(found) == _rows(built, split)


def test_features_are_the_schemas_types(loaded):
    for found in loaded.values():
        names = [f.name for f in schema(Table.TOKENS)]
        assert list(found.features) == names
        for name in CODES:
            assert found.features[name] == datasets.List(datasets.List(datasets.Value("int16")))
        word = {"word": "string", "start_s": "float64", "end_s": "float64"}
        assert found.features["words"] == datasets.List({n: datasets.Value(t) for n, t in word.items()})


def test_codes_come_as_one_array(loaded):
    row = loaded["train"].with_format("numpy")[0]
    assert isinstance(row["agent_codes"], np.ndarray)
    assert row["agent_codes"].shape == (8, row["n_frames"])
    assert row["agent_codes"].tolist() == loaded["train"][0]["agent_codes"]


def test_streaming_gives_the_same_rows(loaded, built):
    streamed = datasets.load_dataset(str(built), streaming=True)
    assert set(streamed) == set(loaded)
    for split, found in streamed.items():
        assert list(found) == list(loaded[split])


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_is_a_configuration(name, streaming, built, tmp_path):
    found = datasets.load_dataset(str(built), name, cache_dir=str(tmp_path), streaming=streaming)
    assert list(found) == ["full"]
    real = pq.read_table(built / f"manifests/{name}.parquet").to_pylist()
    assert list(found["full"]) == real


def test_the_card_names_every_configuration_and_no_other(built):
    card = (built / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"^- config_name: (\w+)$", card, re.MULTILINE)
    assert datasets.get_dataset_config_names(str(built)) == names
    rejected = json.loads((built / "build.json").read_text())["counts"]["total"]["rejected"]
    assert names == [Table.TOKENS, *MANIFESTS, *([Table.REJECTS] if rejected else [])]


def test_audio_is_a_column_away(built, tmp_path):
    """The dialogs' audio_path below the folder, cast to datasets' own Audio: paths that exist, read as they are."""
    dialogs = datasets.load_dataset(str(built), "dialogs", split="full", cache_dir=str(tmp_path))
    heard = dialogs.map(lambda row: {"audio": f"{built}/{row['audio_path']}"}).cast_column(
        "audio", datasets.Audio(decode=False)
    )
    for row, real in zip(heard, pl.read_parquet(built / "manifests/dialogs.parquet").to_dicts(), strict=True):
        assert row["dialog_id"] == real["dialog_id"]
        assert Path(row["audio"]["path"]).read_bytes()[:4] == b"fLaC"
