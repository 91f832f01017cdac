"""The real command: help, the lists, the plan, JSON, progress."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import soundfile
import typer

from datagen.cli.app import app
from tests.conftest import SMALL, datagen, inside

COMMANDS = [
    (), ("build",), ("check",), ("show",), ("report",), ("engines",), ("bench",), ("domains",), ("domains", "list"), ("domains", "show"),
    ("domains", "check"), ("voices",), ("voices", "list"), ("voices", "hear"), ("voices", "build"),
    ("voices", "check"), ("recipe",), ("recipe", "show"),
    ("sounds",), ("sounds", "list"), ("sounds", "hear"), ("export",), ("plan-cost",),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = inside(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(" ".join(("Usage: datagen", *command)))
    assert max(map(len, done.out.splitlines())) <= 80
    assert "..." not in done.out.split("\n", 1)[1]  # no command's line is cut short


def test_every_flag_and_argument_says_what_it_is() -> None:
    silent = [
        f"{' '.join(path)} {parameter.name}"
        for path, command in _commands((), typer.main.get_command(app))
        for parameter in command.params
        if not getattr(parameter, "help", "")
    ]
    assert silent == []


def _commands(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands((*path, name), below)


@pytest.mark.parametrize("group", [(), ("domains",), ("voices",), ("sounds",), ("recipe",)], ids=str)
def test_nothing_asked_for_is_help_and_no_error(group: tuple[str, ...]) -> None:
    assert inside(*group) == inside(*group, "--help")


def test_the_real_command_helps() -> None:
    assert datagen() == datagen("--help")
    assert datagen().out.startswith("Usage: datagen ")


def test_the_version() -> None:
    assert re.fullmatch(r"datagen \d+\.\d+\.\d+\S*\n", datagen("--version").out)


def test_dry_run_makes_nothing_and_counts_as_the_build_does(built: Path, tmp_path: Path) -> None:
    arguments = [a for a in SMALL if a != "--quiet"]
    told = inside(*arguments, "--out", tmp_path / "x", "--dry-run")
    assert (told.code, told.err) == (0, "")
    assert "Nothing was made" in told.out
    ran = datagen(*arguments, "--out", tmp_path / "x", "--dry-run", "--json")
    assert list(tmp_path.iterdir()) == []
    plan, counts = json.loads(ran.out), json.loads((built / "build.json").read_bytes())["counts"]
    assert plan["dialogs"] == counts["total"]["planned"]
    for name in ("domain", "split"):
        assert plan[f"by_{name}"] == {k: v["planned"] for k, v in counts[f"by_{name}"].items()}
        for key, n in plan[f"by_{name}"].items():
            assert re.search(rf"\b{key} {n}\b", told.out)
    shards = json.loads((built / "build.json").read_bytes())["shards"]
    assert plan["shards"] == len(shards)


def test_a_build_without_anything_to_do_tells_the_same_as_json(built: Path) -> None:
    said, told = datagen(*SMALL, "--out", built, "--json"), inside(*SMALL, "--out", built)
    result = json.loads(said.out)
    assert (said.err, result["new"]) == ("", False)
    assert result["planned"] == result["kept"] + result["rejected"] == int(SMALL[SMALL.index("--dialogs") + 1])
    assert "Nothing to do" in told.out
    first = told.out.split("datagen show ")[1].split()
    assert inside("show", *first[:2]).code == 0  # what it says to run next can be run
    assert inside(*SMALL, "--out", built, "--quiet") == type(told)(0, "", "")


def test_json_outputs_parse(built: Path) -> None:
    assert json.loads(inside("check", built, "--json").out) == []
    engines = json.loads(inside("engines", "--json").out)
    assert {"agenda", "espeak", "native", "melrvq"} <= {e["engine"] for e in engines if e["ready"]}
    assert all(e["reason"] for e in engines if not e["ready"])
    domains = json.loads(inside("domains", "list", "--json").out)
    assert {d["name"]: d["kind"] for d in domains}.items() >= {
        "bank": "service",
        "restaurant": "service",
        "qa": "qa",
        "casual": "casual",
    }.items()


def test_engines_and_domains_for_a_person() -> None:
    assert re.search(r"codec +melrvq +ready", inside("engines").out)
    assert re.search(r"bank +service +\d+", inside("domains", "list").out)


def test_domains_show_writes_an_example_with_its_marks() -> None:
    ran = inside("domains", "show", "bank")
    assert (ran.code, ran.err) == (0, "")
    assert "You work for " in ran.out
    assert re.search(r"^  agent  \S", ran.out, re.M)
    assert re.search(r"^  user   \S", ran.out, re.M)
    example, legend = ran.out.split("\nMarks: ")
    assert any(sign in example for sign in (" | ", " × ", " … ", ")"))
    assert "barge" in legend


def test_domains_check_finds_nothing() -> None:
    ran = inside("domains", "check", "qa")
    assert (ran.code, ran.out, ran.err) == (0, "qa: ok\n", "")


def test_voices_are_listed_and_heard(tmp_path: Path) -> None:
    voices = json.loads(inside("voices", "list", "--json").out)
    assert len(voices) >= 200
    wav = tmp_path / "v.wav"
    ran = inside("voices", "hear", voices[0]["id"], "--text", "That is $12.50.", "--wav", wav)
    assert (ran.code, ran.err) == (0, "")
    samples, rate_hz = soundfile.read(wav)
    assert rate_hz == 24_000
    assert 0.5 < len(samples) / rate_hz < 8
    assert abs(samples).max() > 0.05


def test_every_knob_has_a_meaning_and_every_set_is_shown() -> None:
    knobs = json.loads(inside("recipe", "show", "--json", "--set", "stitch.fto.median_s=0.1").out)
    assert [k["key"] for k in knobs if len(k["meaning"]) < 5] == []
    values = {k["key"]: k["value"] for k in knobs}
    assert len(values) == len(knobs)
    assert values["stitch.fto.median_s"] == 0.1
    assert {"pack.audio", "stitch.timing", "writer.engine", "speaker.engine", "codec.engine", "dialogs", "seed"} <= set(
        values
    )
    shown = inside("recipe", "show").out
    for key in values:
        assert key in shown


def test_bench_plan() -> None:
    ran = datagen("bench", "plan", "--dialogs", "500", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["dialogs"] == 500
    assert 0 < found["wall_s"] < 60


@pytest.mark.slow  # MP3 of six dialogues, twice
def test_a_report_made_again_is_the_same(built: Path) -> None:
    path = built / "report" / "index.html"
    before = path.read_bytes()
    ran = inside("report", built)
    assert (ran.code, ran.out) == (0, f"{path}\n")
    assert path.read_bytes() == before


TINY = (
    "build",
    "--domains",
    "bank",
    "--dialogs",
    "3",
    "--set",
    "plan.max_voices=40",
    "--set",
    "run.shard_dialogs=1",
    "--runner",
    "local",
)


def test_a_live_table_in_a_terminal_and_the_summary_after_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    text, code = in_terminal(*TINY, "--out", str(out))
    assert code == 0, text
    for stage in ("plan", "write", "speak", "align", "stitch", "scene", "encode", "pack"):
        assert re.search(rf"^\W*{stage} .*\d/3", text, re.M), stage
    assert re.search(r"^\W*encode .*3/3", text, re.M)
    assert "x real time" in text
    assert text.rindex("Built ") > text.rindex("encode")
    assert pl.read_parquet(out / "manifests" / "dialogs.parquet").height == 3


def in_terminal(*arguments: str, timeout_s: float = 120) -> tuple[str, int]:
    """What the command writes to a terminal of 100 columns, without its control sequences, and its exit code."""
    main, side = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-m", "datagen", *arguments], stdin=side, stdout=side, stderr=side, env=environment
    )
    os.close(side)
    seen, end = b"", time.monotonic() + timeout_s
    while time.monotonic() < end:
        ready, _, _ = select.select([main], [], [], 0.5)
        try:
            part = os.read(main, 65_536) if ready else None
        except OSError:  # the other side has gone
            break
        if part == b"" or (part is None and process.poll() is not None):
            break
        seen += part or b""
    os.close(main)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode("utf-8", "replace")).replace("\r", "\n")
    return text, process.wait(timeout=30)


def test_plain_lines_when_piped(tmp_path: Path) -> None:
    """A line every few seconds, without control sequences, on stderr; the summary on stdout."""
    code = (
        "import sys\nfrom datagen.cli import display\ndisplay._LINE_EVERY_S = 0.0\n"
        "from datagen.cli import run\nsys.exit(run(sys.argv[1:]))"
    )
    script = tmp_path / "often.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script), *TINY, "--dialogs", "1", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) > 2
    assert "\x1b" not in done.stderr
    for line in lines:
        assert re.fullmatch(
            r"write \d/1 · speak \d/1 · encode \d/1 · \d+ rejected · \d+\.\d\d h · \d+ x real time · .*", line
        ), line
    assert re.search(r"encode 1/1", lines[-1])
    assert done.stdout.startswith("Built ")
    assert "Next:\n  datagen show " in done.stdout
