"""Builds in one process each, forked from this one when all is loaded: a tenth of a command's time, for what is tried by the hundred.

A line of JSON a build comes in, `{"arguments", "said", "at", "errno"}`, and its exit code goes out. With `at`, the disk under `FAULT_ROOT`
gives `errno` from the at-th operation on, by the layer of failing_disk.c that this process was started with.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pyroomacoustics  # noqa: F401 - slow to load, and loaded where a scene first needs it

from datagen import cli
from datagen.cli import app, build, look  # noqa: F401
from datagen.report import page  # noqa: F401
from datagen.run import local
from datagen.run.job import GROUPS, Job, Outcome, build_of, ledger_of, run_group
from datagen.run.meter import Progress
from datagen.run.request import Run
from datagen.run.writing import writing_of


class Here:
    """Shards carried out by this process, as they are asked for."""

    def __init__(self, run: Run, workers: int, on_progress: Callable[[Progress], None]) -> None:
        self._report = on_progress
        self._writing = writing_of(run)
        if self._writing is not None:
            self._writing.start(on_progress)

    def shard(self, job: Job) -> "Future[list[Outcome]]":
        done: Future[list[Outcome]] = Future()
        try:
            first = [self._writing.shard(job.shard.name).result()] if self._writing else []
            done.set_result(first + [run_group(job, group, self._report) for group in GROUPS[len(first) :]])
        except BaseException as error:
            done.set_exception(error)
        return done

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._writing is not None:
            self._writing.close(at_once=kind is not None)


def forked(request: dict[str, Any]) -> int:
    """The exit code of one build in a process of its own; -1 for a death."""
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code if code >= 0 else -1
    said = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if "at" in request:
        ctypes.CDLL(None).fault_arm(request["at"], request["errno"])
    code = 99
    try:
        code = cli.run(request["arguments"])
        sys.stdout.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    local.open_pool = Here  # type: ignore[assignment,misc]
    assert (
        build_of.cache_info().currsize == ledger_of.cache_info().currsize == 0
    )  # each build begins with nothing known
    for line in sys.stdin:
        print(forked(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
