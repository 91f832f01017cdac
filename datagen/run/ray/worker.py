"""What runs inside the actors: a worker that keeps its models between shards, and the listener that gathers what they report."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen import __version__
from datagen.errors import DatagenError
from datagen.run.job import Job, Outcome, build_of, run_group
from datagen.run.meter import Progress
from datagen.run.seats import most_bytes, options_of, resident_bytes
from datagen.run.writing import Writing

TELL_S = 0.5
"""How often a worker tells what it did: a message a dialogue would be most of a cheap one's cost."""


@dataclass(frozen=True, slots=True)
class Here:
    """What a worker says of itself once it is up: the version it runs, and whether it sees the build's work folder."""

    version: str
    pid: int
    sees_work: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What a group came to, or the project's own error: Ray would wrap it; and whether the worker now holds too much memory."""

    outcome: Outcome | DatagenError
    too_large: bool


class Listener:
    """Gathers the workers' progress, each step with the worker's number, until the driver takes it."""

    def __init__(self) -> None:
        self._told: list[tuple[int, Progress]] = []

    def tell(self, number: int, steps: Sequence[Progress]) -> None:
        self._told += [(number, step) for step in steps]

    def take(self) -> list[tuple[int, Progress]]:
        """What was told since the last time."""
        told, self._told = self._told, []
        return told


class Worker:
    """Runs groups of shards, one at a time; engines stay loaded between them.

    `number` is its own among the build's; `folder` is the driver's current one.
    """

    def __init__(self, number: int, listener: Any, folder: str) -> None:
        if os.path.isdir(folder):  # the recipe's own paths are relative to it
            os.chdir(folder)
        self._number = number
        self._listener = listener
        self._steps: list[Progress] = []
        self._one_at_a_time = threading.Lock()
        self._told_at = time.monotonic()

    def here(self, token: str) -> Here:
        """Who this is. `token` is a file in the work folder that only this build has."""
        return Here(__version__, os.getpid(), Path(token).is_file())

    def group(self, job: Job, group: str, beside: int) -> Answer:
        """One group of a shard. `beside` is how many workers share this node's memory, this one with them."""
        outcome: Outcome | DatagenError
        try:
            outcome = run_group(job, group, self._report)
        except DatagenError as error:
            outcome = error
        finally:
            self._tell()
        return Answer(outcome, resident_bytes() > most_bytes(options_of(job.recipe), beside))

    def write(self, jobs: Sequence[Job]) -> Iterator[Outcome | DatagenError]:
        """The write outcomes of the jobs as they come, written with servers; or the error that ended all writing."""
        writing = Writing(build_of(jobs[0].recipe), jobs)
        writing.start(self._report)
        try:
            for future in as_completed([writing.shard(job.shard.name) for job in jobs]):
                yield future.result()
                self._tell()
        except DatagenError as error:
            yield error
        finally:
            writing.close(at_once=False)
            self._tell()

    def _report(self, progress: Progress) -> None:
        with self._one_at_a_time:
            self._steps.append(progress)
        if progress.notice or time.monotonic() - self._told_at > TELL_S:
            self._tell()

    def _tell(self) -> None:
        import ray

        with self._one_at_a_time:
            steps, self._steps, self._told_at = self._steps, [], time.monotonic()
        if steps:
            ray.get(self._listener.tell.remote(self._number, steps))  # there before the outcome is
