"""The card, COLUMNS.md and the summary of a build."""

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import factories
import outputs
import pytest
import yaml

from datagen.records.build import BuildSummary
from datagen.records.codec import from_json
from datagen.records.enums import Split
from datagen.run.timing import measure_manifests
from datagen.stages.pack.card import card
from datagen.stages.pack.columns import columns_markdown, escape
from datagen.stages.pack.schema import SPECS, Table, manifest_path
from datagen.stages.pack.summary import summarise
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.timing import Timing


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def build(out):
    return outputs.make(out)


def test_the_committed_page_is_the_codes():
    committed = Path(__file__).parents[2] / "manifests" / "COLUMNS.md"
    assert committed.read_text(encoding="utf-8") == columns_markdown(), "run: python -m datagen.stages.pack.columns"


def test_every_column_is_explained_and_breaks_no_table():
    for spec in SPECS.values():
        for column in spec.columns:
            assert len(column.meaning) > 5
            assert not set("|<\n") & set(column.meaning)
            assert not column.nullable or "null" in column.meaning


def test_build_json_reads_back(out, build):
    assert from_json(BuildSummary, (out / "build.json").read_bytes()) == build


def test_the_summary_counts(build):
    total = build.counts.total
    assert (total.planned, total.kept, total.rejected) == (12, 10, 2)
    assert build.counts.rejects == {"speak/too_long": 2}
    assert build.counts.by_split["train"].planned == 10
    assert sum(c.kept for c in build.counts.by_split.values()) == 10
    seconds = [factories.rendered(0).timeline.n_samples / 24_000] * 10
    assert build.hours == pytest.approx(sum(seconds) / 3600, abs=1e-6)
    assert build.timing["barge_in_per_h"] == pytest.approx(3600 / seconds[0], rel=1e-6)
    assert build.timing["gap_median_s"] == pytest.approx(0.25)
    assert build.timing["fto_overlap_share"] == pytest.approx(0.25)  # one of four, the barge-in aside
    assert build.timing_target["fto_overlap_share"] == pytest.approx(0.479, abs=0.002)


def test_a_build_that_kept_nothing_has_a_summary_and_a_card(tmp_path, build):
    from datagen.stages.pack import tables
    from datagen.stages.pack.schema import schema

    paths = [tmp_path / k for k in (Table.DIALOGS, Table.TURNS, Table.REJECTS)]
    for path, kind in zip(paths, (Table.DIALOGS, Table.TURNS, Table.REJECTS), strict=True):
        tables.write_table(schema(kind).empty_table(), path, kind)
    made = summarise(paths[0], paths[2])
    assert (made.hours, made.counts.total.planned) == (0.0, 0)
    assert measure_manifests(*paths[:2], StitchOptions()) == Timing({}, {}, None)
    assert "0 synthetic" in card(replace(build, counts=made.counts, hours=0.0, timing={}))


def _head(text: str):
    return yaml.safe_load(text.split("---\n")[1])


def test_the_head_names_every_split_and_table(build):
    head = _head(card(build))
    configs = {c["config_name"]: c for c in head["configs"]}
    assert configs["tokens"]["default"] is True
    assert [d["split"] for d in configs["tokens"]["data_files"]] == ["train", "valid", "test"]
    assert set(configs) == set(Table)
    assert configs["turns"]["data_files"] == [{"split": "full", "path": manifest_path(Table.TURNS)}]
    assert head["size_categories"] == ["n<1K"]


def test_tokens_that_are_not_mimis_are_said_to_be_so_loudly(build):
    assert "NOT Mimi's" in card(build)
    mimi = replace(build, engines={**build.engines, "codec": replace(build.engines["codec"], engine="mimi")})
    assert "NOT Mimi's" not in card(mimi)


def test_texts_are_shown_and_are_no_markup(build):
    evil = "<script>alert(1)</script>|[x](javascript:1)`\n# big\n---\nname: 1"
    maker = replace(build.engines["writer"], model=evil, note=evil)
    speaker = replace(build.engines["speaker"], engine=evil, licence=evil)
    text = card(replace(build, name=evil, engines={**build.engines, "writer": maker, "speaker": speaker}))
    assert "<script>" not in text
    assert "\n# big" not in text
    assert "[x](" not in text.split("---\n", 2)[2]
    assert _head(text)["pretty_name"] == evil
    assert len(_head(text)["configs"]) == 5
    assert escape("a_b|c\nd") == r"a\_b\|c d"


@pytest.mark.skipif(
    importlib.util.find_spec("datasets") is None,
    reason="the package datasets is not installed (an extra for its users)",
)
@pytest.mark.parametrize("name", [None, *Table])
def test_hugging_face_datasets_reads_the_folder(name, out, build, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = importlib.import_module("datasets")
    found = datasets.load_dataset(str(out), name, cache_dir=str(tmp_path))
    if name in (None, Table.TOKENS):
        assert {s: len(d) for s, d in found.items()} == {"train": 8, "valid": 1, "test": 1}
        row = found["train"][0]
        assert len(row["agent_codes"]) == 8
        assert {len(book) for book in row["agent_codes"]} == {row["n_frames"]}
    else:
        assert list(found) == ["full"]
        assert found["full"].column_names == [c.name for c in SPECS[name].columns]


def test_a_split_without_dialogues_is_not_in_the_head(build):
    lacking = replace(
        build.counts, by_split={k: v for k, v in build.counts.by_split.items() if k is not Split.VALID and k != "valid"}
    )
    head = _head(card(replace(build, counts=lacking)))
    assert [d["split"] for d in head["configs"][0]["data_files"]] == ["train", "test"]


@pytest.mark.parametrize("number", [0, 1])
def test_the_cards_own_python_runs(number, out, tmp_path, monkeypatch):
    block = re.findall(r"```python\n(.*?)```", (out / "README.md").read_text(encoding="utf-8"), re.DOTALL)[number]
    if "datasets" in block and importlib.util.find_spec("datasets") is None:
        pytest.skip("the package datasets is not installed (an extra for its users)")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    block = block.replace("path/to/this/folder", str(out))
    script = f"{block}\nprint(len(tokens), len(dialogs if {number} == 0 else turns))"
    env = {**os.environ, "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split()[-2:] == (["8", "10"] if number == 0 else ["8", "48"]), done.stderr[-2000:]
