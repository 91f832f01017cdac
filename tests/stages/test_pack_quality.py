"""The composite of Seed-TTS-eval: what it is the mean of, on what, by whom; and that nothing stands in for a part that lacks."""

from collections.abc import Sequence
from pathlib import Path

import factories
import pyarrow as pa
import pytest

from datagen.records.maker import Maker
from datagen.stages.pack import rows, tables
from datagen.stages.pack.quality import speech_quality
from datagen.stages.pack.schema import Table, schema

ENGINES = {
    "asr": Maker("sphinx", "en-us", "5.1", "BSD-2-Clause"),
    "mos": Maker("dnsmos", "DNSMOS P.835, overall", "file-ab", "CC-BY-4.0"),
    "embedder": Maker("wavlm", "base-plus-sv", "files-cd", "CC-BY-SA-3.0"),
}


def turns(path: Path, **scores: Sequence[float | None]) -> Path:
    """A manifest of four turns with these scores."""
    made = rows.shard_tables([factories.rendered(0, n_turns=4)], "train-00000", factories.MAKERS, "c0ffee")[Table.TURNS]
    for name, values in scores.items():
        at = made.schema.get_field_index(name)
        made = made.set_column(
            at, schema(Table.TURNS).field(name), pa.array(values, schema(Table.TURNS).field(name).type)
        )
    tables.write_table(made, path, Table.TURNS)
    return path


def test_the_composite_is_the_mean_of_its_three_parts(tmp_path: Path) -> None:
    path = turns(
        tmp_path / "turns.parquet",
        wer=[0.0, 0.1, None, 0.2],
        mos=[3.0, 4.0, 3.5, 3.5],
        similarity=[0.5, None, None, 0.7],
    )
    found = speech_quality(path, ENGINES)
    assert found.intelligibility.score == pytest.approx(90)
    assert found.acoustic.score == pytest.approx(70)
    assert found.similarity.score == pytest.approx(60)
    assert found.composite == pytest.approx(220 / 3, abs=1e-3)
    parts = (found.intelligibility, found.acoustic, found.similarity)
    assert [p.n_turns for p in parts] == [3, 4, 2]
    assert found.n_turns == 4
    assert [p.mean for p in parts] == pytest.approx([0.1, 3.5, 0.6])
    assert parts[0].measured_by == "sphinx:en-us@5.1"
    assert parts[2].measured_by == "wavlm:base-plus-sv@files-cd"


def test_each_part_that_lacks_takes_the_composite_with_it(tmp_path: Path) -> None:
    whole = {"wer": [0.1] * 4, "mos": [3.0] * 4, "similarity": [0.5] * 4}
    for lacking in whole:
        scores = {**whole, lacking: [None] * 4}
        found = speech_quality(turns(tmp_path / "turns.parquet", **scores), {})
        assert found.composite is None
        assert sum(p.score is None for p in (found.intelligibility, found.acoustic, found.similarity)) == 1
    nothing = speech_quality(turns(tmp_path / "turns.parquet"), {})
    assert (nothing.intelligibility.score, nothing.composite, nothing.n_turns) == (None, None, 4)


def test_parts_never_fall_below_zero(tmp_path: Path) -> None:
    path = turns(tmp_path / "turns.parquet", wer=[2.0] * 4, mos=[1.0] * 4, similarity=[-0.2] * 4)
    found = speech_quality(path, ENGINES)
    assert (found.intelligibility.score, found.acoustic.score, found.similarity.score) == (0, 20, 0)
    assert found.similarity.mean == pytest.approx(-0.2)


def test_it_does_not_depend_on_the_order_of_the_rows(tmp_path: Path) -> None:
    values = [0.1, 1e16, 0.3, -1e16]
    one = speech_quality(turns(tmp_path / "a.parquet", similarity=values), ENGINES)
    other = speech_quality(turns(tmp_path / "b.parquet", similarity=sorted(values)), ENGINES)
    assert one == other
    assert one.similarity.mean == pytest.approx(0.1)
