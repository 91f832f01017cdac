"""Nothing that a build, a domain or a server says can steer the terminal of whoever looks at it."""

import io
import json
import re
import shutil
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import outputs
import polars as pl
import pytest

from datagen.cli.display import Display
from datagen.cli.terminal import Plain, plain
from datagen.records.enums import Stage
from datagen.run.meter import Progress
from tests.conftest import inside

ATTACKS = (
    "\x1b]0;owned\x07",  # the window's title
    "\x1b]52;c;cm0gLXJmIH4K\x07",  # the clipboard
    "\x1b[2J\x1b[1;1Hok",  # the screen, written anew
    "\x1b[1A\x1b[2Ko: ok",  # the line above
    "\x1bP$q\x1b\\",  # an answer that the shell would read
    "\x9b2J",  # CSI in one byte
    "\rok     ",
    "\x08\x08\x08",
    "\u202eko\u202c",
    "\u2066x\u2069",
    "\U000e0041",
)
TEXT = "a " + " ".join(ATTACKS) + " b"
STEERS = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0041]")


def test_only_colours_go_through() -> None:
    assert (
        plain("\x1b[1;31mred\x1b[0m\ttab\nline é 👩\u200d💻 שלום")
        == "\x1b[1;31mred\x1b[0m\ttab\nline é 👩\u200d💻 שלום"
    )
    for attack in ATTACKS:
        assert not STEERS.search(plain(attack)), attack
        assert plain(attack) != attack


def test_a_stream_is_as_it_was_but_for_that() -> None:
    made = io.StringIO()
    stream = Plain(made)
    assert stream.write("a\x07b") == 3
    stream.writelines(["c\n", "\x1b]0;x\x07"])
    assert made.getvalue() == "a�bc\n�]0;x�"
    assert Plain(stream).unguarded is made  # type: ignore[arg-type]
    assert not stream.isatty()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of which every text that a command prints, and the folder's own name, tries to steer."""
    out = tmp_path_factory.mktemp("hostile") / "out\x1b]0;owned\x07"
    outputs.make(out, n_dialogs=3, audio=False)
    for name in ("dialogs", "turns", "voices", "rejects"):
        path = out / "manifests" / f"{name}.parquet"
        table = pl.read_parquet(path)
        texts = [
            c
            for c, t in table.schema.items()
            if t == pl.String and c not in ("dialog_id", "split", "speaker", "shard", "effects")
        ]
        texts = [c for c in texts if c not in ("kind", "instance", "traits", "constraint")]
        table.with_columns(pl.lit(TEXT).alias(c) for c in texts).write_parquet(path)
    record = out / "build.json"
    build: dict[str, Any] = json.loads(record.read_text())
    build["name"] = TEXT
    build["files"][f"audio/{TEXT}.flac"] = {"sha256": "0" * 64, "bytes": 1}
    build["engines"]["codec"]["engine"] = TEXT
    record.write_text(json.dumps(build))
    return out


@pytest.mark.parametrize(
    "command",
    [["check"], ["check", "--json"], ["show"], ["show", "bank-000001"], ["show", TEXT], ["report"], ["timing", "show"], ["log"]],
    ids=lambda c: " ".join(c)[:20],
)  # fmt: skip
def test_commands_over_a_hostile_build(hostile: Path, command: list[str]) -> None:
    verb = 2 if command[0] == "timing" else 1
    ran = inside(*command[:verb], hostile, *command[verb:])
    assert ran.out + ran.err
    assert not STEERS.search(ran.out + ran.err)


def test_a_hostile_domain(tmp_path: Path) -> None:
    folder = tmp_path / "cafe"
    made = inside("domains", "new", "cafe", "--into", tmp_path)
    assert made.code == 0, made.err
    (folder / "acts.j2").write_text(f"[agent.greet]\n{ATTACKS[0]} {{{{ nowhere{ATTACKS[2]} }}}}\n")
    ran = inside("domains", "check", folder)
    assert ran.code == 1
    assert not STEERS.search(ran.out + ran.err)
    toml = (folder / "domain.toml").read_text().replace('title = "', 'title = "\\u001b]0;owned\\u0007')
    (folder / "domain.toml").write_text(toml)
    (folder / "acts.j2").unlink()
    ran = inside("domains", "check", folder)
    assert ran.out
    assert not STEERS.search(ran.out + ran.err)


def test_a_hostile_recipe_and_flags(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('name = "x\\u001b[2J"\nnonsense\\u001b = 1\n')
    for arguments in (
        ["build", "--recipe", path, "--dry-run"],
        ["build", "--recipe", TEXT],
        ["build", "--domains", TEXT],
        ["build", "--set", TEXT],
        ["build", "--set", f"stitch.timing={TEXT}"],
        ["show", tmp_path / TEXT.replace("/", "")],
        [TEXT],
    ):
        ran = inside(*arguments)
        assert ran.code == 1
        assert ran.err.startswith("datagen: ")
        assert ran.err.count("\n") == 1
        assert not STEERS.search(ran.out + ran.err)


def test_a_notice_of_a_server(tmp_path: Path) -> None:
    made = io.StringIO()
    with redirect_stderr(Plain(made)), Display(3) as display:  # type: ignore[type-var]
        display(Progress(Stage.WRITE, notice=TEXT))
    assert "datagen: a" in made.getvalue()
    assert not STEERS.search(made.getvalue())


@pytest.mark.slow
def test_the_real_command_in_a_terminal(hostile: Path) -> None:
    """With a terminal on its stdout, as a person has it."""
    if not shutil.which("script"):
        pytest.skip("no `script` here to make a terminal")
    import shlex
    import subprocess

    command = shlex.join([sys.executable, "-m", "datagen", "show", str(hostile)])
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    shown = done.stdout.replace("\r\n", "\n")
    assert "bank-000001" in shown
    assert not STEERS.search(shown)
