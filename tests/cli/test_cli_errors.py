"""Every mistake of a user's: one line on stderr, the right exit code, no traceback, nothing made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from datagen.errors import EngineError
from tests.conftest import Ran, datagen, inside

TINY = (
    "build",
    "--domains",
    "bank",
    "--dialogs",
    "2",
    "--set",
    "plan.max_voices=40",
    "--runner",
    "local",
    "--workers",
    "1",
)


def one_line(ran: Ran, code: int, *parts: str) -> None:
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert ran.err.startswith("datagen: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    for part in parts:
        assert part in ran.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("frob",), ("No such command 'frob'", "datagen --help")),
        (("--frob",), ("No such option", "--frob")),
        (("build", "--dialog", "3"), ("--dialogs", "See datagen build --help")),
        (("build", "--dialogs", "many"), ("--dialogs", "See datagen build --help")),
        (("build", "--dialogs", "0"), ("--dialogs 0: has to be at least 1",)),
        (("build", "--hours", "-1"), ("--hours -1: has to be above 0",)),
        (("build", "--hours", "1", "--dialogs", "1"), ("exclude each other",)),
        (("build", "--workers", "0"), ("--workers 0: has to be at least 1",)),
        (("build", "--runner", "slurm"), ("--runner slurm", "auto, local, prefect")),
        (("build", "--profile", "tpu"), ("--profile tpu", "gpu, local")),
        (("build", "--recipe", "quickstrat"), ("Did you mean", "quickstart")),
        (("build", "--recipe", "no/such.toml"), ("there is no such file",)),
        (("build", "--domains", "bnak"), ("bnak", "Did you mean bank")),
        (("build", "--domains", ","), ("There are: airline, ",)),
        (("build", "--set", "stitch.fto.medain_s=1"), ("medain_s", "median_s")),
        (("build", "--set", "stitch"), ("write key=value",)),
        (("build", "--set", "stitch.timing=brsik"), ("brsik", "brisk")),
        (("build", "--set", "speaker.engine=espaek"), ("espaek", "espeak")),
        (("build", "--out", "s3://"), ("names no bucket", "s3://BUCKET/NAME")),
        (("check",), ("Missing argument 'OUT'", "See datagen check --help")),
        (("check", "nowhere"), ("nowhere: is no folder",)),
        (("show", "nowhere"), ("nowhere: is no folder", "datagen build --out nowhere")),
        (("report", "nowhere"), ("nowhere: is no folder",)),
        (("domains", "show", "bnak"), ("bnak", "bank")),
        (("domains", "check", "bnak"), ("bnak", "bank")),
        (("voices", "hear", "nobody"), ("there is no voice nobody",)),
        (("bench", "plans"), ("bench plans", "build, plan")),
        (("show", "\x1b[31mred\x1b[0m\nnext"), ("�[31mred�[0m next: is no folder",)),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "replace").decode()[:40] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_mistake_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    one_line(inside(*arguments), 1, *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "arguments", "part"),
    [
        (1, ("build", "--dialog", "3"), "--dialogs"),
        (1, ("build", "--dialogs", "0"), "has to be at least 1"),
        (1, ("build", "--domains", "bnak"), "Did you mean bank"),
        (1, ("build", "--set", "stitch.fto.medain_s=1"), "median_s"),
        (1, ("domains", "show"), "Missing argument"),
        (1, ("show", "\x1b[31mred\x1b[0m"), "�[31mred�[0m: is no folder"),
    ],
)
def test_the_real_command_tells_a_mistake_in_one_line(
    tmp_path: Path, code: int, arguments: tuple[str, ...], part: str
) -> None:
    one_line(datagen(*arguments, cwd=tmp_path), code, part)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_name_among_domains_is_no_mistake(tmp_path: Path) -> None:
    assert inside("build", "--domains", "bank,", "--dry-run", "--out", tmp_path / "x").code == 0


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    one_line(inside(*TINY, "--out", tmp_path), 1, "holds files and no build")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    one_line(inside(*TINY, "--out", tmp_path / "file"), 1, "is a file; a folder is needed")
    one_line(datagen(*TINY, "--out", tmp_path / "file" / "below"), 1, "file")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here, the folder that even root cannot write to")
def test_a_folder_that_cannot_be_written(built: Path) -> None:
    one_line(datagen(*TINY, "--out", "/proc/datagen"), 1, "/proc/datagen")
    dialog = next((built / "audio").iterdir()).stem
    one_line(inside("show", built, dialog, "--wav", "/proc/x.wav"), 1, "/proc/x.wav")
    voice = pl.read_parquet(built / "manifests" / "voices.parquet")["id"][0]
    one_line(inside("voices", "hear", voice, "--wav", "/proc/x.wav"), 1, "/proc/x.wav")


def test_a_read_only_folder(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; /proc stands in for it")
    tmp_path.chmod(0o500)
    one_line(datagen(*TINY, "--out", tmp_path / "out"), 1, "cannot be written")


def small_disk(size_kb: int, *arguments: str, at: Path) -> Ran:
    """The command with `at` on a file system of a few kB that only it sees."""
    script = f'mount -t tmpfs -o size={size_kb}k none "$0" && exec "$@"'
    command = [
        "unshare",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        script,
        str(at),
        sys.executable,
        "-m",
        "datagen",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "datagen" not in done.stderr and done.returncode and not done.stdout:
        pytest.skip(f"no private file system can be mounted here: {done.stderr.strip()}")
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare here, to mount a small disk that nobody else sees")
@pytest.mark.parametrize("size_kb", [64, 1_200])
def test_a_full_disk(tmp_path: Path, size_kb: int) -> None:
    ran = small_disk(size_kb, *TINY, "--quiet", "--out", str(tmp_path / "out"), at=tmp_path)
    one_line(ran, 1, "the disk is full", "the same command")


def test_a_damaged_build_is_a_data_error(built: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(built, tmp_path / "out", ignore=shutil.ignore_patterns(".work", "audio")))
    ran = datagen("check", out)
    assert (ran.code, ran.err) == (3, "")
    assert "problems" in ran.out.splitlines()[-1]
    (out / "build.json").write_text("{")
    one_line(datagen("show", out), 3, "build.json: is not the record of a build")
    one_line(inside("report", out), 3, "build.json: is not the record of a build")


def test_an_engine_that_fails_as_a_whole_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(arguments: list[str]) -> int:
        raise EngineError("vllm: no answer\nfor 30 s. Is the server up?")

    monkeypatch.setattr("datagen.cli.app.call", fails)
    one_line(inside("build"), 2, "vllm: no answer for 30 s. Is the server up?")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    script = f'"{sys.executable}" -m datagen recipe show | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "1")
