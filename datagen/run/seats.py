"""The worker processes of a pool, each with one call at a time: who it is, how long it has been silent, how it ended.

A worker that dies, hangs or has grown too large is replaced, and the call that it was at is given to another: the build goes on. A call
under which workers die again and again is the fault's own place, and is given up.
"""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from datagen.config import Recipe, RunOptions
from datagen.run.job import Job
from datagen.store.files import TEMPORARY

DEATHS = 3
"""Workers that may die under one call before it is given up."""
FAIR_SHARE = 0.7
"""Of a worker's equal part of the machine's memory, so much is left to it by `run.max_worker_gb` = 0."""
JOIN_S = 2.0


class Lost(Exception):
    """Workers died under a call as often as they may; the text says how the last one did."""


@dataclass(slots=True)
class Call:
    """What a worker is asked for, and whoever waits for it; `job` where it is about a shard."""

    run: Callable[..., Any]
    arguments: tuple[Any, ...]
    job: Job | None = None
    future: "Future[Any]" = field(default_factory=Future)
    deaths: int = 0

    @property
    def options(self) -> RunOptions:
        return options_of(self.job.recipe) if self.job else RunOptions()

    def lost(self, how: str) -> bool:
        """Notes that its worker ended; whether it was given up for that."""
        self.deaths += 1
        if self.deaths >= DEATHS:
            self.future.set_exception(
                Lost(how if DEATHS == 1 else f"{how}; it was the {DEATHS}rd one under this shard")
            )
            return True
        return False


@lru_cache(maxsize=2)
def options_of(recipe: str) -> RunOptions:
    """The run's own options of a recipe's JSON."""
    return Recipe.model_validate_json(recipe).run


class Seat:
    """One worker process, replaced by `renew`. Used by one thread at a time."""

    def __init__(self, start: Callable[[], ProcessPoolExecutor], ready: Callable[[], None]) -> None:
        self._start, self._ready = start, ready
        self.call: Call | None = None
        self.silent_s = 0.0
        self.hung = False
        self.renew()

    def renew(self) -> None:
        """A fresh process. The one before, if it lives, ends once it has nothing to do."""
        executor = self._start()
        executor.submit(self._ready)  # which starts the process
        self._executor, self._process = executor, next(iter(executor._processes.values()))

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def take(self, call: Call) -> "Future[Any]":
        """Begins with a call; BrokenProcessPool where the process is no more."""
        inner = self._executor.submit(call.run, *call.arguments)
        self.call, self.silent_s, self.hung = call, 0.0, False
        return inner

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()

    def retire(self) -> None:
        """Lets the process end by itself: it has nothing to do."""
        self._executor.shutdown(wait=False)

    def close(self) -> None:
        """Waits for the process's end."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def ended(self, call: Call) -> str:
        """How the process ended, for a person; what it had half-made is removed."""
        self._process.join(JOIN_S)
        if self.pid is not None and call.job is not None:
            sweep(Path(call.job.work), self.pid)
        if self.hung:
            return f"nothing was heard of it for {call.options.stall_s:g} s (run.stall_s), and it was ended"
        return _how(self._process)


def _how(process: BaseProcess) -> str:
    code = process.exitcode
    if code is None or code >= 0:
        return "it ended by itself"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        return (
            f"{name}: out of memory, or killed" if name in ("SIGKILL", "SIGTERM") else f"{name}: an engine's own fault"
        )
    return f"signal {-code}"


def sweep(work: Path, pid: int) -> None:
    """Removes what an ended process was making in the groups of a work folder: nobody else will finish it."""
    for left in work.glob(f"*/{TEMPORARY}*-{pid}-*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def resident_bytes() -> int:
    """The memory that this process holds now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def most_bytes(options: RunOptions, workers: int) -> float:
    """What a worker may hold after a shard before it is replaced: as the recipe says, else its fair share of the memory there is."""
    if options.max_worker_gb:
        return options.max_worker_gb * 1e9
    return FAIR_SHARE * _memory_bytes() / workers


@lru_cache(maxsize=1)
def _memory_bytes() -> float:
    """The machine's memory, or the container's limit where that is less."""
    found = [float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found.append(float((Path("/sys/fs/cgroup") / name).read_text()))
    return min(found)
