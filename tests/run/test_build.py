"""A whole build: what comes out, the same bytes every time, nothing done twice, nothing half-done taken for done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import SMALL, datagen, hears_interrupts, tree


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The small build, to change."""
    return Path(shutil.copytree(built, tmp_path / "out"))


def again(out: Path, *more: str) -> None:
    ran = datagen(*SMALL, "--out", out, "--quiet", *more)
    assert (ran.code, ran.err) == (0, "")


def test_the_folder_holds_what_the_design_says(built: Path) -> None:
    names = set(tree(built))
    assert {"build.json", "README.md", "report/index.html"} <= names
    assert {f"manifests/{n}.parquet" for n in ("dialogs", "turns", "voices", "rejects")} <= names
    assert "tokens/train-00000.parquet" in names
    n = pl.read_parquet(built / "manifests" / "dialogs.parquet").height
    assert sum(name.startswith("audio/") for name in names) == n


def test_planned_is_kept_and_rejected(built: Path) -> None:
    total = json.loads((built / "build.json").read_bytes())["counts"]["total"]
    assert total["planned"] == 8 == total["kept"] + total["rejected"]


def test_the_check_finds_nothing(built: Path) -> None:
    ran = datagen("check", built)
    assert ran.code == 0, ran.out


def test_one_worker_and_another_shard_size_order_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    ran = datagen(*SMALL, "--workers", "1", "--out", tmp_path / "one", "--quiet")
    assert ran.code == 0, ran.err
    assert tree(tmp_path / "one") == tree(built)


def test_a_second_run_does_no_work(copy: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in copy.rglob("*") if p.is_file() and p.name != "lock"}
    ran = datagen(*SMALL, "--out", copy)
    assert "Nothing to do" in ran.out
    assert before == {p: p.stat().st_mtime_ns for p in copy.rglob("*") if p.is_file() and p.name != "lock"}


@pytest.mark.slow  # MP3 of six dialogues
def test_a_report_that_was_killed_half_written_is_written_again(built: Path, copy: Path) -> None:
    report = copy / "report" / "index.html"
    report.rename(report.with_name(".tmp-index.html-1-0a1b2c3d-0"))
    again(copy)
    assert tree(copy) == tree(built)


@pytest.mark.slow
def test_a_changed_option_redoes_its_stage_and_nothing_before(copy: Path) -> None:
    before = {g: {p.name for p in (copy / ".work" / g).iterdir()} for g in ("write", "speech", "render")}
    again(copy, "--set", "scene.noise.share=0", "--set", "scene.telephone.share=0")
    after = {g: {p.name for p in (copy / ".work" / g).iterdir()} for g in ("write", "speech", "render")}
    assert after["write"] == before["write"]
    assert after["speech"] == before["speech"]
    assert not after["render"] & before["render"]


@pytest.mark.slow
def test_a_larger_build_keeps_ids_and_bytes_of_the_smaller(built: Path, copy: Path) -> None:
    ran = datagen(*SMALL[:4], "11", *SMALL[5:], "--out", copy, "--quiet")
    assert ran.code == 0, ran.err
    old, new = tree(built), tree(copy)
    for name in old:
        if name.startswith(("tokens/", "audio/")):
            assert new[name] == old[name], name
    n = pl.read_parquet(copy / "manifests" / "dialogs.parquet").height
    assert n > pl.read_parquet(built / "manifests" / "dialogs.parquet").height
    assert datagen("check", copy).code == 0


@pytest.mark.parametrize(
    "group",
    [
        pytest.param("write", marks=pytest.mark.full),
        pytest.param("speech", marks=pytest.mark.slow),
        pytest.param("render", marks=pytest.mark.full),
    ],
)
def test_a_corrupt_artefact_is_made_anew(built: Path, copy: Path, group: str) -> None:
    folder = sorted((copy / ".work" / group).iterdir())[0]
    victim = max((p for p in folder.iterdir() if p.is_file() and p.name != "done.json"), key=lambda p: p.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    victim.unlink()  # published files may be links to it
    victim.write_bytes(data)
    (copy / "build.json").unlink()
    ran = datagen(*SMALL, "--out", copy)
    assert ran.code == 0
    assert ran.err.count(f"its {group} artefact in the work folder was damaged; it is made anew.\n") == 1
    assert tree(copy) == tree(built)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("tokens/train-00000.parquet", marks=pytest.mark.full),
        pytest.param("manifests/turns.parquet", marks=pytest.mark.full),
        pytest.param("build.json", marks=pytest.mark.full),
    ],
)
def test_a_truncated_output_file_is_found_and_mended(built: Path, copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    (copy / name).unlink()
    (copy / name).write_bytes(data[: len(data) // 2])
    ran = datagen("check", copy)
    assert ran.code == 3
    assert name in ran.out
    again(copy)
    assert tree(copy) == tree(built)


def test_two_builds_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = subprocess.Popen(
        [sys.executable, "-m", "datagen", *SMALL, "--out", str(out), "--quiet"], stdout=subprocess.DEVNULL
    )
    try:
        lock = out / ".work" / "lock"
        while not (lock.exists() and lock.read_text().strip() == str(first.pid)):
            assert first.poll() is None
            time.sleep(0.05)
        second = datagen(*SMALL, "--out", out)
        assert second.code == 1
        assert f"process {first.pid}" in second.err
        assert len(second.err.strip().splitlines()) == 1
    finally:
        first.kill()
        first.wait()


def test_an_interrupt_ends_with_130_and_one_line(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "datagen", *SMALL, "--out", str(tmp_path / "out"), "--quiet"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=hears_interrupts,
    )  # fmt: skip
    time.sleep(4)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.count("\n") == 1
    assert "run the same command again" in err


def test_a_stage_that_rejects_too_much_stops_the_build(tmp_path: Path) -> None:
    ran = datagen(
        *SMALL, "--out", tmp_path / "out", "--quiet", "--set", "speak.max_s_per_word=0.01", "--set", "speak.edge_s=0"
    )
    assert ran.code == 3
    assert "speak:" in ran.err
    assert "too_long" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "build.json").exists()
