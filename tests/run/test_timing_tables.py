"""Timing from tables: the same from shards and from manifests, whatever the row groups; nothing breaks on nothing."""

from pathlib import Path

import outputs
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from datagen.errors import DataError
from datagen.records.build import BUILD_FILE, BuildSummary
from datagen.records.codec import from_json
from datagen.run.timing import measure, measure_manifests
from datagen.stages.pack.schema import Table, manifest_path, schema
from datagen.stages.pack.tables import write_all
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.timing import Timing

OPTIONS = StitchOptions()


def tables(out: Path) -> tuple[pa.Table, pa.Table]:
    return pq.read_table(out / manifest_path(Table.DIALOGS)), pq.read_table(out / manifest_path(Table.TURNS))


def test_the_real_builds_manifests_give_what_its_build_json_says(built: Path) -> None:
    said = from_json(BuildSummary, (built / BUILD_FILE).read_bytes())
    found = measure_manifests(built / manifest_path(Table.DIALOGS), built / manifest_path(Table.TURNS), OPTIONS)
    assert found == Timing(said.timing, said.timing_target, said.ftos)
    assert 0 < said.timing["ks_fto"] < 0.3
    assert said.timing["n_ftos"] > 100
    for name in ("overlap_share", "silence_share", "fto_overlap_share"):
        assert said.timing[name] == pytest.approx(said.timing_target[name], rel=0.35), name  # of eight dialogues


@pytest.mark.parametrize("size", [1, 7, 100])
def test_row_groups_may_end_inside_a_dialogue(tmp_path: Path, size: int) -> None:
    outputs.make(tmp_path, n_dialogs=5, audio=False)
    dialogs, turns = tables(tmp_path)
    path = tmp_path / "turns.parquet"
    pq.write_table(turns, path, row_group_size=size)
    assert measure_manifests(tmp_path / manifest_path(Table.DIALOGS), path, OPTIONS) == measure(
        [(dialogs, turns)], OPTIONS
    )


def test_a_shard_of_which_nothing_was_kept_adds_nothing(tmp_path: Path) -> None:
    outputs.make(tmp_path, n_dialogs=3, audio=False)
    nothing = schema(Table.DIALOGS).empty_table(), schema(Table.TURNS).empty_table()
    assert measure([nothing, tables(tmp_path), nothing], OPTIONS) == measure([tables(tmp_path)], OPTIONS)
    assert measure([nothing], OPTIONS) == Timing({}, {}, None)


def test_a_dialogue_of_one_turn(tmp_path: Path) -> None:
    outputs.make(tmp_path, n_dialogs=3, n_turns=1, audio=False)
    found = measure([tables(tmp_path)], OPTIONS)
    assert (found.output["n_ftos"], found.ftos) == (0, None)
    assert "silence_share" in found.target


def test_a_manifest_that_no_build_writes_is_one_line(tmp_path: Path) -> None:
    outputs.make(tmp_path, n_dialogs=3, audio=False)
    _, turns = tables(tmp_path)
    foreign = turns.set_column(
        turns.schema.get_field_index("type"), "type", pc.replace_substring(turns["type"], "e", "x")
    )
    path = tmp_path / "turns.parquet"
    write_all([foreign], path, Table.TURNS)
    with pytest.raises(DataError, match=r"turns\.parquet: holds what no build writes"):
        measure_manifests(tmp_path / manifest_path(Table.DIALOGS), path, OPTIONS)
