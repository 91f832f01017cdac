"""The local runner: shards over worker processes of this machine, then publishing."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue

from datagen import __version__
from datagen.errors import DataError
from datagen.records.build import BuildSummary
from datagen.run.deliver import summary_in, under_way
from datagen.run.job import Outcome
from datagen.run.meter import Progress, Report
from datagen.run.pool import SIGNAL_CHECK_S, result_of
from datagen.run.preflight import check_writer
from datagen.run.publish import publish, tidy
from datagen.run.request import Run
from datagen.run.spread import open_pool
from datagen.run.tally import Tally, tally_of
from datagen.run.timing import hold
from datagen.stages.stitch.options import StitchOptions
from datagen.store.files import remove_temporary
from datagen.store.lock import only_builder


def run_build(run: Run, workers: int, on_progress: Report) -> BuildSummary:
    """Carries the run out and publishes it; a published one is left as it is.

    Raises UserError where another build holds the folder, EngineError where an engine or a worker died, DataError
    where a stage rejects too much or nothing is kept.
    """
    with only_builder(run.work):
        run = replace(run)  # what was published is read again, now that nobody else writes
        sweep(run)
        done = already_published(run)
        if done:
            return done
        check_writer(run)
        tally = tally_of(run.build)
        report = _both(tally.progress, on_progress)
        for outcomes in _outcomes(run, workers, report):
            tally.take(outcomes)
        return finish(run, tally, report)


def sweep(run: Run) -> None:
    """Removes what killed runs left half-written. Only for the holder of the run's lock."""
    remove_temporary(run.out)
    remove_temporary(run.work)  # which `run.work_dir` may have put elsewhere


def already_published(run: Run) -> BuildSummary | None:
    """The published build if it is the one asked for and its files are there in their sizes: then there is nothing to do.

    DataError where its timing misses its target by more than `stitch.gate` now allows; it stays as it is.
    """
    found = summary_in(run.place)
    if found is None:
        return None
    same = found.content_id == run.build.content_id(run.keep_audio) and found.counts.total.planned == run.n_dialogs
    if not same or found.datagen_version != __version__ or under_way(run.place, found):
        return None
    there = run.place.names()
    if any(there.get(name) != entry.bytes for name, entry in found.files.items()):
        return None
    hold(found.timing, found.timing_target, run.build.options(StitchOptions))
    return found


def finish(run: Run, tally: Tally, report: Report) -> BuildSummary:
    """Publishes what the shards made, unless nothing was kept or a stage rejected more than it may.

    `report` hears of what publishing had to make anew.
    """
    tally.check()
    outcomes = tally.outcomes
    if not any(o.n_kept for o in outcomes if o.group == "render"):
        reject = next((r for o in outcomes for r in o.rejects), None)
        raise DataError(
            f"all {run.n_dialogs} dialogues were rejected, e.g. {reject.detail if reject else 'none was planned.'}"
        )
    result = publish(run, outcomes, report)
    tidy(run, outcomes)
    return result


def _outcomes(run: Run, workers: int, on_progress: Report) -> Iterator[list[Outcome]]:
    """Each shard's outcomes as it ends; leaving early ends the workers."""
    jobs = run.jobs
    with open_pool(run, workers, on_progress) as pool:
        ended: SimpleQueue[tuple[Future[list[Outcome]], str]] = SimpleQueue()
        for job in jobs:
            pool.shard(job).add_done_callback(partial(_put, ended, job.shard.name))
        for _ in jobs:
            yield result_of(*_next(ended))


def _put(ended: "SimpleQueue[tuple[Future[list[Outcome]], str]]", name: str, future: "Future[list[Outcome]]") -> None:
    ended.put((future, name))


def _next(ended: "SimpleQueue[tuple[Future[list[Outcome]], str]]") -> "tuple[Future[list[Outcome]], str]":
    while True:
        # Not without end: a signal that another thread takes would be seen only when a shard is done.
        with contextlib.suppress(Empty):
            return ended.get(timeout=SIGNAL_CHECK_S)


def _both(first: Report, second: Report) -> Report:
    def call(step: Progress) -> None:
        first(step)
        second(step)

    return call
