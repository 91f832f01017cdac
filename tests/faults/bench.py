"""What every fault is tried on: a small build of cheap engines, the bytes that it has to come to, and what may not be left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import hears_interrupts

ROOT = Path(__file__).parent.parent.parent
CHEAP = Path(__file__).parent / "cheap"
ACTOR = "ray::Worker"
"""How Ray names the processes of our actors."""
MARK = "FAULT_BENCH"
"""The variable by whose value the processes of one build are found, whoever their parent is."""

SETS = (
    "run.shard_dialogs=2", "writer.engine=cheap", "speaker.engine=cheap", "codec.engine=cheap", "asr.engine=none", "embedder.engine=none",
    "speak.clips.candidates=1", "speak.clips.keep=1", "speak.clips.backchannels=1", "speak.clips.failed_barge_ins=1",
    "speak.clips.side_talks=1", "speak.clips.off_talks=1", "speak.clips.bystanders=2", "scene.room.share=0",
)  # fmt: skip
"""Cheap engines, a handful of clips a voice, and no simulated rooms, whose library takes two seconds to load."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended, and what it said."""

    code: int
    said: str


@dataclass
class Outcome:
    """What a fault came to: how often it was tried, what was wrong, and what a reader should know of it."""

    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    note: str = ""

    def expect(self, holds: object, what: str) -> None:
        if not holds:
            self.wrong.append(what)


@dataclass
class Bench:
    """A folder for one fault, with the undisturbed build beside it."""

    folder: Path
    good: Path
    runner: str = "local"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def command(self, out: Path, *more: str, dialogs: int = 6, sets: Sequence[str] = SETS) -> list[str]:
        flags = [f"--set={s}" for s in (*sets, *more)]
        workers = () if self.runner == "ray" else ("--workers", "2")
        return [
            sys.executable, "-m", "datagen", "build", "--domains", "bank", "--dialogs", str(dialogs), "--seed", "5", *workers,
            "--runner", self.runner, "--out", str(out), "--quiet", *flags,
        ]  # fmt: skip

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of a build: the cheap engines, its own folder for temporary files, and its mark."""
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        own = {
            **engines_found(), "TMPDIR": str(scratch), MARK: str(self.folder), "FAULT_FATE": str(self._fate),
            "PYTHONFAULTHANDLER": "",
        }  # fmt: skip
        return {**os.environ, **self.environment, **own, **more}

    @property
    def _fate(self) -> Path:
        return self.folder / "fate.json"

    def arm(self, kind: str, fault: str, at: int, times: int) -> None:
        """From now on `fault` strikes an engine of `kind`: at its calls from the `at`-th on, `times` times in all."""
        self.disarm()
        self._fate.write_text(json.dumps({"kind": kind, "fault": fault, "at": at, "times": times}))

    def disarm(self) -> None:
        """From now on nothing goes wrong."""
        for path in (self._fate, self._fate.with_suffix(".calls")):
            path.unlink(missing_ok=True)

    def start(
        self, *more: str, out: Path | None = None, dialogs: int = 6, **variables: str
    ) -> "subprocess.Popen[bytes]":
        """The build, in a group of its own as a shell starts one."""
        return self._started(self.command(out or self.out, *more, dialogs=dialogs), **variables)

    def _started(self, command: Sequence[str], **variables: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "said").open("wb") as said:
            return subprocess.Popen(
                command, stdout=said, stderr=said, env=self.variables(**variables), start_new_session=True, cwd=self.folder,
                preexec_fn=hears_interrupts,
            )  # fmt: skip

    def command_of(self, *arguments: str) -> Ended:
        """Any command of datagen's, from its start to its end."""
        return self._waited(self._started([sys.executable, "-m", "datagen", *arguments]), 300)

    def build(
        self, *more: str, out: Path | None = None, dialogs: int = 6, timeout_s: float = 300, **variables: str
    ) -> Ended:
        """The build, from its start to its end."""
        return self._waited(self.start(*more, out=out, dialogs=dialogs, **variables), timeout_s)

    def _waited(self, process: "subprocess.Popen[bytes]", timeout_s: float) -> Ended:
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            kill_all(self.processes())
            process.wait()
            return Ended(-1, f"did not end within {timeout_s:g} s; {self.said()}")
        return Ended(code, self.said())

    def said(self) -> str:
        path = self.folder / "said"
        return path.read_text(errors="replace").strip() if path.exists() else ""

    def processes(self) -> list[int]:
        """Every process that this build started, also those whose parents are gone; of a Ray cluster, the actors."""
        found = set(_marked(f"{MARK}={self.folder}"))
        if self.runner == "ray":
            found |= {p for p in _all() if ACTOR in _words(p)}
        return sorted(found)

    def settled(self, outcome: Outcome, limit_s: float = 8.0) -> None:
        """Expects that no process of the build is left, shortly after its end."""
        ends = time.monotonic() + limit_s
        while (left := self.processes()) and time.monotonic() < ends:
            time.sleep(0.1)
        outcome.expect(not left, f"{len(left)} processes outlived the build: {[_words(p) for p in left][:3]}")
        kill_all(left)

    def resumed(self, outcome: Outcome, *more: str, good: Path | None = None, **variables: str) -> Ended:
        """Runs the same command again, undisturbed: the same bytes, nothing left behind."""
        self.disarm()
        ended = self.build(*more, **variables)
        outcome.expect(ended.code == 0, f"resumed with exit code {ended.code}: {ended.said[-300:]}")
        if ended.code == 0:
            self.same(outcome, good)
        self.settled(outcome)
        return ended

    def same(self, outcome: Outcome, good: Path | None = None) -> None:
        """Expects the published files to be the undisturbed build's, and no temporary file anywhere."""
        wanted, found = tree(good or self.good), tree(self.out)
        for name in sorted(wanted.keys() | found.keys()):
            if wanted.get(name) != found.get(name):
                state = "is lost" if name not in found else "is too many" if name not in wanted else "has other bytes"
                outcome.wrong.append(f"{name} {state}")
        left = [p.relative_to(self.folder).as_posix() for p in self.folder.rglob(".tmp-*")]
        left += [p.relative_to(self.folder).as_posix() for p in (self.folder / "tmp").rglob("*")]
        outcome.expect(not left, f"temporary files are left: {left[:4]}")


def tree(out: Path) -> dict[str, bytes]:
    """Every published file below an output folder, with its bytes."""
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and not p.is_symlink())
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files if p.relative_to(out).parts[0] != ".work"}


def engines_found() -> dict[str, str]:
    """What makes a process find the cheap engines."""
    return {"PYTHONPATH": os.pathsep.join((str(CHEAP), str(ROOT)))}


def one_line(said: str) -> bool:
    """Whether a build of `--quiet` has said one line, and no traceback."""
    return said.count("\n") == 0 and said.startswith("datagen: ")


def kill_all(pids: Sequence[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _all() -> Iterator[int]:
    return (int(e.name) for e in Path("/proc").iterdir() if e.name.isdigit() and int(e.name) != os.getpid())


def _marked(mark: str) -> Iterator[int]:
    wanted = mark.encode()
    for pid in _all():
        entry = Path(f"/proc/{pid}")
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0") and _alive(entry):
                yield pid
        except OSError:  # it has ended, or is somebody else's
            continue


def _alive(entry: Path) -> bool:
    return entry.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[-80:]
    except OSError:
        return str(pid)
