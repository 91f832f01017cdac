"""What a build finds in its folder is not trusted: foreign, damaged and invented build.json files, and other people's files."""

import json
from pathlib import Path
from typing import Any

import pytest

from datagen import recipes
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.run.local import already_published
from datagen.run.request import Run, prepare, read_summary

SETS = ("run.shard_dialogs=3", "plan.max_voices=40")


def run_into(out: Path, dialogs: int = 8) -> Run:
    recipe = recipes.compose("quickstart", domain_names=["bank", "restaurant"], dialogs=dialogs, seed=5, sets=SETS)
    return prepare(recipe, out)


@pytest.fixture
def good(built: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((built / "build.json").read_bytes())
    return value


def put(out: Path, text: str) -> Path:
    (out / ".work").mkdir(parents=True)
    (out / "build.json").write_text(text)
    return out


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "[]",
        "null",
        "",
        "\x00",
        '{"counts": []}',
        '{"counts": {"total": {"planned": ' + "9" * 6000 + "}}}",
    ],
    ids=["deep", "list", "null", "empty", "binary", "other", "digits"],
)
def test_what_is_no_build_json_is_as_if_there_were_none(tmp_path: Path, text: str) -> None:
    run = run_into(put(tmp_path / "out", text))
    assert already_published(run) is None
    assert not run.grows
    assert sum(len(s.indices) for s in run.shards) == 8


@pytest.mark.parametrize("sizes", [[-3, 11], [0, 8], [10**30], [7], []])
def test_shard_sizes_that_cannot_be_seal_nothing(tmp_path: Path, good: dict[str, Any], sizes: list[int]) -> None:
    good["shards"] = [{**good["shards"][0], "n_planned": n} for n in sizes]
    run = run_into(put(tmp_path / "out", json.dumps(good)), dialogs=20)
    assert not run.grows
    assert all(len(s.indices) <= 3 for s in run.shards)


def test_true_shard_sizes_are_kept_when_a_build_grows(tmp_path: Path, good: dict[str, Any]) -> None:
    run = run_into(put(tmp_path / "out", json.dumps(good)), dialogs=20)
    assert run.grows
    before = [s["n_planned"] for s in good["shards"] if s["split"] == "train"]
    now = [len(s.indices) for s in run.shards if s.split is Split.TRAIN]
    assert now[: len(before)] == before


@pytest.mark.parametrize("name", ["../../../../../etc/passwd", "a" * 5000, "a\x00b"])
def test_a_build_that_lists_such_files_is_not_taken_for_whole(tmp_path: Path, good: dict[str, Any], name: str) -> None:
    good["files"] = {name: {"sha256": "0" * 64, "bytes": -1}}
    assert already_published(run_into(put(tmp_path / "out", json.dumps(good)))) is None


def test_a_folder_with_somebody_elses_build_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text('{"targets": []}')
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "mine.flac").write_text("mine")
    with pytest.raises(UserError, match="holds files and no build"):
        run_into(tmp_path)


def test_an_output_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too long"):
        run_into(tmp_path / ("a" * 5000))


def test_a_missing_summary_is_none(tmp_path: Path) -> None:
    assert read_summary(tmp_path / "build.json") is None
    assert read_summary(tmp_path) is None
