"""Builds that are damaged or made to do harm: nothing is written outside of the folder, and nothing wrong into it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.audio.files import read_audio, write_flac
from datagen.cli import run
from datagen.errors import DataError, UserError
from datagen.export.runner import run_export
from datagen.load.builds import open_build
from datagen.stages.pack.schema import Table, manifest_path
from tests.conftest import tree
from tests.export.exported import copied, sealed

Change = Callable[[dict[str, Any]], object]


def _rows(path: Path, change: Change) -> None:
    """Changes every row of a parquet file, in a file of its own."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    for row in rows:
        change(row)
    path.unlink()
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path, row_group_size=64)


def _test_split(built: Path, out: Path, change: Change, kind: Table = Table.DIALOGS) -> Path:
    """A copy with the dialogues of the test split changed in one manifest, and right checksums."""
    copied(built, out)
    _rows(out / manifest_path(kind), lambda row: change(row) if row["split"] == "test" else None)
    return sealed(out)


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "a/b", "..", "", "a\nb", "a\0b", "x" * 300])
@pytest.mark.parametrize("form", ["prepared", "moshi-finetune", "lhotse-shar", "webdataset"])
def test_a_name_that_leads_out_of_the_folder(built: Path, tmp_path: Path, name: str, form: str) -> None:
    out = _test_split(built, tmp_path / "out", lambda row: row.update(dialog_id=name))
    (shard,) = open_build(out).shards("test")
    _rows(out / f"tokens/{shard.name}.parquet", lambda row: row.update(dialog_id=name))
    before = tree(tmp_path, skip=())
    with pytest.raises(DataError, match=r"row 0: dialog_id is .* files are called by it") as raised:
        run_export(sealed(out), form, tmp_path / "here" / "export", splits=["test"])
    assert "\n" not in str(raised.value)
    assert {n for n in tree(tmp_path, skip=()).keys() - before.keys() if not n.startswith("here/export/")} == set()


@pytest.mark.parametrize("duration_s", [0.0, -1.0, 1e9, float("nan"), float("inf")])
def test_a_length_that_is_not_the_tokens(built: Path, tmp_path: Path, duration_s: float) -> None:
    out = _test_split(built, tmp_path / "out", lambda row: row.update(duration_s=duration_s))
    with pytest.raises(DataError, match=r"row 0: .* frames, and .*dialogs.parquet says \d+ and "):
        run_export(out, "moshi-finetune", tmp_path / "export", splits=["test"], from_tokens=True)


@pytest.mark.parametrize("kind", [Table.DIALOGS, Table.TURNS, Table.VOICES])
def test_a_changed_manifest(built: Path, tmp_path: Path, kind: Table) -> None:
    out = copied(built, tmp_path / "out")
    path = out / manifest_path(kind)
    table = pq.read_table(path)
    path.unlink()
    pq.write_table(table.take(list(range(len(table)))[::-1]), path)
    with pytest.raises(DataError, match=f"{path.name}: its SHA-256 is"):
        run_export(out, "lhotse-shar", tmp_path / "export", splits=["test"])


def test_sides_that_have_changed_places(built: Path, tmp_path: Path) -> None:
    out = copied(built, tmp_path / "out")
    for path in (out / "audio").iterdir():
        audio, _ = read_audio(path)
        path.unlink()
        write_flac(path, audio[::-1])
    with pytest.raises(DataError, match=r"audio/.*flac: its SHA-256 is"):
        run_export(out, "moshi-finetune", tmp_path / "export", splits=["test"])


@pytest.mark.parametrize("path", ["../../x.flac", "/etc/hostname", "", "audio/nope.flac"])
def test_audio_that_the_build_does_not_have(built: Path, tmp_path: Path, path: str) -> None:
    out = _test_split(built, tmp_path / "out", lambda row: row.update(audio_path=path))
    with pytest.raises(DataError, match="build.json has no such file"):
        run_export(out, "moshi-finetune", tmp_path / "export", splits=["test"])


@pytest.mark.parametrize("text", ["{bad", "[]", "[" * 100_000])
def test_json_that_is_none(built: Path, tmp_path: Path, text: str) -> None:
    out = _test_split(built, tmp_path / "out", lambda row: row.update(effects=text))
    with pytest.raises(DataError, match=r"row 0: effects of .* has to be a JSON object"):
        run_export(out, "webdataset", tmp_path / "export", splits=["test"])


def test_splits_that_name_none(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["export", str(built), "--to", "prepared", "--out", str(tmp_path / "export"), "--split", " , "])
    assert code == UserError.exit_code
    assert "--split ' , ': names no split" in capsys.readouterr().err
    assert not (tmp_path / "export").exists()


def test_a_record_that_names_files_elsewhere(built: Path, tmp_path: Path) -> None:
    """An export's folder from somebody else: what its records name outside of it is left alone."""
    out, folder, victim = copied(built, tmp_path / "out"), tmp_path / "export", tmp_path / "mine.txt"
    run_export(out, "nu-dialogue", folder, splits=["test"], options={"tokenizer": "trying"})
    victim.write_text("mine")
    (record,) = (folder / ".export").glob("test-*.json")
    record.write_text(record.read_text().replace('"test-001-of-001.parquet"', '"../mine.txt"'))
    run_export(out, "nu-dialogue", folder, splits=["test"], options={"tokenizer": "trying"})
    claim = folder / "export.json"
    claim.write_text(claim.read_text().replace('"README.md"', '"../mine.txt"'))
    with pytest.raises(DataError, match="is not the record of an export"):
        run_export(out, "nu-dialogue", folder, splits=["test"], options={"tokenizer": "trying"})
    assert victim.read_text() == "mine"
