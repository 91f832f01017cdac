"""Worker processes: plain ones, that import no runner, and that end when their parent does."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType, TracebackType
from typing import Any

from datagen.errors import EngineError, one_line
from datagen.interrupts import interrupts_wait
from datagen.records.enums import Stage
from datagen.run.job import GROUPS, Job, Outcome, run_group
from datagen.run.meter import Progress
from datagen.run.seats import Call, Lost, Seat, most_bytes, resident_bytes, sweep
from datagen.run.writing import Writing

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
_ORPHAN_CHECK_S = 0.5
SIGNAL_CHECK_S = 0.3
"""How long the main thread waits at most before it looks for Ctrl-C and SIGTERM."""

_WATCH_S = 0.5
"""How often the foreman looks at the workers."""

_progress: "Queue[tuple[int, Progress] | None] | None" = None


def default_workers() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """`workers` processes that run shards; `on_progress` is called in this process, from threads of the pool's, one call at a time.

    With `writing`, the write group is made by it, in this process, and each shard goes to the workers once it is written. A worker
    that dies, says nothing for `run.stall_s`, or holds more than `run.max_worker_gb` after a shard is replaced, and what it was at is
    begun again; `result_of` raises an EngineError where that has happened to a shard too often.
    """

    def __init__(self, workers: int, on_progress: Callable[[Progress], None], writing: Writing | None = None) -> None:
        for name in ONE_THREAD:
            os.environ.setdefault(name, "1")
        context = multiprocessing.get_context("spawn")
        self._queue: Queue[tuple[int, Progress] | None] = context.Queue()
        self._on_progress = on_progress
        self._one_at_a_time = threading.Lock()
        self._writing = writing
        self._waiting: deque[Call] = deque()
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._door = threading.Lock()
        self._over: Exception | None = None
        """Why nothing is taken in any more, which is what every later caller is told."""
        self._seats: list[Seat] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

        def start() -> ProcessPoolExecutor:
            return ProcessPoolExecutor(
                1, mp_context=context, initializer=_start_worker, initargs=(self._queue, os.getpid())
            )

        try:
            with interrupts_wait(), _plain_main():
                for _ in range(workers):
                    self._seats.append(Seat(start, _ready))
        except BaseException:  # Ctrl-C while they load: nobody waits until they have
            self._kill()
            raise
        self._foreman = threading.Thread(target=self._lead, daemon=True)
        self._foreman.start()
        if writing is not None:
            writing.start(self._tell)

    def shard(self, job: Job) -> "Future[list[Outcome]]":
        """All groups of a shard, in one worker."""
        if self._writing is None:
            return self._submit(Call(_groups, (job, GROUPS), job))
        return _after(self._writing.shard(job.shard.name), lambda: self._submit(Call(_groups, (job, GROUPS[1:]), job)))

    def group(self, job: Job, group: str) -> "Future[Outcome]":
        """One group of a shard."""
        if self._writing is not None and group == GROUPS[0]:
            return self._writing.shard(job.shard.name)
        return self._submit(Call(_group, (job, group), job))

    def _submit(self, call: Call) -> "Future[Any]":
        with self._door:
            if self._over is not None:
                raise self._over
            self._events.put(call)
        return call.future

    def _close(self, why: Exception) -> Exception:
        """Nothing is taken in any more; the first reason stands."""
        with self._door:
            self._over = self._over or why
            return self._over

    def _lead(self) -> None:
        """The foreman, a thread: the only one that hands calls to workers, replaces them, and minds their silence."""
        try:
            while self._led():
                pass
        except BaseException as error:  # no process can be started any more, say: nobody waits for what nobody does
            fault = self._close(EngineError(f"workers cannot be led any more: {one_line(error)}."))
            calls = [*self._waiting, *(seat.call for seat in self._seats if seat.call)]
            with contextlib.suppress(Empty):
                while True:
                    event = self._events.get_nowait()
                    calls += [event] if isinstance(event, Call) else []
            for call in calls:
                if not call.future.done():
                    call.future.set_exception(fault)

    def _led(self) -> bool:
        """One event, or a moment without one; False at the end."""
        began_s = time.monotonic()
        event: _Event | None = None
        with contextlib.suppress(Empty):
            event = self._events.get(timeout=_WATCH_S)
        if isinstance(event, _Close):
            return False
        if isinstance(event, Call):
            self._waiting.append(event)
        elif isinstance(event, int):
            self._heard(event)
        elif event is not None:
            self._end(*event)
        # Of a longer pause this process itself was asleep (Ctrl-Z, a closed lid): no fault of a worker's.
        self._mind(min(time.monotonic() - began_s, 2 * _WATCH_S))
        self._hand_out()
        return True

    def _hand_out(self) -> None:
        for seat in self._seats:
            while seat.call is None and self._waiting:
                call = self._waiting.popleft()
                try:
                    inner = seat.take(call)
                except BrokenProcessPool:  # it died while it had nothing to do
                    self._waiting.appendleft(call)
                    self._renew(seat)
                    continue
                inner.add_done_callback(partial(self._put, seat, call))

    def _put(self, seat: Seat, call: Call, done: "Future[Any]") -> None:
        self._events.put((seat, call, done))

    def _end(self, seat: Seat, call: Call, done: "Future[Any]") -> None:
        """A call has ended, in one way or another; its seat is free."""
        seat.call = None
        error = done.exception()
        if isinstance(error, BrokenProcessPool):
            how = seat.ended(call)
            if not call.lost(how):
                self._waiting.appendleft(call)
                if call.job is not None:
                    self._tell(
                        Progress(Stage.PLAN, notice=f"{call.job.shard.name}: its worker died ({how}); begun again.")
                    )
            self._renew(seat)  # last: where that fails, the call is among those that are told
        elif error is not None:
            call.future.set_exception(error)
        else:
            result, held_bytes = done.result()
            call.future.set_result(result)
            if held_bytes > most_bytes(call.options, len(self._seats)):
                seat.retire()
                self._renew(seat)

    def _renew(self, seat: Seat) -> None:
        with _plain_main():
            seat.renew()

    def _heard(self, pid: int) -> None:
        for seat in self._seats:
            if seat.pid == pid:
                seat.silent_s = 0.0

    def _mind(self, passed_s: float) -> None:
        for seat in self._seats:
            if seat.call is None or seat.hung:
                continue
            seat.silent_s += passed_s
            if seat.silent_s >= seat.call.options.stall_s:
                seat.hung = True
                seat.kill()

    def _listen(self) -> None:
        while (found := self._queue.get()) is not None:
            pid, progress = found
            self._events.put(pid)
            self._tell(progress)

    def _tell(self, progress: Progress) -> None:
        with self._one_at_a_time:
            self._on_progress(progress)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(RuntimeError("the pool is closed"))
        self._events.put(_Close())
        self._foreman.join()
        if kind is not None:
            self._kill()
        if self._writing is not None:
            self._writing.close(at_once=kind is not None)
        for seat in self._seats:
            seat.close()
        for call in (*self._waiting, *(seat.call for seat in self._seats)):
            if call is not None:
                call.future.cancel()  # or whoever waits for it would for ever
        if kind is not None:
            self._sweep()
            self._queue.cancel_join_thread()  # a killed worker may hold the queue's lock for ever: nothing waits for it
            return
        self._queue.put(None)
        self._listener.join(timeout=5)
        self._queue.close()

    def _kill(self) -> None:
        """Ends the workers at once: what they were making is under a temporary name, so nothing half-made is taken for done."""
        for seat in self._seats:
            seat.terminate()

    def _sweep(self) -> None:
        for seat in self._seats:
            if seat.call is not None and seat.call.job is not None and seat.pid is not None:
                sweep(Path(seat.call.job.work), seat.pid)


class _Close:
    """The foreman's last event."""


_Event = Call | int | tuple[Seat, Call, "Future[Any]"] | _Close
"""A call to be handed out; the worker that was heard; a call that has ended; the end."""


def _after(first: "Future[Outcome]", rest: "Callable[[], Future[list[Outcome]]]") -> "Future[list[Outcome]]":
    """The first outcome and those of `rest`, which begins when the first is there; the error of either."""
    both: Future[list[Outcome]] = Future()

    def begin(done: "Future[Outcome]") -> None:
        if (error := done.exception()) is not None:
            both.set_exception(error)
            return
        try:
            rest().add_done_callback(end)
        except (RuntimeError, EngineError) as over:  # the pool has been shut down
            both.set_exception(over)

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
    """The future's result; the death of too many workers becomes one line that names the shard."""
    try:
        return future.result()
    except Lost as lost:
        raise EngineError(
            f"{what}: its worker process died ({lost}). What was done is kept: run the same command again."
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


def _ready() -> None:
    pass


def _start_worker(progress: "Queue[tuple[int, Progress] | None]", parent: int) -> None:
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
    _progress.put((os.getpid(), progress))


def _groups(job: Job, groups: Sequence[str]) -> tuple[list[Outcome], int]:
    """The outcomes, and the memory that is held after them."""
    return [run_group(job, group, _report) for group in groups], resident_bytes()


def _group(job: Job, group: str) -> tuple[Outcome, int]:
    return run_group(job, group, _report), resident_bytes()
