"""A whole build with engines that cost no time: what the path itself takes a dialogue, in time, memory, files and bytes."""

import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datagen import recipes
from datagen.config import Recipe
from datagen.engines.blank import NAME
from datagen.run.bench import ENGINE
from datagen.run.job import build_of, run_shard
from datagen.run.local import finish
from datagen.run.request import Run, prepare
from datagen.run.tally import Tally, tally_of
from datagen.store.ledger import DONE

_EFFECTS = (
    "room", "noise", "babble", "sounds", "echo", "off_talk", "muffling", "gain", "clipping", "telephone", "packet_loss",
)  # fmt: skip
SETS = (
    *(f"{kind}.engine={NAME}" for kind in ("writer", "speaker", "codec")),
    "aligner.engine=native",
    "asr.engine=none",
    "writer.bad_share=0.02",
    "writer.twin_share=0.01",
    # A quarter of a second of speech a dialogue, and no signal processing of it: what a minute of audio costs, other benches say.
    "speaker.letter_s=0.01",
    "speak.min_s_per_letter=0",
    "speak.gates.min_edge_s_per_letter=0",
    *(f"scene.{effect}.share=0" for effect in _EFFECTS),
    "stitch.gate.max_ks_fto=1",
    "pack.audio=false",
    "run.keep_work=false",
)
"""Two turns a dialogue, 2 % of them rejected while they are written and 1 % near-duplicates, and nothing that depends on its length."""
PARTS = 10
"""Into so many parts the work is cut, to see whether the last costs more than the first."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A measured build. Times are CPU time of one process.

    `outside_ms` is what a planned dialogue takes outside the engines, publishing included, and `publish_ms` the part of publishing;
    `parts_ms` is the time a dialogue of each tenth of the shards, and `parts_mb` the peak of memory by its end. `work_*` are
    the work folder's before it is tidied, `ledger_mb` its records' alone.
    """

    dialogs: int
    kept: int
    rejected: int
    shards: int
    cpu_s: float
    wall_s: float
    dialogs_s: float
    outside_ms: float
    publish_ms: float
    start_mb: float
    parts_ms: tuple[float, ...]
    parts_mb: tuple[float, ...]
    peak_mb: float
    out_files: int
    out_mb: float
    work_files: int
    work_mb: float
    ledger_mb: float
    stages_ms: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def of_size(asked: Recipe) -> Recipe:
    """The recipe that is measured: as many dialogues as `asked` has, in shards of RunOptions' own size."""
    return recipes.compose("quickstart", dialogs=asked.dialogs, sets=[*SETS, "run.shard_dialogs=64"])


def measure_scale(asked: Recipe) -> Scale:
    """Builds `asked` in this process, in a folder that is removed again; the engines are loaded before the clock starts."""
    with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        run = prepare(asked, Path(folder) / "out")
        run.work.mkdir(parents=True)
        _ = build_of(run.build.recipe.model_dump_json()).makers, run.build.makers
        return _measured(run)


def _measured(run: Run) -> Scale:
    clock, tally, start_mb = Clock(), tally_of(run.build), _peak_mb()
    parts_ms, parts_mb = [], []
    for part in _parts(run):
        with clock.running():
            for job in part:
                tally.take(run_shard(job, tally.progress))
        parts_ms.append(clock.last_s * 1e3 / sum(len(job.shard.indices) for job in part))
        parts_mb.append(_peak_mb())
    work = _sizes(run.work)
    ledger = _sizes(run.work, DONE)
    with clock.running():
        result = finish(run, tally, tally.progress)
    out = _sizes(run.out)
    total, n = result.counts.total, run.n_dialogs
    engine_s = sum(s for name, s in tally.seconds.items() if name.endswith(ENGINE))
    return Scale(
        dialogs=n, kept=total.kept, rejected=total.rejected, shards=len(run.shards),
        cpu_s=clock.cpu_s, wall_s=clock.wall_s, dialogs_s=n / clock.cpu_s,
        outside_ms=(clock.cpu_s - engine_s) * 1e3 / n, publish_ms=clock.last_s * 1e3 / n,
        start_mb=start_mb, parts_ms=tuple(parts_ms), parts_mb=tuple(parts_mb), peak_mb=_peak_mb(),
        out_files=out[0], out_mb=out[1], work_files=work[0], work_mb=work[1], ledger_mb=ledger[1],
        stages_ms=_stages_ms(tally, n, clock),
    )  # fmt: skip


def _parts(run: Run) -> Iterator[list[Any]]:
    """The jobs in parts of about as many dialogues, in their order."""
    jobs = run.jobs
    size = -(-len(jobs) // PARTS)
    for first in range(0, len(jobs), size):
        yield jobs[first : first + size]


def _stages_ms(tally: Tally, n: int, clock: "Clock") -> dict[str, float]:
    """What each stage takes outside its engine a planned dialogue; `publish`; and the ledger, files and JSON as the rest."""
    found = {name: s * 1e3 / n for name, s in sorted(tally.seconds.items()) if not name.endswith(ENGINE)}
    rest_s = clock.cpu_s - clock.last_s - sum(tally.seconds.values())
    return {**found, "publish": clock.last_s * 1e3 / n, "rest": rest_s * 1e3 / n}


class Clock:
    """The CPU and wall time of the blocks that ran under it, and the CPU time of the last."""

    def __init__(self) -> None:
        self.cpu_s = self.wall_s = self.last_s = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.monotonic()
        yield
        self.last_s = time.process_time() - cpu
        self.cpu_s += self.last_s
        self.wall_s += time.monotonic() - wall


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _sizes(folder: Path, name: str = "*") -> tuple[int, float]:
    """How many files of a name a folder holds, and their megabytes."""
    sizes = [p.lstat().st_size for p in folder.rglob(name) if p.is_file()]
    return len(sizes), sum(sizes) / 1e6


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of a plan: how long it takes to lay them out, and what they take in memory."""

    dialogs: int
    shards: int
    cpu_s: float
    peak_mb: float


def measure_jobs(asked: Recipe) -> Jobs:
    """Lays out every shard and job of `asked`, which is what a build has in hand before its first dialogue."""
    run = prepare(asked, Path(tempfile.gettempdir()) / "datagen-bench-jobs")
    began = time.process_time()
    n_shards = len(run.jobs)
    return Jobs(run.n_dialogs, n_shards, time.process_time() - began, _peak_mb())
