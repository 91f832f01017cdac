"""Files that are cut short, changed in a bit, exchanged, gone, or something else: in every kind of artefact and of published file."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.bench import Bench, Ended, Outcome
from tests.faults.bench_inline import Inline, copied

FOREIGN = b"PAR1 this is somebody else's file \x00\xff" * 8


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    if data:
        data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data) or b"\x01")


def exchange(path: Path) -> None:
    path.write_bytes(FOREIGN)


def remove(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"x")


NAMED = ("write/", "speech/", "render/", "voices/", "near/bands", "near/losers")
"""Kinds of work files whose damage a build tells of; what is left is written anew by every publishing."""

DAMAGES: tuple[Callable[[Path], None], ...] = (truncate, flip, exchange, remove, folder)


def artefacts(bench: Bench, times: int = 1000) -> Outcome:
    """Each kind of file in the work folder: found, named, made anew, never used. Damaged in place: a published file is the same one."""
    outcome = Outcome()
    kinds = _kinds(bench.good / ".work")
    unnamed = set()
    with Inline(bench) as inline:
        for kind, name, damage in _some(kinds, times):
            copied(bench.good, bench.out)
            (bench.out / "build.json").unlink()
            damage(bench.out / ".work" / name)
            if kind.startswith("voices/"):  # asked for by a shard alone that is made anew
                shutil.rmtree(bench.out / ".work" / "speech")
                shutil.rmtree(bench.out / ".work" / "render")
            ended = inline.build(told=True)
            _judge(bench, outcome, f"{kind}: {damage.__name__}", ended)
            if "damaged; " not in ended.said:
                unnamed.add(kind)
    expected = {k for k in kinds if k.startswith(NAMED)}
    outcome.expect(not unnamed & expected, f"made anew without a word: {sorted(unnamed & expected)}")
    outcome.note = f"{len(kinds)} kinds of files x {len(DAMAGES)} damages; each artefact's is named on the screen"
    return outcome


def published(bench: Bench, times: int = 1000) -> Outcome:
    """Each kind of published file: named by check, mended by the build once it is gone, as check advises."""
    outcome = Outcome()
    kinds = _kinds(bench.good, skip=".work")
    with Inline(bench) as inline:
        for kind, name, damage in _some(kinds, times):
            copied(bench.good, bench.out)
            path = bench.out / name
            damage(path)
            what = f"{kind}: {damage.__name__}"
            checked = inline.run(["check", str(bench.out)])
            found = checked.code in (1, 3) and (name in checked.said or name == "build.json")
            outcome.expect(found or kind in UNCHECKED, f"{what}: check says {checked.code}: {checked.said[-200:]}")
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            _judge(bench, outcome, what, inline.build())
    outcome.note = f"{len(kinds)} kinds of files x {len(DAMAGES)} damages; named by check, the file removed, the same command again"
    return outcome


UNCHECKED = frozenset({"report/index.html"})
"""Published files that no reader takes anything from, and build.json does not list."""


def foreign(bench: Bench) -> Outcome:
    """Files, folders and links of nobody's in the output and its work folder: they stay out of the build, and what is not ours stays."""
    outcome = Outcome(
        tried=4,
        note="files beside the build stay, those in tokens/ go; an artefact under another one's name is made anew",
    )
    copied(bench.good, bench.out)
    (bench.out / "notes.txt").write_text("mine")
    (bench.out / "mine").mkdir()
    (bench.out / "mine" / "a.parquet").write_bytes(FOREIGN)
    (bench.out / "build.json").unlink()
    (bench.out / "tokens" / "train-99999.parquet").write_bytes(FOREIGN)
    work = bench.out / ".work" / "write"
    for found in sorted(work.iterdir())[:1]:  # an artefact under another one's name
        other = sorted(work.iterdir())[1]
        shutil.rmtree(other)
        shutil.copytree(found, other)
    ended = bench.build()
    outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.said[-300:]}")
    outcome.expect((bench.out / "notes.txt").read_text() == "mine", "a file beside the build is gone")
    outcome.expect((bench.out / "mine" / "a.parquet").exists(), "a folder beside the build is gone")
    (bench.out / "notes.txt").unlink()
    shutil.rmtree(bench.out / "mine")
    bench.same(outcome)
    bench.settled(outcome)
    return outcome


def _some(kinds: dict[str, str], times: int) -> list[tuple[str, str, Callable[[Path], None]]]:
    """Every kind with every damage, or so many of them, evenly."""
    every = [(kind, name, damage) for kind, name in kinds.items() for damage in DAMAGES]
    step = max(1.0, len(every) / times)
    return [every[int(i * step)] for i in range(min(times, len(every)))]


def _judge(bench: Bench, outcome: Outcome, what: str, ended: Ended) -> None:
    outcome.tried += 1
    outcome.expect(ended.code == 0, f"{what}: exit code {ended.code}: {ended.said[-300:]}")
    before = len(outcome.wrong)
    bench.same(outcome)
    outcome.wrong[before:] = [f"{what}: {line}" for line in outcome.wrong[before:]]


def _kinds(root: Path, skip: str = "") -> dict[str, str]:
    """One file of every kind below a folder, by the kind's name; a kind's largest file."""
    found: dict[str, str] = {}
    for name in _names(root, skip):
        kind = re.sub(r"[0-9a-f]{16}|\d+", "N", re.sub(r"(saw-)\d+-(\w+)-\w+-", r"\1N-\2-", name))
        if kind not in found or (root / name).stat().st_size > (root / found[kind]).stat().st_size:
            found[kind] = name
    return found


def _names(root: Path, skip: str) -> Iterator[str]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not (skip and name.startswith(skip)) and path.name != "lock":
            yield name
