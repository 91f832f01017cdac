"""This machine's rates: a recipe's own dialogues built once to have voices and models at hand, and as many again under the clock."""

import platform
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datagen.build import Build
from datagen.config import Recipe
from datagen.engines import registry
from datagen.engines.llm.gpus import visible_gpus
from datagen.records.enums import Stage
from datagen.run.at_hand import waits
from datagen.run.cost import SERVERS
from datagen.run.cost_rates import AUDIO, LEDGER, OWN, RateOptions, TableOptions
from datagen.run.job import Job, Outcome, build_of, run_shard
from datagen.run.local import finish
from datagen.run.request import Run, prepare
from datagen.run.tally import Tally, tally_of
from datagen.run.writing import Writing

PART_OF = {
    "write engine": "writer", "speak engine": "speaker", "speak asr": "asr", "speak embedder": "embedder", "speak mos": "mos",
    "align engine": "aligner", "encode engine": "codec", "pack engine": AUDIO,
}  # fmt: skip
"""The part of each of the meter's names that is not a stage's own work."""
_CALLS = ("write", "speak", "align", "hear", "embed", "predict", "encode")
LEAST_S = 1e-6
LEAST = 4
"""Fewest dialogues of a measurement."""


class Timed:
    """An engine whose calls are timed by the clock on the wall: what runs on a GPU, or in a process of its own, no CPU time shows."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.wall_s = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        return self._timed(found) if name in _CALLS else found

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = time.monotonic()
            try:
                return call(*arguments)
            finally:
                self.wall_s += time.monotonic() - began

        return timed


def measure(recipe: Recipe) -> TableOptions:
    """This machine's rates for `recipe`, from as many dialogues as it has; builds twice as many, in a folder that is removed again."""
    dialogs = recipe.dialogs or LEAST
    # Shards small enough that half of them are about half of the dialogues.
    small = recipe.run.model_copy(update={"shard_dialogs": max(1, min(recipe.run.shard_dialogs, dialogs // 4))})
    wanted = recipe.model_copy(update={"dialogs": 2 * dialogs, "run": small})
    with tempfile.TemporaryDirectory(prefix="datagen-rates-") as folder:
        run = prepare(wanted, Path(folder) / "out")
        run.work.mkdir(parents=True, exist_ok=True)
        build = build_of(run.build.recipe.model_dump_json())
        return _Clocked(run, build, _with_clocks(build)).table()


def machine() -> str:
    """The processor's architecture, the system and Python; no name of a host."""
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def _with_clocks(build: Build) -> dict[str, Timed]:
    """Puts a clock on every engine of the build whose time is not this process's own."""
    timed = {}
    for kind in build.kinds:
        name = getattr(build.recipe, kind).engine
        if device_of(build, kind) == "gpu" or registry.entry(kind, name).own_env:
            timed[kind] = build._engines[kind] = Timed(build.engine(kind))
    return timed


def device_of(build: Build, kind: str) -> str:
    """`gpu` where the engine of a kind runs on one: a server's always, and others' where a GPU is seen and none has been ruled out."""
    if getattr(build.recipe, kind).engine in SERVERS:
        return "gpu"
    options = build.engine_options[kind]
    asked = getattr(options, "devices", None) or getattr(options, "device", None)
    if asked is None or str(asked if isinstance(asked, str) else asked[0]).startswith("cpu"):
        return "cpu"
    return "gpu" if visible_gpus() else "cpu"


class _Clocked:
    """One measurement: a build whose second half is under the clock."""

    def __init__(self, run: Run, build: Build, walls: Mapping[str, Timed]) -> None:
        self._run, self._build, self._walls = run, build, walls
        self._whole: Tally = tally_of(build)
        self._half: Tally = tally_of(build)
        self._writer_s = 0.0

    def table(self) -> TableOptions:
        jobs = self._run.jobs
        first, second = jobs[: len(jobs) // 2], jobs[len(jobs) // 2 :]
        self._make(first, self._whole)
        for engine in self._walls.values():
            engine.wall_s = 0.0
        began = _cpu_s()
        outcomes = self._make(second, self._half)
        cpu_s = _cpu_s() - began
        self._whole.take(outcomes)
        disk = _bytes(outcomes)
        result = finish(self._run, self._whole, self._whole.progress)
        rendered = [o for o in outcomes if o.group == "render"]
        dialog_s = sum(o.audio_s for o in rendered)
        tokens_bytes, manifests_bytes = (
            sum(f.bytes for name, f in result.files.items() if name.startswith(folder))
            for folder in ("tokens/", "manifests/")
        )
        disk_s = {name: size / dialog_s for name, size in disk.items()}
        disk_s |= {"tokens": tokens_bytes / (3600 * result.hours), "manifests": manifests_bytes / (3600 * result.hours)}
        rates = self._rates(dialog_s, cpu_s)
        return TableOptions.model_validate(
            {"machine": machine(), "rate": [r.model_dump() for r in rates], "disk": disk_s}
        )

    def _make(self, jobs: list[Job], tally: Tally) -> list[Outcome]:
        """The outcomes of some shards; where servers write, of all at once, as in a build."""
        if waits(self._build) and jobs:
            writing = Writing(self._run.build, jobs)
            began = time.monotonic()
            writing.start(tally.progress)
            for job in jobs:
                writing.shard(job.shard.name).result()
            self._writer_s = time.monotonic() - began
            writing.close(at_once=False)
        outcomes = [o for job in jobs for o in run_shard(job, tally.progress)]
        tally.outcomes += outcomes
        return outcomes

    def _rates(self, dialog_s: float, cpu_s: float) -> list[RateOptions]:
        """A rate a part that took time; of engines on GPUs, and in processes of their own, by the clock on the wall.

        Publishing has none: what it takes whatever the size would be most of it in a small build.
        """
        spent: dict[tuple[str, str], float] = {}
        for name, seconds in self._half.seconds.items():
            part = PART_OF.get(name, name)
            engine = getattr(self._build.recipe, part).engine if part in self._build.kinds else OWN
            if part != str(Stage.ENCODE):
                spent[part, engine] = spent.get((part, engine), 0.0) + seconds
        spent[LEDGER, OWN] = max(cpu_s - sum(self._half.seconds.values()), 0.0)
        for kind, timed in self._walls.items():
            spent[kind, getattr(self._build.recipe, kind).engine] = timed.wall_s
        if self._writer_s:
            kind = "writer" if self._build.recipe.writer.engine in SERVERS else "judge"
            spent[kind, getattr(self._build.recipe, kind).engine] = self._writer_s
        found = {key: dialog_s / max(seconds, LEAST_S) for key, seconds in spent.items() if seconds > 0}
        source = f"datagen plan-cost --measure {self._run.n_dialogs // 2}, {machine()}"
        return [
            RateOptions(part=part, engine=engine, device=self._device(part), x_real_time=rate, source=source)
            for (part, engine), rate in sorted(found.items())
        ]

    def _device(self, part: str) -> Any:
        return device_of(self._build, part) if part in self._build.kinds else "cpu"


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _bytes(outcomes: list[Outcome]) -> dict[str, float]:
    """The bytes of the shards' artefacts: by group, a render group's tables and its FLAC apart."""
    found = {"write": 0.0, "speech": 0.0, "tables": 0.0, "audio": 0.0}
    for outcome in outcomes:
        for path in Path(outcome.folder).rglob("*"):
            if path.is_file():
                render = "audio" if path.suffix == ".flac" else "tables"
                found[render if outcome.group == "render" else outcome.group] += path.stat().st_size
    return {name: size for name, size in found.items() if size}
