"""Disks that are full, that fail, and that nobody may write to."""

import errno
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from tests.faults.bench import Bench, Outcome, one_line
from tests.faults.bench_inline import Inline, compiler


def full_at_every_write(bench: Bench, times: int = 1000) -> Outcome:
    """Full from an operation on: at the first and the last one of every kind of file, and at others between them."""
    return _failing_from(bench, errno.ENOSPC, 1, "the disk is full", times)


def failing_at_every_write(bench: Bench, times: int = 30) -> Outcome:
    """A disk that answers with EIO, as a dying one does, from an operation on."""
    return _failing_from(bench, errno.EIO, 1, "", times)


def killed_at_every_write(bench: Bench, times: int = 1000) -> Outcome:
    """SIGKILL at an operation: before the first and the last one of every kind of file."""
    return _failing_from(bench, -signal.SIGKILL, -1, "", times)


def _failing_from(bench: Bench, number: int, code: int, says: str, most: int) -> Outcome:
    outcome = Outcome()
    if compiler() is None:
        outcome.note = "left out: there is no C compiler here"
        return outcome
    with Inline(bench, failing_disk=True) as inline:
        first = inline.build()
        outcome.expect(first.code == 0, f"the undisturbed build: {first.said}")
        bench.same(outcome)
        operations = inline.log.read_text().splitlines()
        chosen = _chosen(operations, most)
        for at in chosen:
            shutil.rmtree(bench.out, ignore_errors=True)
            hit = inline.build(at=at, errno=number)
            outcome.tried += 1
            what = f"operation {at} ({_kind(operations[at - 1])})"
            outcome.expect(hit.code == code, f"{what}: exit code {hit.code}: {hit.said[-200:]}")
            if number > 0:
                outcome.expect(one_line(hit.said) and says in hit.said, f"{what}: says {hit.said[-200:]!r}")
            again = inline.build()
            outcome.expect(again.code == 0, f"{what}: resumed with {again.code}: {again.said[-200:]}")
            bench.same(outcome)
    outcome.note = (
        f"{len(chosen)} of the {len(operations)} operations of a build, which are of {len(_kinds(operations))} kinds"
    )
    return outcome


def _kind(operation: str) -> str:
    """An operation without what is of one file: `write .work/render/N/tokens.parquet`."""
    name, _, path = operation.partition(" ")
    path = path.split("/out", 1)[-1]
    path = re.sub(r"\.tmp-|-\d+-[0-9a-f]{8}-\d+|-[0-9a-f]{16}", "", path)
    return f"{name} {re.sub(r'[0-9]+', 'N', path)}"


def _kinds(operations: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for n, operation in enumerate(operations, 1):
        found.setdefault(_kind(operation), []).append(n)
    return found


def _chosen(operations: list[str], most: int) -> list[int]:
    """The first and last operation of every kind, thinned out evenly to `most`."""
    places = sorted({n for found in _kinds(operations).values() for n in (found[0], found[-1])})
    step = max(1.0, len(places) / most)
    return [places[int(i * step)] for i in range(min(most, len(places)))]


def small_disk(bench: Bench, sizes: int = 6) -> Outcome:
    """A file system that is too small, a little larger each time, until the build fits: it goes on from where it stood."""
    outcome = Outcome()
    need = sum(p.stat().st_blocks * 512 for p in {p.stat().st_ino: p for p in bench.good.rglob("*")}.values())
    bench.folder.joinpath("disk").mkdir()
    if not _mounts(bench.folder / "disk"):
        outcome.note = "left out: nothing can be mounted here"
        return outcome
    try:
        for n in range(1, sizes + 1):
            size = f"size={need * n // sizes + (8_000_000 if n == sizes else 0)}"
            how = ["-o", f"remount,{size}"] if n > 1 else ["-t", "tmpfs", "-o", size, "none"]
            subprocess.run(["mount", *how, str(bench.folder / "disk")], check=True)
            ended = bench.build(out=bench.folder / "disk" / "out")
            outcome.tried += 1
            if n < sizes and ended.code:
                outcome.expect(
                    ended.code == 1 and "the disk is full" in ended.said, f"{size}: {ended.code} {ended.said}"
                )
            elif ended.code:
                outcome.wrong.append(f"{size}: {ended.said}")
            bench.settled(outcome)
        shutil.copytree(bench.folder / "disk" / "out", bench.out)
        bench.same(outcome)
    finally:
        subprocess.run(["umount", str(bench.folder / "disk")], check=False)
    outcome.note = "a tmpfs"
    return outcome


def _mounts(place: Path) -> bool:
    """Whether this process may mount; it says so by doing it."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    done = subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], capture_output=True, check=False)
    if done.returncode == 0:
        subprocess.run(["umount", str(place)], check=True)
    return done.returncode == 0


def read_only(bench: Bench) -> Outcome:
    """An output that may only be read: new, begun, and done."""
    outcome = Outcome(note="a read-only mount of an empty, a begun and a finished output")
    bench.out.mkdir()
    if not _mounts(bench.out):
        outcome.note = "left out: nothing can be mounted here"
        return outcome
    for state in ("empty", "begun", "done"):
        if state == "begun":
            bench.arm("speaker", "exit", 3, 9)
            bench.build()
        if state == "done":
            bench.resumed(outcome)
        subprocess.run(["mount", "--bind", str(bench.out), str(bench.out)], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", str(bench.out)], check=True)
            ended = bench.build()
        finally:
            subprocess.run(["umount", str(bench.out)], check=True)
        outcome.tried += 1
        if state == "done":
            outcome.expect(ended.code == 0, f"done: exit code {ended.code}: {ended.said}")
        else:
            said = one_line(ended.said) and "cannot be written" in ended.said
            outcome.expect(ended.code == 1 and said, f"{state}: exit code {ended.code}: {ended.said[-300:]}")
        bench.settled(outcome)
    bench.same(outcome)
    return outcome
