"""The loader's bench: it measures what it says, and the loader is as fast as the project promises."""

from pathlib import Path

import pytest

from datagen.load.builds import open_build
from datagen.load.iterating import iter_dialogs
from datagen.run.bench_load import CODES, _by_datasets, _by_pyarrow, measure_build_at
from datagen.stages.pack.schema import token_file_name

PROMISED_FRAMES_S = 200_000


def test_it_is_over_what_is_promised(built: Path) -> None:
    pytest.importorskip("sentencepiece")
    found = measure_build_at(str(built), "train", least_s=0.1, repeats=2)
    assert found.dialogs == len(list(iter_dialogs(built)))
    assert found.frames_s["sequence"] > PROMISED_FRAMES_S
    assert found.frames_s["read"] > found.frames_s["sequence"]
    assert found.to_dict()["ratio"]["pyarrow"] == found.frames_s["read"] / found.frames_s["pyarrow"]
    assert found.ratio("sequence") is None


def test_the_rivals_give_the_same_rows(built: Path) -> None:
    files = [built / token_file_name(s.split, s.number) for s in open_build(built).shards("train")]
    dialogs = list(iter_dialogs(built))
    ways = {"pyarrow": list(_by_pyarrow(files))}
    if pytest.importorskip("datasets"):
        ways["datasets"] = list(_by_datasets(files)(0))
    for rows in ways.values():
        assert [r["dialog_id"] for r in rows] == [d.dialog_id for d in dialogs]
        for row, dialog in zip(rows, dialogs, strict=True):
            assert len(row["words"]) == len(dialog.words)
            assert all(row[name].tolist() == getattr(dialog, name).tolist() for name in CODES)


def test_a_url_is_measured_without_rivals(built: Path) -> None:
    pytest.importorskip("sentencepiece")
    found = measure_build_at(f"file://{built}", "train", least_s=0.01, repeats=1)
    assert set(found.frames_s) == {"read", "sequence"}
    assert found.ratio("datasets") is None
