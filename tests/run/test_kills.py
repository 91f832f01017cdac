"""Builds that are killed: they go on to the same bytes, and leave no worker behind."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import SMALL, datagen, tree


def killed(out: Path, after_s: float) -> None:
    """Starts the small build and kills its process without warning."""
    process = subprocess.Popen(
        [sys.executable, "-m", "datagen", *SMALL, "--out", str(out), "--quiet"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("kills", [pytest.param(3, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.full)])
def test_kills_at_any_moment_resume_to_the_same_bytes(built: Path, tmp_path: Path, kills: int) -> None:
    out, draw = tmp_path / "out", random.Random(2)
    for _ in range(kills):
        killed(out, draw.uniform(0.5, 9.0))
        if (out / "build.json").exists():
            shutil.rmtree(out)
    ran = datagen(*SMALL, "--out", out, "--quiet")
    assert ran.code == 0, ran.err
    assert tree(out) == tree(built)
    assert not list(out.rglob(".tmp-*"))


@pytest.mark.slow
def test_killed_builds_leave_no_workers(tmp_path: Path) -> None:
    killed(tmp_path / "out", 4.0)
    time.sleep(2.0)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left
