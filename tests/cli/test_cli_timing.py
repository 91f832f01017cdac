"""`datagen timing`: presets listed and shown, one fitted by the real command and built with."""

import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import datagen, inside


@pytest.fixture
def rttm(tmp_path: Path) -> Path:
    """Ten recordings of thirty turns in alternation: 40 % overlaps of 0.3 s, gaps of 0.5 s, a third of them a bit longer."""
    rng, lines = np.random.default_rng(3), []
    for r in range(10):
        at = 1.0
        for i in range(30):
            at += -0.3 if rng.random() < 0.4 else 0.5 + 0.2 * (rng.random() < 0.3)
            length = rng.uniform(2, 5)
            lines.append(f"SPEAKER call{r} 1 {at:.3f} {length:.3f} <NA> <NA> {'ab'[i % 2]}{r} <NA> <NA>")
            at += length
    (tmp_path / "calls.rttm").write_text("\n".join(lines))
    return tmp_path / "calls.rttm"


def test_fit_writes_a_preset_that_a_build_takes(rttm: Path) -> None:
    out = rttm.parent / "preset.toml"
    ran = datagen("timing", "fit", rttm.name, "--out", out.name, cwd=rttm.parent)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("10 recordings, ")
    assert "290 floor transfers" in ran.out
    assert "datagen build --set stitch.timing=empirical --set stitch.empirical=preset.toml" in ran.out
    tables = tomllib.loads(out.read_text())
    assert np.median(tables["fto_s"]) == pytest.approx(0.5, abs=0.03)
    assert np.mean(np.array(tables["fto_s"]) < 0) == pytest.approx(0.4, abs=0.08)
    shown = json.loads(inside("timing", "show", out, "--json").out)
    assert shown["source"].startswith("fitted from calls.rttm: 10 recordings")
    assert shown["overlap_share"] == pytest.approx(np.mean(np.array(tables["fto_s"]) < 0), abs=0.02)
    planned = inside(
        "build",
        "--dry-run",
        "--out",
        rttm.parent / "b",
        "--set",
        "stitch.timing=empirical",
        "--set",
        f"stitch.empirical={out}",
    )
    assert (planned.code, planned.err) == (0, "")
    sets = ("--set", "stitch.timing=empirical", "--set", f"stitch.empirical={out}")
    (line,) = [x for x in inside("recipe", "show", *sets).out.splitlines() if x.startswith("stitch.empirical.fto_s")]
    assert "…" in line
    knobs = {k["key"]: k["value"] for k in json.loads(inside("recipe", "show", *sets, "--json").out)}
    assert knobs["stitch.empirical.fto_s"] == tables["fto_s"]


def test_fit_again_takes_the_place_of_the_file_with_the_same_bytes(rttm: Path) -> None:
    out = rttm.parent / "p.toml"
    assert inside("timing", "fit", rttm, "--out", out, "--json").code == 0
    first = out.read_bytes()
    out.write_text("something else")
    ran = inside("timing", "fit", rttm, "--out", out, "--json")
    assert out.read_bytes() == first
    assert json.loads(ran.out)["transfers"] == 290
    assert sorted(p.name for p in rttm.parent.iterdir()) == ["calls.rttm", "p.toml"]


def test_a_build_is_fitted_from_its_folder(built: Path, tmp_path: Path) -> None:
    ran = inside("timing", "fit", built, "--out", tmp_path / "p.toml", "--min-transfers", "20", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["recordings"] >= 7
    assert -0.5 < json.loads(ran.out)["median_s"] < 0.8


def test_the_presets_are_listed_with_source_and_quality() -> None:
    found = {row["name"]: row for row in json.loads(inside("timing", "list", "--json").out)}
    assert list(found) == ["conversational", "telephone", "brisk", "fixed"]
    assert found["conversational"]["median_s"] == pytest.approx(0.08, abs=0.01)
    assert found["fixed"]["gap_median_s"] == 0.64
    assert found["fixed"]["overlap_median_s"] is None
    ran = inside("timing", "list")
    assert ran.code == 0
    for name, row in found.items():
        assert name in ran.out
        assert row["quality"].split()[0] in ran.out
    shown = inside("timing", "show", "telephone").out
    assert "Fisher calls" in shown
    assert "50%    0.1" in shown
    assert inside("timing").out.count("fit") >= 1


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("timing", "fit"), ("Missing argument 'FILES'", "See datagen timing fit --help")),
        (("timing", "fit", "no.rttm"), ("no.rttm: there is no such file",)),
        (("timing", "fit", "calls.rttm", "--min-transfers", "1000"), ("290 floor transfers in 1 file", "needs 1000")),
        (("timing", "fit", "calls.rttm", "--min-transfers", "1"), ("--min-transfers 1: has to be at least 5",)),
        (("timing", "fit", "calls.rttm", "--out", "."), ("--out .: is a folder; name a file, e.g. preset.toml",)),
        (("timing", "fit", "calls.rttm", "--out", "/proc/x/p.toml"), ("/proc/x", "cannot be written")),
        (("timing", "fit", "calls.rttm", "--out", "calls.rttm"), ("--out calls.rttm: is one of the files to fit",)),
        (("timing", "fit", "calls.rttm", "--out", "x" * 5_000), ("the name is too long",)),
        (("timing", "fit", "x" * 5_000 + ".rttm"), ("cannot be read",)),
        (("timing", "show", "telefone"), ("there is no preset 'telefone'", "Did you mean telephone")),
        (("timing", "show", "empirical"), ("needs its quantiles",)),
        (("timing", "show", "none.toml"), ("none.toml: cannot be read (No such file",)),
        (("build", "--set", "stitch.empirical=none.toml"), ("stitch.empirical = none.toml: there is no such file",)),
        (("build", "--set", "stitch.timing=empirical"), ("needs its quantiles",)),
        (("build", "--set", "stitch.fto.overlap_share=0.8", "--set", "stitch.fto.gap_share=0.5"), ("come to 130%", "Set one")),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_mistake_is_one_line(
    rttm: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    monkeypatch.chdir(rttm.parent)
    before = rttm.read_bytes()
    ran = inside(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("datagen: ")
    assert ran.err.count("\n") == 1
    for part in parts:
        assert part in ran.err
    assert rttm.read_bytes() == before
    assert [p.name for p in rttm.parent.iterdir()] == ["calls.rttm"]


def test_what_is_there_and_not_to_be_written_is_left_alone(rttm: Path) -> None:
    os.mkfifo(pipe := rttm.parent / "pipe")
    ran = inside("timing", "fit", rttm, "--out", pipe)
    assert (ran.code, ran.out) == (1, "")
    assert "pipe: is no regular file" in ran.err
    assert pipe.is_fifo()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_not_replaced(rttm: Path) -> None:
    mine = rttm.parent / "mine.toml"
    mine.write_text("mine")
    mine.chmod(0o400)
    ran = inside("timing", "fit", rttm, "--out", mine)
    assert (ran.code, ran.out) == (1, "")
    assert "is there and read-only" in ran.err
    assert mine.read_text() == "mine"
