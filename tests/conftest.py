"""What many tests share: one small build, made once by the real command."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from datagen import cli


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str


def datagen(
    *arguments: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None, timeout_s: float = 240
) -> Ran:
    """Runs the command as a user does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "datagen", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=env,
        cwd=cwd,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def hears_interrupts() -> None:
    """For a child's `preexec_fn`: whoever started the tests may ignore SIGINT, and a child inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def inside(*arguments: str | Path) -> Ran:
    """Runs the command in this process: the same code without a second of starting. For what needs no process of its own."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.run([str(a) for a in arguments])
    return Ran(code, out.getvalue(), err.getvalue())


SMALL: tuple[str, ...] = (
    "build", "--domains", "bank,restaurant", "--dialogs", "8", "--seed", "5", "--set", "run.shard_dialogs=3",
    "--set", "plan.max_voices=40", "--runner", "local",
)  # fmt: skip
"""A build of eight dialogues in a handful of shards."""


def tree(out: Path, skip: Sequence[str] = (".work",)) -> dict[str, bytes]:
    """Every published file below an output folder, with its bytes."""
    files = (p for p in sorted(out.rglob("*")) if p.is_file())
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files if p.relative_to(out).parts[0] not in skip}


@pytest.fixture(scope="session")
def run() -> Callable[..., Ran]:
    return datagen


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small build. Read only: a test that changes something copies it."""
    out = tmp_path_factory.mktemp("built") / "out"
    ran = datagen(*SMALL, "--workers", "2", "--out", out, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["kept"] >= 7
    return out
