"""The nu-dialogue fork's parquet files, read back strictly, and taken through its preprocessing in words of our own."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.errors import UserError
from datagen.export.runner import Exported, run_export
from datagen.load import moshi
from datagen.load.builds import open_build
from datagen.load.reading import ShardReader
from datagen.load.spec import MOSHI
from datagen.load.tokenizers import TRYING, for_trying, open_tokenizer

TRY = {"tokenizer": TRYING}


@pytest.fixture(scope="module")
def export(built: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Exported]:
    """The small build as nu-dialogue. Read only."""
    folder = tmp_path_factory.mktemp("nu-dialogue") / "export"
    return folder, run_export(built, "nu-dialogue", folder, options=TRY)


def read_strictly(path: Path) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """The dialogues of a file: A and B as int arrays [9, n_frames]; an AssertionError for anything out of the format."""
    table = pq.read_table(path)
    assert table.column_names == ["dialogue_id", "A", "B"]
    assert table.schema.field("dialogue_id").type == pa.string()
    found = {}
    for row in table.to_pylist():
        both = {side: np.array(row[side]) for side in ("A", "B")}  # as its map function gets them
        assert both["A"].shape == both["B"].shape
        for side in both.values():
            assert (side.dtype, side.ndim, len(side)) == (np.int64, 2, 9)
            assert side[0].min() >= 0
            assert 0 <= side[1:].min() <= side[1:].max() < 2048
        assert row["dialogue_id"] not in found
        found[row["dialogue_id"]] = both
    return found


def test_its_streams_are_the_loaders_sequence(built: Path, export: tuple[Path, Exported]) -> None:
    """main_speaker_streams: A's nine rows over B's eight. Undelayed, as it delays them itself."""
    folder, _ = export
    build, tokenizer, spec = open_build(built), open_tokenizer(TRYING), for_trying(MOSHI)
    n = 0
    for split in build.splits:
        found = read_strictly(folder / f"{split}-001-of-001.parquet")
        for dialog in (d for shard in build.shards(split) for d in ShardReader(build).dialogs(shard)):
            sides = found.pop(dialog.dialog_id)
            for main, other, said in (("A", "B", dialog), ("B", "A", dialog.swapped())):
                streams = np.concatenate([sides[main], sides[other][1:]])
                wanted = moshi.sequence(said, tokenizer, spec=spec)
                assert wanted.first_frame == 0
                np.testing.assert_array_equal(streams[:, : wanted.n_columns], wanted.codes)
            assert sides["A"].shape[1] == dialog.n_frames
            n += 1
        assert found == {}
    assert n == sum(s.n_dialogs for s in build.summary.shards)


@pytest.mark.parametrize("policy", ["shift", "drop"])
def test_counts_are_those_of_the_rows(built: Path, tmp_path: Path, policy: str) -> None:
    counts = run_export(built, "nu-dialogue", tmp_path, options={**TRY, "policy": policy}).claim.counts
    rows = [sides for path in tmp_path.glob("*.parquet") for sides in read_strictly(path).values()]
    for side, who in (("A", "agent"), ("B", "user")):
        laid = sum(int((~np.isin(r[side][0], (0, 3))).sum()) for r in rows)
        assert counts[f"{who}_tokens"] == laid > 100
        assert (counts[f"{who}_tokens_dropped"] > 0) == (policy == "drop")
        assert (counts[f"{who}_tokens_shifted"] > 0) == (counts[f"max_{who}_shift_frames"] > 0) == (policy == "shift")


def test_files_hold_whole_shards_and_are_numbered(built: Path, export: tuple[Path, Exported], tmp_path: Path) -> None:
    run_export(built, "nu-dialogue", tmp_path, splits=["train"], options={**TRY, "file_dialogs": 3})
    shards = open_build(built).shards("train")
    assert len(shards) > 1
    parts = [read_strictly(tmp_path / f"train-{i + 1:03d}-of-{len(shards):03d}.parquet") for i in range(len(shards))]
    assert [len(p) for p in parts] == [s.n_dialogs for s in shards]
    assert [i for p in parts for i in p] == list(read_strictly(export[0] / "train-001-of-001.parquet"))


def test_a_tokenizer_has_to_be_named_and_to_be_the_models(built: Path, tmp_path: Path) -> None:
    from datagen.load.tokenizers import TRYING_FILE

    with pytest.raises(UserError, match=r"--set tokenizer=FILE.*--set tokenizer=trying"):
        run_export(built, "nu-dialogue", tmp_path / "a")
    with pytest.raises(UserError, match=r"4096 pieces, and moshi has 32000"):
        run_export(built, "nu-dialogue", tmp_path / "a", options={"tokenizer": str(TRYING_FILE)})
    with pytest.raises(UserError, match="policy"):
        run_export(built, "nu-dialogue", tmp_path / "a", options={**TRY, "policy": "keep"})
    with pytest.raises(UserError, match="its tokens are melrvq's, and Moshi takes mimi's"):
        run_export(built, "nu-dialogue", tmp_path / "a", options={**TRY, "codec": "mimi"})
    assert not (tmp_path / "a").exists()


def test_tokens_of_another_codec_than_mimi(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Big:
        """Moshi's vocabulary size, a token a letter."""

        name, vocabulary_size = "big", 32_000

        def encode(self, text: str) -> list[int]:
            return [100 + ord(c) % 1000 for c in text]

    monkeypatch.setattr("datagen.load.tokenizers.open_tokenizer", lambda what: Big())
    with pytest.raises(UserError, match=r"melrvq's, and Moshi takes mimi's.*--set codec=melrvq"):
        run_export(built, "nu-dialogue", tmp_path, options={"tokenizer": "big.model"})
    done = run_export(built, "nu-dialogue", tmp_path, options={"tokenizer": "big.model", "codec": "melrvq"})
    assert done.claim.options["tokenizer"] == "big"  # by what it is, not by where it lay
    assert len(read_strictly(tmp_path / "train-001-of-001.parquet")) == done.claim.dialogs["train"]


@pytest.mark.slow
def test_the_trainers_own_reader(export: tuple[Path, Exported], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(
        "parquet", split="train", data_files={"train": [str(export[0] / "train-*.parquet")]}, cache_dir=str(tmp_path)
    )
    assert loaded.column_names == ["dialogue_id", "A", "B"]
    assert len(loaded) == export[1].claim.dialogs["train"]
    mine = read_strictly(export[0] / "train-001-of-001.parquet")
    for row in loaded:
        np.testing.assert_array_equal(np.array(row["A"]), mine[row["dialogue_id"]]["A"])
    whole = datasets.load_dataset(
        str(export[0]), cache_dir=str(tmp_path / "whole")
    )  # by the folder: export.json is no data
    assert {str(split): len(rows) for split, rows in whole.items()} == {
        {"valid": "validation"}.get(split, split): n for split, n in export[1].claim.dialogs.items()
    }
