"""Where a build's shards are carried out: by worker processes of this machine, or by actors of a Ray cluster."""

from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Protocol

from datagen.run.job import GROUPS, Job, Outcome
from datagen.run.meter import Progress
from datagen.run.pool import Pool
from datagen.run.request import Run
from datagen.run.writing import writing_of

RAY_TASKS = 384
"""Groups that wait in Prefect's threads at once where a cluster carries them out: 128 shards' worth."""


class Shards(Protocol):
    """What carries shards out between `with` and its end; leaving with an error ends at once what is under way."""

    def shard(self, job: Job) -> "Future[list[Outcome]]":
        """All groups of a shard."""
        ...

    def group(self, job: Job, group: str) -> "Future[Outcome]":
        """One group of a shard, those before it being done."""
        ...

    def __enter__(self) -> "Shards": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_pool(run: Run, workers: int, on_progress: Callable[[Progress], None]) -> Shards:
    """What the recipe's `run.spread` names; `workers` are the processes on this machine."""
    if run.build.recipe.run.spread == "ray":
        from datagen.run.ray.pool import RayPool

        return RayPool(run, workers, on_progress)
    return Pool(min(workers, len(run.jobs)), on_progress, writing_of(run))


def tasks_at_once(run: Run, workers: int) -> int:
    """How many groups of shards are worth handing over at once, so that none of the workers waits for the next."""
    # Of a shard's groups one works, and the others wait for it in threads of their own.
    return len(GROUPS) * (
        min(RAY_TASKS // len(GROUPS), len(run.jobs)) if run.build.recipe.run.spread == "ray" else workers
    )
