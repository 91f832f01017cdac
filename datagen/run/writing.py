"""Writing with servers: the write group of all shards, in one event loop in a thread of the build's own process.

Dialogues of many shards are in hand at once, so that no server waits for a shard's end. A shard is recorded as soon as all
its dialogues are decided; its bytes do not depend on the order in which they were.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from datagen.build import Build
from datagen.errors import INTERRUPTED, DatagenError, EngineError
from datagen.records.codec import to_json
from datagen.records.enums import Stage
from datagen.records.plan import DialogPlan
from datagen.run import replies, write
from datagen.run.at_hand import waits
from datagen.run.decided import Decided, Notes
from datagen.run.gate_counts import GateCounts
from datagen.run.job import Job, Outcome, ledger_of, made, taken
from datagen.run.journal import Journal
from datagen.run.meter import Meter, Report
from datagen.run.request import Run
from datagen.run.scribe import Scribe
from datagen.stages.write.options import WriteOptions
from datagen.store.ledger import Draft

END_S = 60.0
"""How long an interrupted build waits for connections and servers to end."""


@dataclass(slots=True)
class _Open:
    """A shard that is being written: what was decided of it so far, by index, with each plan's line."""

    job: Job
    key: str
    decided: dict[int, Decided] = field(default_factory=dict)
    plans: dict[int, bytes] = field(default_factory=dict)

    def plan(self, build: Build, index: int) -> DialogPlan:
        plan = build.planner.plan(index)
        self.plans[index] = to_json(plan)
        return plan

    @property
    def whole(self) -> bool:
        return len(self.decided) == len(self.job.shard.indices)

    def assemble(self, draft: Draft) -> None:
        """The same files as `datagen.run.write.run` makes."""
        ordered, notes = [self.decided[i] for i in self.job.shard.indices], Notes()
        notes.add(ordered)
        draft.path(write.PLANS).write_bytes(b"".join(self.plans[i] + b"\n" for i in self.job.shard.indices))
        kept = (to_json(d.transcript) + b"\n" for d in ordered if d.transcript is not None)
        draft.path(write.TRANSCRIPTS).write_bytes(b"".join(kept))
        draft.note = notes.as_note()


class Writing:
    """The write group of `jobs` (at least one), in their order; `start()` it once."""

    def __init__(self, build: Build, jobs: Sequence[Job]) -> None:
        self._build = build
        self._jobs = jobs
        self._ledger = ledger_of(jobs[0].work)
        self._futures: dict[str, Future[Outcome]] = {job.shard.name: Future() for job in jobs}
        self._thread = threading.Thread(target=self._run, name="writing", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._ended = self._closing = False

    def start(self, report: Report) -> None:
        """Begins to write; `report` is called in the thread."""
        self._meter = Meter(report)
        self._thread.start()

    def shard(self, name: str) -> "Future[Outcome]":
        """The write outcome of a shard; the error that ended all writing, where one did."""
        return self._futures[name]

    def close(self, at_once: bool = True) -> None:
        """Waits for the end: of all work, or `at_once` of what is under way now, which the journal has as far as it is decided."""
        self._ended = at_once
        if at_once and self._loop is not None and self._main is not None and not self._closing:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._main.cancel)
        if self._thread.ident is not None:
            self._thread.join(END_S if at_once else None)

    def _run(self) -> None:
        try:
            asyncio.run(self._until_done())
        except BaseException as error:  # whoever waits for a shard is told
            self._fail(_cause(error))

    def _fail(self, error: BaseException) -> None:
        for future in self._futures.values():
            if not future.done():
                future.set_exception(error)

    async def _until_done(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        if self._ended:
            raise asyncio.CancelledError
        gates = GateCounts(self._build.options(WriteOptions).max_gate_share)
        scribe = Scribe(self._build, self._ledger, gates, self._meter)
        if replies.wanted(self._build):
            self._build.engine("writer").keep_replies(replies.Replies(self._build, self._ledger.root, self._jobs))
        journal = Journal(self._ledger.root / "write", self._build.write_key(()))
        try:
            async with asyncio.TaskGroup() as group:
                for shard, index in self._todo(journal, gates):
                    await scribe.enter()
                    group.create_task(self._dialog(scribe, journal, shard, index))
        finally:
            self._closing = True  # whoever interrupts from now on waits for the servers' end
            await scribe.close()

    def _todo(self, journal: Journal, gates: GateCounts) -> Iterator[tuple[_Open, int]]:
        """The dialogues that are still to be written, shard by shard; those that are not go straight to their shards."""
        for job in self._jobs:
            key = self._build.write_key(job.shard.indices)
            outcome = taken(job, "write", key, self._ledger, self._meter)
            if outcome is not None:
                gates.add(outcome.attempts, outcome.gates, outcome.examples)
                self._futures[job.shard.name].set_result(outcome)
                continue
            shard, left = _Open(job, key), []
            for index in job.shard.indices:
                before = journal.take(job.shard.name, index)
                if before is None:
                    left.append(index)
                else:
                    notes = Notes()
                    notes.add([before])
                    gates.add(notes.attempts, notes.gates, notes.examples)
                    shard.plan(self._build, index)
                    self._take(shard, index, before)
            if not left:
                self._finish(journal, shard)
            yield from ((shard, index) for index in left)

    async def _dialog(self, scribe: Scribe, journal: Journal, shard: _Open, index: int) -> None:
        decided = await scribe.decide(shard.plan(self._build, index))
        journal.add(shard.job.shard.name, index, decided)
        self._take(shard, index, decided)
        if shard.whole:
            self._finish(journal, shard)

    def _take(self, shard: _Open, index: int, decided: Decided) -> None:
        shard.decided[index] = decided
        kept = decided.transcript is not None
        self._meter.count(Stage.PLAN, done=1)
        self._meter.count(Stage.WRITE, done=kept, rejected=not kept)

    def _finish(self, journal: Journal, shard: _Open) -> None:
        outcome = made(shard.job, "write", shard.key, self._ledger, shard.assemble)
        journal.drop(shard.job.shard.name)
        self._futures[shard.job.shard.name].set_result(outcome)


def writing_of(run: Run) -> Writing | None:
    """The writing of a run whose writer, or judge, waits for servers; None where the workers write."""
    return Writing(run.build, run.jobs) if waits(run.build) else None


class Ended(DatagenError):
    """Writing was ended from outside; nothing to be tried again."""

    exit_code = INTERRUPTED


class Over(EngineError):
    """Servers could not answer, and all writing has ended: the same command goes on, but no retry of a task can."""


def _cause(error: BaseException) -> BaseException:
    """What ended the writing: of several errors the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, EngineError):
        return Over(str(error))
    return Ended("writing was ended.") if isinstance(error, asyncio.CancelledError) else error
