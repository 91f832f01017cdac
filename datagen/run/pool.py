"""Worker processes: plain ones, that import no runner, and that end when their parent does."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import Queue
from types import ModuleType, TracebackType
from typing import Any, ParamSpec, TypeVar

from datagen.errors import EngineError
from datagen.run.job import GROUPS, Job, Outcome, run_group
from datagen.run.meter import Progress
from datagen.run.writing import Writing

P = ParamSpec("P")
R = TypeVar("R")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
_ORPHAN_CHECK_S = 0.5
SIGNAL_CHECK_S = 0.3
"""How long the main thread waits at most before it looks for Ctrl-C and SIGTERM."""

_progress: "Queue[Progress | None] | None" = None


def default_workers() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """`workers` processes that run shards; `on_progress` is called in this process, from threads of the pool's, one call at a time.

    With `writing`, the write group is made by it, in this process, and each shard goes to the workers once it is written.
    Raises EngineError where a worker dies under a shard.
    """

    def __init__(self, workers: int, on_progress: Callable[[Progress], None], writing: Writing | None = None) -> None:
        for name in _ONE_THREAD:
            os.environ.setdefault(name, "1")
        context = multiprocessing.get_context("spawn")
        self._queue: Queue[Progress | None] = context.Queue()
        self._pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_start_worker, initargs=(self._queue, os.getpid())
        )
        self._on_progress = on_progress
        self._one_at_a_time = threading.Lock()
        self._writing = writing
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            with _interrupts_wait(), _plain_main():
                # Each submit starts a process while none is idle yet, so all of them start here.
                for _ in range(workers):
                    self._submit(_ready)
        except BaseException:  # Ctrl-C while they load: nobody waits until they have
            self._kill()
            raise
        if writing is not None:
            writing.start(self._tell)

    def shard(self, job: Job) -> "Future[list[Outcome]]":
        """All groups of a shard, in one worker."""
        if self._writing is None:
            return self._submit(_groups, job, GROUPS)
        return _after(self._writing.shard(job.shard.name), lambda: self._submit(_groups, job, GROUPS[1:]))

    def group(self, job: Job, group: str) -> "Future[Outcome]":
        """One group of a shard."""
        if self._writing is not None and group == GROUPS[0]:
            return self._writing.shard(job.shard.name)
        return self._submit(_group, job, group)

    def _submit(self, call: "Callable[P, R]", *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """A future in any case: a pool that has lost a worker takes no more, and says so in the result."""
        try:
            return self._pool.submit(call, *args, **kwargs)
        except BrokenProcessPool as error:
            future: Future[R] = Future()
            future.set_exception(error)
            return future

    def _listen(self) -> None:
        while (progress := self._queue.get()) is not None:
            self._tell(progress)

    def _tell(self, progress: Progress) -> None:
        with self._one_at_a_time:
            self._on_progress(progress)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._kill()
        if self._writing is not None:
            self._writing.close(at_once=kind is not None)
        self._pool.shutdown(wait=True, cancel_futures=True)
        if kind is not None:
            self._queue.cancel_join_thread()  # a killed worker may hold the queue's lock for ever: nothing waits for it
            return
        self._queue.put(None)
        self._listener.join(timeout=5)
        self._queue.close()

    def _kill(self) -> None:
        """Ends the workers at once: what they were making is under a temporary name, so nothing half-made stays."""
        for process in list((self._pool._processes or {}).values()):
            process.terminate()


def _after(first: "Future[Outcome]", rest: "Callable[[], Future[list[Outcome]]]") -> "Future[list[Outcome]]":
    """The first outcome and those of `rest`, which begins when the first is there; the error of either."""
    both: Future[list[Outcome]] = Future()

    def begin(done: "Future[Outcome]") -> None:
        if (error := done.exception()) is not None:
            both.set_exception(error)
            return
        try:
            rest().add_done_callback(end)
        except RuntimeError as closed:  # the pool has been shut down
            both.set_exception(closed)

    def end(done: "Future[list[Outcome]]") -> None:
        if done.cancelled():
            both.cancel()
        elif (error := done.exception()) is not None:
            both.set_exception(error)
        else:
            both.set_result([first.result(), *done.result()])

    first.add_done_callback(begin)
    return both


def result_of(future: "Future[Any]", what: str) -> Any:
    """The future's result; a worker's death becomes one line that names the shard."""
    try:
        return future.result()
    except BrokenProcessPool:
        raise EngineError(
            f"{what}: a worker process died (out of memory, or killed). What was done is kept: run the same command again."
        ) from None


@contextlib.contextmanager
def _plain_main() -> Iterator[None]:
    """Hides the main module from processes that start in the block.

    A spawned process imports its parent's main module; where that is a flow or a Prefect worker, each of our workers
    would load Prefect (6 s and 100 MB).
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    # Ctrl-C reaches the whole group, and the parent decides: a process that starts here has it blocked from birth on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM wait for the end of the block: a process that is cut off at its birth prints a traceback."""
    came: list[int] = []
    wanted = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _ready() -> None:
    pass


def _start_worker(progress: "Queue[Progress | None]", parent: int) -> None:
    global _progress
    _progress = progress
    end_with(parent)


def end_with(parent: int, group: bool = False) -> None:
    """From now on this process ends when its parent has: a killed build leaves no orphans that go on writing.

    With `group`, all of its process group ends with it, where it leads one.
    """
    threading.Thread(target=_watch, args=(parent, group and os.getpgrp() == os.getpid()), daemon=True).start()


def _watch(parent: int, group: bool) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_S)
    if group:
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _report(progress: Progress) -> None:
    assert _progress is not None
    _progress.put(progress)


def _groups(job: Job, groups: Sequence[str]) -> list[Outcome]:
    return [run_group(job, group, _report) for group in groups]


def _group(job: Job, group: str) -> Outcome:
    return run_group(job, group, _report)
