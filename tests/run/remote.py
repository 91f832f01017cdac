"""Drives the remote writing of a small build by itself, with the scripted engines and without the stages that follow."""

import json
from collections.abc import Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any

from datagen import recipes
from datagen.records.codec import from_json
from datagen.records.transcript import Transcript
from datagen.run.job import Outcome
from datagen.run.meter import Progress
from datagen.run.request import Run, prepare
from datagen.run.writing import Writing

N = 12
SCRIPTED = Path(__file__).parent / "scripted"


def sets(log: Path, *more: str) -> list[str]:
    return ["run.shard_dialogs=5", "plan.max_voices=40", "writer.engine=scripted", f"writer.log={log}", *more]


def prepared(folder: Path, *more: str, dialogs: int = N, domains: Sequence[str] = ("bank",)) -> Run:
    """A run of a dozen dialogues in four shards; the log of calls is `folder`/log."""
    recipe = recipes.compose("quickstart", "local", list(domains), dialogs, None, 5, sets(folder / "log", *more))
    return prepare(recipe, folder / "out")


def write(run: Run, report: list[Progress] | None = None) -> dict[str, Outcome]:
    """Writes all shards and waits; the error that ended it, where one did."""
    writing = Writing(run.build, run.jobs)
    writing.start((report if report is not None else []).append)
    futures = {job.shard.name: writing.shard(job.shard.name) for job in run.jobs}
    wait(futures.values(), 60)
    writing.close(at_once=False)
    return {name: future.result(0) for name, future in futures.items()}


def calls(folder: Path, what: str = "write") -> list[dict[str, Any]]:
    path = folder / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [call for call in map(json.loads, lines) if call["what"] == what]


def transcripts(outcomes: dict[str, Outcome]) -> dict[str, Transcript]:
    lines = [
        line for o in outcomes.values() for line in (Path(o.folder) / "transcripts.jsonl").read_bytes().splitlines()
    ]
    return {t.dialog_id: t for t in (from_json(Transcript, line) for line in lines)}


def contents(outcomes: dict[str, Outcome]) -> dict[str, dict[str, bytes]]:
    """Every file of each shard's artefact."""
    return {name: {p.name: p.read_bytes() for p in sorted(Path(o.folder).iterdir())} for name, o in outcomes.items()}
