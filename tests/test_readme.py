"""README says what is so: its commands and flags exist, its code runs on a build, its columns are there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import inside

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^(?:\.venv/bin/)?(datagen [^\n#]+?)\s*(?:#.*)?$", README, re.MULTILINE)))


def test_there_are_commands_to_hold_it_to() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists_with_its_flags(command: str) -> None:
    words = command.split("|")[0].split()[1:]
    groups = ("domains", "voices", "sounds", "recipe", "timing")
    path = words[:2] if words[0] in groups else words[:1]
    ran = inside(*path, "--help")
    assert ran.code == 0, ran.err
    for flag in (w for w in words if w.startswith("--")):
        assert flag in ran.out, f"{command}: {flag}"


@pytest.mark.parametrize(("names", "shown"), [("read_parquet", "(8, "), ("datagen.load", "torch.Size([4, 17, ")])
def test_the_code_runs_on_a_build(built: Path, names: str, shown: str) -> None:
    blocks = [b for b in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if names in b]
    assert blocks
    for block in blocks:
        code = block.replace("data/quickstart", str(built))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert shown in done.stdout


def test_every_figure_is_filled_in() -> None:
    assert "@@" not in README
