"""What holds of every export: it streams, goes on after any death, keeps splits, and refuses what it must not write over."""

import errno
import gc
import json
import random
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.errors import DataError, UserError
from datagen.export import registry
from datagen.export.base import ExportDialog
from datagen.export.rows import Joined, Manifest
from datagen.export.runner import Exported, Progress, run_export
from datagen.export.sound import sound_of
from datagen.load.builds import open_build
from datagen.load.reading import ShardReader
from datagen.stages.pack.schema import Table, manifest_path
from datagen.store.files import read_json
from datagen.store.lock import only_builder
from tests.export.exported import before_it_grew, copied, edited, files_of, killed_at, sealed, without_audio

FORMAT = "moshi-finetune"


@pytest.fixture(scope="module")
def whole(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export in one go. Read only."""
    folder = tmp_path_factory.mktemp("whole") / "export"
    run_export(built, FORMAT, folder)
    return folder


def test_what_is_there_is_said(built: Path, whole: Path) -> None:
    claim, build = read_json(whole / "export.json"), open_build(built)
    kept = {split: sum(s.n_dialogs for s in build.shards(split)) for split in build.splits}
    assert claim["dialogs"] == kept
    assert (claim["build_id"], claim["format"], claim["complete"]) == (build.summary.id, FORMAT, True)
    readme = (whole / "README.md").read_text()
    assert claim["cannot_hold"]
    assert all(f"- {line}\n" in readme for line in claim["cannot_hold"])
    assert all(f"| {split} | {n} |" in readme for split, n in kept.items())
    listed = {name for part in (whole / ".export").glob("*.json") for name in json.loads(part.read_text())["files"]}
    assert listed | set(claim["index"]) == {n for n in files_of(whole) if n != "export.json" and n[:8] != ".export/"}
    assert claim["n_files"] == len(listed)


def test_a_second_run_writes_nothing(built: Path, whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "export"))
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.name != "lock"}
    done = run_export(built, FORMAT, folder)
    assert done.made == 0
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.name != "lock"} == before


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(built: Path, whole: Path, tmp_path: Path) -> None:
    steps = sorted(random.Random(4).sample(range(1, len(files_of(whole))), 2))
    folder = tmp_path / "export"
    for step in steps:  # one folder: what the second dies over is what the first left
        assert killed_at(step, "export", built, "--to", FORMAT, "--out", folder) == 9
        claim = read_json(folder / "export.json") if (folder / "export.json").exists() else {"complete": False}
        assert not claim["complete"]
        assert not (folder / "train.jsonl").exists()  # what names the others is written when all are there
    assert run_export(built, FORMAT, folder).made > 0
    assert files_of(folder) == files_of(whole)


def test_a_part_that_was_hurt_is_made_again(built: Path, whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "export"))
    hurt = sorted(folder.glob("train-00000/*.wav"))[0]
    hurt.write_bytes(hurt.read_bytes()[:1000])
    (folder / "valid.jsonl").unlink(missing_ok=True)
    next(folder.glob("test-*/*.json")).unlink()
    (folder / ".export" / "train-00001.json").write_text("{")
    assert run_export(built, FORMAT, folder).made == 3
    assert files_of(folder) == files_of(whole)


def test_a_part_killed_between_record_and_files_leaves_none_behind(built: Path, tmp_path: Path) -> None:
    """As where a file's name holds the number of files, and the build has grown before the export goes on."""
    folder, small = tmp_path / "export", before_it_grew(built, tmp_path / "small")
    options = ("--set", "tokenizer=trying", "--set", "file_dialogs=3")
    step = 2  # export.json, the record, and then the first file
    assert killed_at(step, "export", small, "--to", "nu-dialogue", "--out", folder, *options, "--split", "train") == 9
    assert (
        killed_at(step + 1, "export", small, "--to", "nu-dialogue", "--out", folder, *options, "--split", "train") == 9
    )
    run_export(built, "nu-dialogue", folder, splits=["train"], options={"tokenizer": "trying", "file_dialogs": 3})
    n = len(open_build(built).shards("train"))
    assert sorted(p.name for p in folder.glob("*.parquet")) == [
        f"train-{i + 1:03d}-of-{n:03d}.parquet" for i in range(n)
    ]


def test_splits_come_one_by_one_or_all_at_once(built: Path, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    run_export(built, FORMAT, folder, splits=["valid"])
    assert {p.name for p in folder.glob("*.jsonl")} == {"valid.jsonl"}
    assert {p.name.split("-")[0] for p in folder.glob("*-0*")} == {"valid"}
    run_export(built, FORMAT, folder, splits=["train"])
    assert {p.name for p in folder.glob("*.jsonl")} == {"train.jsonl", "valid.jsonl"}  # the first is kept
    run_export(built, FORMAT, folder)
    assert files_of(folder) == files_of(whole)


def test_a_build_that_grew_adds_its_new_parts_alone(built: Path, whole: Path, tmp_path: Path) -> None:
    folder, small = tmp_path / "export", before_it_grew(built, tmp_path / "small")
    first = run_export(small, FORMAT, folder)
    old = {p: p.stat().st_mtime_ns for p in folder.glob("*/*.wav")}
    grown = run_export(built, FORMAT, folder)
    assert (first.made, grown.made) == (len(open_build(built).summary.shards) - 1, 1)
    assert {p: p.stat().st_mtime_ns for p in old} == old
    assert files_of(folder) == files_of(whole)


def test_another_export_in_the_folder_is_left_alone(built: Path, whole: Path, tmp_path: Path) -> None:
    before = files_of(whole)
    other = edited(copied(built, tmp_path / "other"), lambda s: s.update(id="f" * 16, shards=_rekeyed(s["shards"])))
    refused = [
        (lambda: run_export(built, "prepared", whole), f"{whole}: holds an export as moshi-finetune, and this one is as prepared"),
        (lambda: run_export(built, FORMAT, whole, options={"text_conditions": "role"}), "text_conditions=, and this has"),
        (lambda: run_export(built, FORMAT, whole, from_tokens=True), "its audio is from the build's files, and this is from its tokens"),
        (lambda: run_export(other, FORMAT, whole), f"holds an export of build quickstart {open_build(built).summary.id}"),
        (lambda: run_export(other, FORMAT, whole), f"quickstart {'f' * 16} has another"),
    ]  # fmt: skip
    for call, message in refused:
        with pytest.raises(UserError) as raised:
            call()
        assert message in str(raised.value)
        assert "\n" not in str(raised.value)
    assert files_of(whole) == before


def _rekeyed(shards: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{**s, "key": f"x{s['key']}"} for s in shards]


def test_where_an_export_may_not_be_written(built: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("x")
    before = files_of(built)
    for folder, message in [
        (built, "lies in the build"),
        (built / "exports" / "a", "lies in the build"),
        (tmp_path / "mine", "holds notes.txt and is no export's folder"),
        (tmp_path / "file", "is no folder"),
        ("s3://bucket/export", "an export is written into a local folder"),
    ]:
        with pytest.raises(UserError, match=message):
            run_export(built, FORMAT, folder)
    with pytest.raises(UserError, match="lies in the build"):
        run_export(built.as_uri(), FORMAT, built / "x")
    assert files_of(built) == before
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["notes.txt"]


def test_one_export_a_folder_at_a_time(built: Path, tmp_path: Path) -> None:
    with only_builder(tmp_path / "export" / ".export"), pytest.raises(UserError, match="is writing there"):
        run_export(built, FORMAT, tmp_path / "export")


def test_a_full_disk_is_one_line_and_what_is_done_stays(
    built: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = Path.write_bytes, [4]

    def full(path: Path, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, data)

    folder = tmp_path / "export"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(UserError, match=rf"{folder}.*: the disk is full .* it goes on"):
            run_export(built, FORMAT, folder)
    assert not list(folder.glob(".tmp-*"))
    run_export(built, FORMAT, folder)
    assert files_of(folder) == files_of(whole)


def test_audio_that_was_not_kept(built: Path, tmp_path: Path) -> None:
    silent, folder = without_audio(built, tmp_path / "silent"), tmp_path / "export"
    with pytest.raises(UserError, match=r"keeps no audio.*pack\.audio=true.*--from-tokens"):
        run_export(silent, FORMAT, folder)
    assert not folder.exists()
    with pytest.raises(UserError, match="nu-dialogue holds no audio"):
        run_export(silent, "nu-dialogue", folder, from_tokens=True, options={"tokenizer": "trying"})
    assert run_export(silent, "nu-dialogue", folder, options={"tokenizer": "trying"}).made


def test_tokens_of_another_codec_are_not_decoded(built: Path, tmp_path: Path) -> None:
    other = edited(copied(built, tmp_path / "out"), lambda s: s["engines"]["codec"].update(revision="older"))
    with pytest.raises(DataError, match="made by melrvq revision older, and this is"):
        run_export(other, FORMAT, tmp_path / "export", from_tokens=True)


def test_a_damaged_build_is_one_line_and_no_part(built: Path, tmp_path: Path) -> None:
    def hurt(name: str, data: bytes) -> Path:
        out = copied(built, tmp_path / name.replace("/", "-"))
        (out / name).unlink()
        (out / name).write_bytes(data)
        return out

    flac = next(iter(sorted((built / "audio").iterdir()))).name
    for name, data in [
        ("tokens/train-00000.parquet", b"PAR1"),
        ("manifests/dialogs.parquet", b"PAR1 and no more"),
        (f"audio/{flac}", b"fLaC"),
        ("build.json", b"{}"),
    ]:
        with pytest.raises(DataError) as raised:
            run_export(hurt(name, data), FORMAT, tmp_path / "export")
        assert name in str(raised.value)
        assert "\n" not in str(raised.value)
        shutil.rmtree(tmp_path / "export", ignore_errors=True)


@pytest.mark.parametrize("name", ["moshi-finetune", "prepared"])
def test_a_dialogue_at_a_time(built: Path, tmp_path: Path, name: str) -> None:
    """The files of one dialogue lie there before the next is asked for, and none of its audio is held on to."""
    build = open_build(built)
    form = registry.make(name, {})
    sound, alive, seen = sound_of(build, False), list[weakref.ref[ExportDialog]](), list[str]()
    shard = build.shards("train")[0]

    def one_by_one() -> Iterator[ExportDialog]:
        for dialog in ShardReader(build).dialogs(shard):
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 1  # the one just written: the loop's own name for it
            assert len(list(tmp_path.rglob("*.wav"))) == len(seen) * (1 if name == "moshi-finetune" else 3)
            seen.append(dialog.dialog_id)
            yield from _noted(Joined(build, sound).join(shard.name, [dialog]), alive)

    written = form.write(form.parts(build, "train")[0], one_by_one(), tmp_path)
    assert written.n_dialogs == len(seen) == shard.n_dialogs > 1


def _noted(found: Iterator[ExportDialog], alive: "list[weakref.ref[ExportDialog]]") -> Iterator[ExportDialog]:
    for one in found:
        alive.append(weakref.ref(one))
        yield one


def test_turns_come_with_their_dialogue(built: Path) -> None:
    build = open_build(built)
    joined = Joined(build, sound_of(build, False))
    rows = [row for table in build.tables(Table.TURNS) for row in table.to_pylist()]
    for shard in (s for split in build.splits for s in build.shards(split)):
        for found in joined.join(shard.name, ShardReader(build).dialogs(shard)):
            assert list(found.turns) == [row for row in rows if row["dialog_id"] == found.dialog.dialog_id]
            assert [t["turn"] for t in found.turns] == list(range(found.row["n_turns"]))


def test_a_shard_over_two_row_groups_is_read_once(built: Path, tmp_path: Path) -> None:
    """Not once a dialogue: in a large build every tenth shard or so lies across a border."""
    out = copied(built, tmp_path / "build")
    path = out / manifest_path(Table.TURNS)
    table = pq.read_table(path)
    path.unlink()
    pq.write_table(table, path, row_group_size=30)
    sealed(out)
    reads: list[int] = []

    class Counted(Manifest):
        def _read(self, group: int) -> pa.Table:
            reads.append(group)
            return super()._read(group)

    build, wanted = open_build(out), table.to_pylist()
    turns = Counted(build, Table.TURNS)
    of_shards = dict.fromkeys((row["shard"], row["dialog_id"]) for row in wanted)
    for shard, dialog_id in of_shards:
        assert turns.rows(shard, dialog_id) == [row for row in wanted if row["dialog_id"] == dialog_id]
    assert sorted(reads) == list(range(-(-len(wanted) // 30)))
    assert len(reads) > 3
    assert turns.rows("train-99999") == []


def test_a_split_that_is_not_there_and_how_far_it_is(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--split dev: .* has no such split. It has: .*train"):
        run_export(built, FORMAT, tmp_path / "export", splits=["train", "dev"])
    steps: list[Progress] = []
    done: Exported = run_export(built, FORMAT, tmp_path / "export", splits=["train"], report=steps.append)
    n = len(open_build(built).shards("train"))
    assert [s.parts for s in steps] == list(range(n + 1))
    assert steps[-1].dialogs == sum(done.claim.dialogs.values())
