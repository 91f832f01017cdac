"""The tasks: one a shard and group of stages, on threads, which hand the work to plain worker processes."""

import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

from datagen.errors import EngineError
from datagen.run.job import GROUPS, Job, Outcome
from datagen.run.pool import result_of
from datagen.run.request import Run
from datagen.run.spread import Shards, open_pool, tasks_at_once
from datagen.run.tally import Tally
from datagen.run.writing import Over
from flows.limits import slot
from flows.order import Order
from flows.parameters import LLM
from flows.shown import Live, hears

TICK_S = 0.5
"""How often the flow looks at its time limit and at what to show."""


def is_engine_error(task: Any, run: Any, state: State[Any]) -> bool:
    """Only an engine's failure may pass by itself; a user's or the data's does not, nor that of writing which has ended."""
    try:
        state.result()
    except EngineError as error:
        return not isinstance(error, Over)
    except Exception:
        return False
    return False


class Hands:
    """Hands groups of shards to the pool. When the block ends, what still runs or waits for a slot ends too, and is not tried again."""

    def __init__(self, pool: Shards, limits: dict[str, str]) -> None:
        self._pool = pool
        self._limits = limits
        self.over = False

    def __call__(self, job: Job, group: str) -> Outcome:
        # One slot is held for all writing with servers, by the flow: its dialogues are in hand across shards.
        limit = self._limits.get(group)
        with slot(None if limit == LLM else limit, lambda: self.over):
            try:
                outcome: Outcome = result_of(self._pool.group(job, group), job.shard.name)
                return outcome
            except (Exception, CancelledError) as error:
                if self.over:
                    raise Over("the build was ended.") from None
                raise error from None

    def __enter__(self) -> "Hands":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over = True


@task(
    task_run_name="{job.shard.name} {group}", cache_policy=NO_CACHE, persist_result=False,
    retries=3, retry_delay_seconds=exponential_backoff(2), retry_jitter_factor=0.5, retry_condition_fn=is_engine_error,
)  # fmt: skip
def run_group(job: Job, group: str, hand: Callable[[Job, str], Outcome], before: Outcome | None) -> Outcome:
    """One group of stages over one shard, in a worker process. `before` is the group that it builds on."""
    return hand(job, group)


def run_shards(run: Run, order: Order, tally: Tally, live: Live, ends_s: float) -> None:
    """Carries all shards out, and counts them in `tally`. EngineError where an engine failed beyond what a task's own tries mend,
    or the time (of `time.monotonic`) is over; DataError where a stage rejects too much."""
    limits = order.limits.taken(run)
    runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=tasks_at_once(run, order.workers))
    with ExitStack() as writing:
        writing.enter_context(slot(LLM if LLM in limits.values() else None, lambda: time.monotonic() > ends_s))
        # The pool ends before the runner: its workers and servers are what the runner's tasks wait for.
        with runner, open_pool(run, order.workers, hears(tally)) as pool, Hands(pool, limits) as hands:
            chains = _submit(run, runner, hands)
            _take(chains, tally, live, writing, ends_s)


Chains = list[list[PrefectFuture[Any]]]


def _submit(run: Run, runner: "ThreadPoolTaskRunner[Any]", hands: Hands) -> Chains:
    """Every shard's groups, each behind the one that it builds on."""
    chains: Chains = []
    for job in run.jobs:
        chain: list[PrefectFuture[Any]] = []
        for group in GROUPS:
            parameters = {"job": job, "group": group, "hand": hands, "before": chain[-1] if chain else None}
            chain.append(runner.submit(run_group, parameters, wait_for=chain[-1:]))
        chains.append(chain)
    return chains


def _take(chains: Chains, tally: Tally, live: Live, writing: ExitStack, ends_s: float) -> None:
    """Takes the outcomes as shards end. The slot for writing is given back as soon as all is written."""
    ended: SimpleQueue[tuple[int, bool]] = SimpleQueue()
    n_unwritten = n_left = len(chains)
    for i, chain in enumerate(chains):
        chain[0].add_done_callback(lambda _, i=i: ended.put((i, False)))  # type: ignore[misc]
        chain[-1].add_done_callback(lambda _, i=i: ended.put((i, True)))  # type: ignore[misc]
    while n_left:
        if time.monotonic() > ends_s:
            raise EngineError("the time limit is over. What was done is kept: the next run goes on from there.")
        try:
            i, whole = ended.get(timeout=TICK_S)
        except Empty:
            live.show(tally)
            continue
        if whole:
            tally.take([future.result() for future in chains[i]])
            n_left -= 1
        else:
            n_unwritten -= 1
            if not n_unwritten:
                writing.close()
        live.show(tally, last=not n_left)
