"""What a corpus costs before it is made: GPU and core hours by part, wall time by size of the cluster, disk, and the bottleneck."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datagen.build import NO_ENGINE, OPTIONAL_KINDS
from datagen.config import EngineChoice, Recipe
from datagen.errors import UserError
from datagen.run.cost import Crew, Load, Part, crews_of, parts_of, wall_s, workers_of
from datagen.run.cost_rates import PUBLISH, Rates
from datagen.run.cost_simulation import simulate
from datagen.run.request import Run, prepare

GPU_SIZES = (1, 2, 4, 8, 16, 32, 64)
CORE_SIZES = (2, 8, 32, 128, 512)
_EMBEDDED = {"writer": "agenda", "speaker": "espeak", "aligner": "native", "codec": "melrvq"}
DISK_OF = {
    "write": "work",
    "speech": "work",
    "tables": "work",
    "tokens": "output",
    "manifests": "output",
    "audio": "output",
}
"""Where each kind of file lies. A shard's tables and FLAC are published as links where work and output share a disk."""


@dataclass(frozen=True, slots=True)
class Size:
    """A cluster: its GPUs and cores, the workers of each crew, and how long the build takes, by sum and by simulation.

    `bottleneck` is the crew that the others wait for, `busy_share` the share of all GPUs' (or cores') time in which they work.
    """

    gpus: int
    cores: int
    workers: Mapping[str, float]
    wall_h: float
    simulated_h: float
    bottleneck: str
    busy_share: float


@dataclass(frozen=True, slots=True)
class Cost:
    """The costs of a build: rows a part, rows a size of cluster, disk in GB by place and kind, and what has no rate.

    `gpu_hours` are those in which a group's workers hold one, by group; `gpu_idle_hours` the part in which it waits for a core's work.
    """

    name: str
    dialogs: int
    hours: float
    shards: int
    parts: tuple[Part, ...]
    gpu_hours: Mapping[str, float]
    gpu_idle_hours: Mapping[str, float]
    core_hours: float
    sizes: tuple[Size, ...]
    disk_gb: Mapping[str, Mapping[str, float]]
    keeps_work: bool
    lacking: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def on_paper(recipe: Recipe, out: Path) -> Run:
    """A run of as many dialogues and shards as `recipe` has, with embedded engines: a plan needs no other one to be installed."""
    embedded = {kind: EngineChoice(engine=name) for kind, name in _EMBEDDED.items()}
    optional = {kind: EngineChoice(engine=NO_ENGINE) for kind in OPTIONAL_KINDS}
    quiet = {name: value for name, value in recipe.write.items() if name != "judge"}
    return prepare(recipe.model_copy(update={**embedded, **optional, "write": quiet}), out)


def plan_cost(recipe: Recipe, run: Run, rates: Rates, sizes: Sequence[int] = (), cores_per_gpu: int = 8) -> Cost:
    """The costs of `recipe`, whose run on paper `run` is, on clusters of `sizes` GPUs, or cores where no engine has a GPU.

    UserError where nothing has a rate.
    """
    shards = tuple(len(job.shard.indices) for job in run.jobs)
    load = Load(recipe, run.hours, run.n_dialogs, shards, run.keep_audio)
    parts = parts_of(load, rates)
    lacking = tuple(f"{p.part}{'' if p.engine == 'own' else ' ' + p.engine}" for p in parts if p.hours is None)
    if len(lacking) == len(parts):
        raise UserError("plan-cost: no part of this build has a rate. Measure them: datagen plan-cost --measure 40")
    crews = crews_of(load, parts, rates)
    on_gpu = [c for c in crews if c.device == "gpu"]
    publish_s = sum((p.hours or 0) * 3600 for p in parts if p.group == PUBLISH)
    wanted = sizes or (GPU_SIZES if on_gpu else CORE_SIZES)
    rounds = sum(load.shards) / max(load.shards)
    held = {c.name: c.shard_s * rounds / 3600 for c in on_gpu}
    busy = {g: sum(p.hours or 0 for p in parts if p.group == g and p.device == "gpu") for g in held}
    return Cost(
        name=recipe.name, dialogs=load.dialogs, hours=load.hours, shards=len(load.shards), parts=tuple(parts),
        gpu_hours=held, gpu_idle_hours={g: max(held[g] - busy[g], 0.0) for g in held},
        core_hours=sum(p.hours or 0 for p in parts if p.device == "cpu"),
        sizes=tuple(_size(load, crews, n, cores_per_gpu, publish_s) for n in wanted),
        disk_gb=disk_gb(load, rates), keeps_work=run.keep_work, lacking=lacking,
    )  # fmt: skip


def _size(load: Load, crews: Sequence[Crew], n: int, cores_per_gpu: int, publish_s: float) -> Size:
    on_gpu = [c for c in crews if c.device == "gpu"]
    gpus, cores = (n, n * cores_per_gpu) if on_gpu else (0, n)
    workers = workers_of(crews, gpus, cores)
    seconds, slowest = wall_s(load, crews, workers, publish_s)
    simulated_s = simulate(load, crews, workers, publish_s)
    rounds = sum(load.shards) / max(load.shards)
    work_s = sum(c.shard_s * rounds for c in on_gpu or crews)
    return Size(gpus, cores, workers, seconds / 3600, simulated_s / 3600, slowest, min(1.0, work_s / (n * seconds)))


def disk_gb(load: Load, rates: Rates) -> dict[str, dict[str, float]]:
    """GB by place and kind; of audio where it is kept."""
    found: dict[str, dict[str, float]] = {"work": {}, "output": {}}
    for kind, place in DISK_OF.items():
        if kind in rates.bytes_s and (kind != "audio" or load.keep_audio):
            found[place][kind] = rates.bytes_s[kind] * load.hours * 3600 / 1e9
    return found
