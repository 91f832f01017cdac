"""What the tests of the exports share: builds that differ from the small one in one thing, and a run that is killed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.stages.pack.schema import Table, manifest_path
from datagen.stages.pack.tables import write_all
from datagen.store.files import read_json, write_json
from datagen.store.ids import file_digest
from tests.conftest import tree

ROOT = Path(__file__).parent.parent.parent


def copied(built: Path, out: Path) -> Path:
    """A copy by hard links: what changes a file puts a new one in its place."""
    shutil.copytree(built, out, copy_function=os.link, ignore=shutil.ignore_patterns(".work"))
    return out


def edited(out: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The build with its build.json changed."""
    summary = read_json(out / "build.json")
    change(summary)
    write_json(out / "build.json", summary)
    return out


def sealed(out: Path) -> Path:
    """The build with the checksums of the files that are there: changed, and yet sound as far as build.json goes."""

    def change(summary: dict[str, Any]) -> None:
        there = [name for name in summary["files"] if (out / name).exists()]
        summary["files"] |= {n: {"sha256": file_digest(out / n), "bytes": (out / n).stat().st_size} for n in there}

    return edited(out, change)


def without_audio(built: Path, out: Path) -> Path:
    """The build as one that keeps no audio."""

    def change(summary: dict[str, Any]) -> None:
        summary["files"] = {
            name: entry for name, entry in summary["files"].items() if not name.startswith(("audio/", "voice_prompts/"))
        }

    copied(built, out)
    shutil.rmtree(out / "audio")
    shutil.rmtree(out / "voice_prompts")
    return edited(out, change)


def before_it_grew(built: Path, out: Path) -> Path:
    """The build as it was before its last train shard was made, under another id."""

    def change(summary: dict[str, Any]) -> None:
        summary["id"] = "0" * 16
        summary["shards"] = [s for s in summary["shards"] if s["name"] != last]

    copied(built, out)
    last = max(s["name"] for s in read_json(out / "build.json")["shards"] if s["split"] == "train")
    for kind in (Table.DIALOGS, Table.TURNS):
        path = out / manifest_path(kind)
        table = pq.read_table(path)
        path.unlink()
        write_all([table.filter(pc.not_equal(table["shard"], last))], path, kind)
    return edited(sealed(out), change)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of an export with its bytes, but the lock, which holds a process's number."""
    return {name: data for name, data in tree(folder, skip=()).items() if name != ".export/lock"}


_KILLED = """
import os, sys
from datagen.cli import run
left = int(sys.argv[1])
def counted(call):
    def step(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return call(*args, **kwargs)
    return step
os.replace = counted(os.replace)
sys.exit(run(sys.argv[2:]))
"""


def killed_at(step: int, *arguments: str | Path) -> int:
    """Runs the command in a process that dies, without any cleaning up, when it would put its file number `step` into its place."""
    command = [sys.executable, "-c", _KILLED, str(step), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120).returncode


def lines_of(path: Path) -> list[Any]:
    """The values in a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
