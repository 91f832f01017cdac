"""A bank from end to end: its bytes, its resume, its table, its check, its page, its readers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from bank_speech import sources, speaker

from datagen.audio.levels import integrated_lufs
from datagen.engines.speakers.bank import workshop
from datagen.engines.speakers.bank.builder import Plan, Progress, build, maker_of
from datagen.engines.speakers.bank.check import check_bank
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.page import page
from datagen.engines.speakers.bank.reader import clip_of, prompt_of, read_bank, voices_of_bank
from datagen.engines.speakers.bank.schema import MEANINGS, columns
from datagen.errors import DataError, UserError
from datagen.store.ids import file_digest

COUNT, SEED = 4, 2
OPTIONS = BankOptions(held_out_share=0.3)


def plan(out: Path, count: int = COUNT, **changes: Any) -> Plan:
    made = Plan(out, count, SEED, OPTIONS, {"speaker": maker_of(speaker())}, lambda: list(sources()))
    return replace(made, **changes)


def quiet(progress: Progress) -> None:
    pass


class Stop(Exception):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workshop of a build that was stopped when its last voice was made, two places a chunk."""

    def stop(progress: Progress) -> None:
        if progress.done == progress.count:
            raise Stop

    out = tmp_path_factory.mktemp("banks") / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workshop, "PLACES_A_CHUNK", 2)
        with pytest.raises(Stop):
            build(plan(out), 1, stop)
    assert not out.exists()
    return workshop.folder_of(out)


def resumed(made: Path, out: Path, **changes: Any) -> dict[str, Any]:
    """What a build says that goes on with a copy of `made`."""
    if not workshop.folder_of(out).exists():
        shutil.copytree(made, workshop.folder_of(out))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workshop, "PLACES_A_CHUNK", 2)
        return build(plan(out, **changes), 1, quiet)


@pytest.fixture(scope="module")
def bank(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("banks") / "bank"
    resumed(made, out)
    return out


@pytest.fixture
def copy(bank: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bank, tmp_path / "copy"))


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): file_digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_row_holds_what_was_asked_and_what_was_measured(bank: Path) -> None:
    rows = read_bank(bank).rows
    about = read_bank(bank).about
    assert len(rows) == COUNT
    assert set(MEANINGS) == set(columns().names)
    for row in rows:
        assert row["f0_hz"] == pytest.approx(row["asked_f0_hz"], rel=0.03)
        assert row["formant_ratio"] == pytest.approx(row["asked_formant_ratio"], rel=0.03)
        for what, low, high in (("clip", 6, 12), ("prompt", 10, 30)):
            audio, rate = soundfile.read(bank / f"{what}s" / f"{row['id']}.flac", dtype="float32")
            assert (audio.ndim, rate) == (1, 24_000)
            assert low <= len(audio) / rate <= high
            assert len(audio) / rate == pytest.approx(row[f"{what}_s"], abs=1e-3)
            assert integrated_lufs(audio) == pytest.approx(-24, abs=0.1)
            assert file_digest(bank / f"{what}s" / f"{row['id']}.flac") == row[f"{what}_sha256"]
        assert row["licence"] == "GPL-3.0-or-later"
        assert "Change gender" in row["provenance"]
        assert (row["distance"], row["embedding"]) == ("acoustic", None)
        assert len(row["place"]) == len(row["features"]) == 17
    assert about["counts"]["people"] == 3
    assert about["counts"]["held_out_people"] == 2
    assert len({r["person"] for r in rows if r["held_out"]} & {r["person"] for r in rows if not r["held_out"]}) == 0
    assert not (bank.parent / "bank.building").exists()
    assert str(bank) not in (bank / "bank.json").read_text() + (bank / "index.html").read_text()


def test_the_readers_give_voices_clips_and_prompts(bank: Path, copy: Path) -> None:
    voices = voices_of_bank(bank, "chatterbox")
    assert [v.id for v in voices] == sorted(v.id for v in voices)
    assert {v.engine for v in voices} == {"chatterbox"}
    assert voices == voices_of_bank(copy, "chatterbox")  # wherever it lies
    clip, prompt = clip_of(bank, voices[0]), prompt_of(bank, voices[0])
    assert prompt is not None
    assert clip.dtype == prompt.dtype == np.float32
    (copy / "clips" / f"{voices[0].id}.flac").unlink()
    with pytest.raises(DataError, match="has lost its file"):
        clip_of(copy, voices[0])
    shutil.copy(copy / "prompts" / f"{voices[1].id}.flac", copy / "prompts" / f"{voices[0].id}.flac")
    with pytest.raises(DataError, match="not the file that was measured"):
        prompt_of(copy, voices[0])
    with pytest.raises(DataError, match="has no voice nobody"):
        prompt_of(bank, replace(voices[0], id="nobody"))


def test_an_interrupted_build_ends_in_the_same_bytes(
    made: Path, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within its second two voices, with a file half written; the next run makes those anew, the third nothing."""
    monkeypatch.setattr(workshop, "PLACES_A_CHUNK", 2)
    out = tmp_path / "again"
    folder = shutil.copytree(made, workshop.folder_of(out))
    chunk = folder / "chunks" / "000002-000004.json"
    lost = json.loads(chunk.read_bytes())["rows"][-1]["id"]
    chunk.unlink()
    (folder / "bank" / "clips" / f"{lost}.flac").unlink()
    (folder / "bank" / "clips" / ".tmp-x.flac-1-1").write_bytes(b"half")
    told: list[Progress] = []
    build(plan(out), 1, told.append)
    assert [(p.kept, p.done) for p in told] == [(True, 2), (False, COUNT)]
    assert files(out) == files(bank)
    assert build(plan(out), 1, lambda p: pytest.fail("made again"))["counts"]["voices"] == COUNT
    assert files(out) == files(bank)
    with pytest.raises(UserError, match="holds another bank"):
        build(plan(out, count=10), 1, quiet)


def test_what_is_no_bank_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    with pytest.raises(UserError, match="is there and is no voice bank"):
        build(plan(tmp_path / "mine"), 1, quiet)
    with pytest.raises(UserError, match="no voice bank is there"):
        read_bank(tmp_path / "mine")
    (tmp_path / "x.building").mkdir()
    with pytest.raises(UserError, match="has not ended"):
        read_bank(tmp_path / "x")


def test_who_got_no_voice_is_named(tmp_path: Path) -> None:
    about = build(plan(tmp_path / "b", count=1), 1, quiet)
    (row,) = read_bank(tmp_path / "b").rows
    assert {row["person"], *about["voiceless"]} == {s.person for s in sources()}
    assert (len(about["voiceless"]), about["counts"]["people"], row["held_out"]) == (2, 1, False)


def test_bases_that_fit_nothing_are_named(tmp_path: Path) -> None:
    options = BankOptions(child_share=1.0, elderly_share=0.0)
    men = [s for s in sources() if s.sex == "male"]
    with pytest.raises(UserError, match="none of the .* base clips can become"):
        build(plan(tmp_path / "b", options=options, sources=lambda: men), 1, quiet)
    with pytest.raises(UserError, match="two base clips are called"):
        build(plan(tmp_path / "c", sources=lambda: [men[0], men[0]]), 1, quiet)


def test_a_whole_bank_has_no_fault(bank: Path) -> None:
    assert check_bank(bank, 1) == ([], COUNT)


def test_every_fault_is_a_line(copy: Path) -> None:
    ids = [r["id"] for r in read_bank(copy).rows]
    (copy / "clips" / f"{ids[0]}.flac").unlink()
    audio, rate = soundfile.read(copy / "clips" / f"{ids[1]}.flac", dtype="float32")
    soundfile.write(copy / "clips" / f"{ids[1]}.flac", audio[: 4 * rate] * 0.5, rate)
    (copy / "prompts" / f"{ids[2]}.flac").write_bytes(b"no sound")
    (copy / "clips" / "stranger.flac").write_bytes(b"")
    table = pq.read_table(copy / "voices.parquet")
    rows = table.to_pylist()
    rows[3]["asked_f0_hz"] *= 1.05
    rows[3]["asked_formant_ratio"] *= 1.1
    rows[3]["place"] = rows[2]["place"]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), copy / "voices.parquet")
    with pytest.raises(DataError, match="is not the table that bank.json names"):
        check_bank(copy, 1)
    about = json.loads((copy / "bank.json").read_text())
    (copy / "bank.json").write_text(json.dumps(about | {"voices_sha256": file_digest(copy / "voices.parquet")}))
    lines, _ = check_bank(copy, 1)
    text = "\n".join(lines)
    for wanted in (
        f"{ids[0]}: clips/{ids[0]}.flac is not there",
        f"{ids[1]}: clips/{ids[1]}.flac is not the file that was measured",
        f"{ids[1]}: clips: 4.0 s",
        f"{ids[2]}: prompts/{ids[2]}.flac is not the file",
        "clips/stranger.flac: belongs to no voice",
        f"{ids[3]}: F0 is",
        f"{ids[3]}: the formants' factor is",
        "by their places there are",
    ):
        assert wanted in text, text
    assert re.search(rf"{ids[1]}: clips: -\d+\.\d LUFS", text)


def test_names_are_data_to_the_page(bank: Path) -> None:
    evil = "</script><script>alert(1)</script><!--"
    rows = [{**read_bank(bank).rows[0], "licence": evil, "person": evil}]
    made = page(read_bank(bank).about, rows)
    assert "alert(1)" in made
    assert made.count("</script") == 2  # the template's own
    assert made.count("<!--") == 0
    data = re.search(r'type="application/json">(.*?)</script>', made, re.S)
    assert data is not None
    assert json.loads(data[1])["voices"][0]["licence"] == evil
    assert not re.search(r"(src|href)=\"?https?:", made)


def test_an_embedder_makes_the_distance(made: Path, tmp_path: Path) -> None:
    from datagen.engines import registry

    embedder = registry.make("embedder", "acoustic", registry.options_of("embedder", "acoustic", {}))
    out = tmp_path / "bank"
    about = resumed(made, out, embedder=embedder)
    assert about["distance"]["name"].startswith("acoustic ")
    rows = read_bank(out).rows
    assert all(r["distance"] == about["distance"]["name"] and len(r["embedding"]) > 4 for r in rows)


_KILLED = """
import sys; sys.path[:0] = {path!r}
from pathlib import Path
from test_bank_build import plan, quiet
from datagen.engines.speakers.bank.builder import build
if __name__ == "__main__":
    build(plan(Path({out!r}), count=24), 2, quiet)
"""


@pytest.mark.full
def test_a_killed_build_goes_on_and_leaves_no_workers(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    script = tmp_path / "run.py"
    script.write_text(_KILLED.format(path=[str(Path(__file__).parent)], out=str(out)))
    started = subprocess.Popen([sys.executable, str(script)])
    chunks = workshop.folder_of(out) / "chunks"
    deadline = time.monotonic() + 200
    while not list(chunks.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    children = [int(p) for p in Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()]
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    assert not out.exists()
    while any(Path(f"/proc/{c}").exists() for c in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{c}").exists() for c in children)
    kept: list[Progress] = []
    build(plan(out, count=9), 2, kept.append)
    assert kept[0].kept
    assert check_bank(out, 1)[0] == []
