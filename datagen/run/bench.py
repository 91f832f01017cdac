"""Measuring a build on one core: what each stage takes, its engines' part, and times real time."""

import resource
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datagen.build import Build
from datagen.config import Recipe
from datagen.records.enums import Stage
from datagen.run.job import run_shard
from datagen.run.meter import Progress
from datagen.run.publish import publish
from datagen.run.request import prepare
from datagen.run.tally import Tally

ENGINE = " engine"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: CPU seconds, share of the whole, and times real time (dialogue seconds a CPU second)."""

    stage: str
    engine_s: float
    outside_s: float
    share: float
    times_real_time: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured build. `outside_share` is the CPU time outside the speaker, the codec and FLAC; the writer counts as outside."""

    dialogs: int
    dialog_s: float
    cpu_s: float
    wall_s: float
    times_real_time: float
    outside_share: float
    peak_mb: float
    lines: tuple[Line, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_build(recipe: Recipe) -> Measured:
    """Builds `recipe` in this process, in a folder that is removed again, with engines loaded before the clock starts."""
    tally = Tally(1.0)
    with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        run = prepare(recipe, Path(folder) / "out")
        run.work.mkdir(parents=True)
        _warm(run.build)
        steps: list[Progress] = []
        cpu, wall = time.process_time(), time.monotonic()
        outcomes = [o for job in run.jobs for o in run_shard(job, steps.append)]
        made_cpu = time.process_time()
        publish(run, outcomes, steps.append)
        published_s = time.process_time() - made_cpu
        cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
    for step in steps:
        tally.progress(step)
    tally.seconds["publish"] += published_s
    return _measured(tally, cpu_s, wall_s)


def _warm(build: Build) -> None:
    build.makers  # noqa: B018 - loads every engine
    build.planner.plan(0)


def _measured(tally: Tally, cpu_s: float, wall_s: float) -> Measured:
    dialog_s = tally.audio_s[Stage.ENCODE]
    seconds = tally.seconds
    counted = sum(seconds.values())
    rows = [(str(s), seconds[f"{s}{ENGINE}"], seconds[str(s)]) for s in Stage]
    rows += [("publish", 0.0, seconds["publish"]), ("the rest (ledger, files)", 0.0, max(cpu_s - counted, 0.0))]
    lines = tuple(
        Line(name, engine, outside, (engine + outside) / cpu_s, dialog_s / max(engine + outside, 1e-9))
        for name, engine, outside in rows
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    inside_s = sum(line.engine_s for line in lines if line.stage != Stage.WRITE)
    return Measured(
        tally.done[Stage.PACK],
        round(dialog_s, 1),
        round(cpu_s, 2),
        round(wall_s, 2),
        round(dialog_s / cpu_s, 1),
        1 - inside_s / cpu_s,
        peak_mb,
        lines,
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """A measured plan."""

    dialogs: int
    wall_s: float
    peak_mb: float


def measure_plan(recipe: Recipe) -> Planned:
    """Draws every dialogue's whole plan (scenario, facts, voices), keeping none."""
    run = prepare(recipe, Path(tempfile.gettempdir()) / "datagen-bench-plan")
    began = time.monotonic()
    n = len({run.build.planner.plan(i).dialog_id for i in range(run.n_dialogs)})
    return Planned(n, round(time.monotonic() - began, 2), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
