"""The gate on a build's timing, through the real command: one line, nothing lost, nothing made twice."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import SMALL, Ran, inside, tree

STRICT = ("--set", "stitch.gate.max_ks_fto=0.001", "--set", "stitch.gate.min_ftos=20")
OTHER = ("--set", "stitch.tail_s=[0.5,1.0]")


def build(out: Path, *more: str) -> Ran:
    return inside(*SMALL, "--workers", "2", "--out", out, *more)


def artefacts(out: Path) -> dict[str, int]:
    """What the work folder holds, with the time at which each file was written."""
    files = (p for group in ("write", "speech", "render") for p in (out / ".work" / group).rglob("*") if p.is_file())
    return {p.relative_to(out).as_posix(): p.stat().st_mtime_ns for p in files}


def fails(ran: Ran) -> None:
    assert ran.code == 3
    assert len(ran.err.strip().splitlines()) == 1
    for said in ("stitch: ks_fto is 0.", "floor transfers (limit 0.001)", "median", "raise stitch.gate.max_ks_fto"):
        assert said in ran.err


@pytest.mark.slow
def test_a_build_beyond_its_gate_is_not_published_and_the_old_one_stays(built: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(built, tmp_path / "out"))
    before = tree(out)
    fails(build(out, "--quiet", *OTHER, *STRICT))
    assert tree(out) == before
    made = artefacts(out)
    ran = build(out, *OTHER)
    assert ran.code == 0, ran.err
    assert artefacts(out).items() <= made.items()  # nothing was made again for another limit
    assert json.loads((out / "build.json").read_text())["timing"]["ks_fto"] > 0.001
    assert "  timing      KS 0." in ran.out


def test_a_published_build_is_held_to_a_gate_that_comes_later(built: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(built, tmp_path / "out"))
    fails(build(out, "--quiet", *STRICT))
    assert tree(out) == tree(built)
    assert "Nothing to do" in build(out).out
