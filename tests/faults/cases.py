"""The faults, by name, with what each is called in the table."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults import disks, engines, files, others, signals
from tests.faults.bench import Bench, Outcome, engines_found
from tests.faults.bench_inline import Inline

CASES: Mapping[str, tuple[str, Callable[[Bench], Outcome]]] = {
    "sigkill": ("SIGKILL at random moments", signals.killed),
    "killed-writing": ("SIGKILL at each kind of write", disks.killed_at_every_write),
    "sigterm": ("SIGTERM at random moments", signals.terminated),
    "sigint": ("Ctrl-C at random moments", signals.interrupted),
    "full-disk": ("the disk is full from a write on", disks.full_at_every_write),
    "bad-disk": ("the disk gives EIO from a write on", disks.failing_at_every_write),
    "small-disk": ("a file system that is too small, and grows", disks.small_disk),
    "read-only": ("a read-only output", disks.read_only),
    "artefacts": ("a damaged file in every kind of artefact", files.artefacts),
    "published": ("a damaged file of every published kind", files.published),
    "foreign": ("foreign files in the output", files.foreign),
    "worker-deaths": ("a worker that segfaults or ends", engines.worker_deaths),
    "hangs": ("a worker that hangs", engines.hangs),
    "leak": ("a worker that leaks", engines.leak),
    "strange-answers": ("an engine that answers NaN, other shapes, too few, too many", engines.strange_answers),
    "exceptions": ("an exception of a library's own", engines.exceptions),
    "servers": ("an LLM server that is down, and up again", others.servers),
    "clock": ("a clock that is set back", others.clock_set_back),
    "two-builders": ("two builders at once", others.two_builders),
    "rejects": ("10,000 rejects in a row", engines.rejected_in_a_row),
    "reject-shard": ("a shard of nothing but rejects", engines.full_reject_shard),
}

RUNNERS: Mapping[str, Mapping[str, Callable[[Bench], Outcome]]] = {
    "prefect": {
        "sigkill": partial(signals.killed, times=100), "sigterm": partial(signals.terminated, times=4),
        "sigint": partial(signals.interrupted, times=4), "worker-deaths": engines.worker_deaths,
    },
    "ray": {"sigkill": partial(signals.killed, times=100), "sigterm": partial(signals.terminated, times=4)},
}  # fmt: skip
"""What is tried under another runner, and how often: the rest is the same code in the same workers."""


REPEATED = frozenset(
    {"sigkill", "sigterm", "sigint", "killed-writing", "full-disk", "bad-disk", "artefacts", "published"}
)
"""Faults that are tried at so many moments or places as are asked for."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    title: str
    runner: str
    outcome: Outcome
    took_s: float

    @property
    def cells(self) -> tuple[str, ...]:
        n_wrong = len(self.outcome.wrong)
        state = "left out" if not self.outcome.tried else "survived" if not n_wrong else f"**{n_wrong} wrong**"
        return self.title, self.runner, f"{self.outcome.tried:,}", state, self.outcome.note


@contextmanager
def bench(folder: Path, runner: str = "local", good: Path | None = None) -> Iterator[Bench]:
    """A bench with its undisturbed build (made in `good` where that has none), and for Prefect a server of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with _environment(folder, runner) as environment:
        whole = (good or folder / "good").absolute() / "out"
        if not (whole / "report" / "index.html").exists():
            whole.parent.mkdir(parents=True, exist_ok=True)
            with Inline(Bench(whole.parent, whole)) as inline:
                made = inline.build()
            assert made.code == 0, made.said
        yield Bench(folder, whole, runner, environment)


def tried(name: str, the: Bench, run: Callable[[Bench], Outcome]) -> Row:
    """One fault on an empty folder; an error of the bench's own counts as wrong."""
    folder = the.folder / f"{the.runner}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    began_s = time.monotonic()
    try:
        outcome = run(Bench(folder, the.good, the.runner, the.environment))
    except Exception as error:
        outcome = Outcome(1, [f"the bench itself: {type(error).__name__}: {error}"])
    shutil.rmtree(folder, ignore_errors=True)
    return Row(CASES[name][0], the.runner, outcome, time.monotonic() - began_s)


def table(rows: Sequence[Row]) -> str:
    """The table in Markdown, with what was wrong below it."""
    lines = ["| fault | runner | tried | | how |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row.cells) + " |" for row in rows]
    wrong = [f"- {row.title} ({row.runner}): {line}" for row in rows for line in row.outcome.wrong]
    return "\n".join([*lines, *([""] if wrong else []), *wrong]) + "\n"


@contextmanager
def _environment(folder: Path, runner: str) -> Iterator[dict[str, str]]:
    """What a build of this runner finds in its environment: a Prefect server, a Ray cluster."""
    around = {"prefect": _served, "ray": _clustered}.get(runner)
    if around is None:
        yield {}
    else:
        with around(folder) as variables:
            yield variables


@contextmanager
def _clustered(folder: Path) -> Iterator[dict[str, str]]:
    from ray.cluster_utils import Cluster

    # As nice as Ray makes its workers, they stand still where anybody else is busy.
    variables = {**engines_found(), "FAULT_FATE": str(folder / "fate.json"), "RAY_worker_niceness": "0"}
    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=2, env_vars=variables)
        yield {"RAY_ADDRESS": cluster.address}
    finally:
        cluster.shutdown()


@contextmanager
def _served(folder: Path) -> Iterator[dict[str, str]]:
    from tests.faults.others import _free_port

    port = _free_port()
    variables = {
        "PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }  # fmt: skip
    command = [
        sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui",
    ]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/api"
    try:
        ends = time.monotonic() + 180
        while not _answers(f"{url}/health"):
            assert server.poll() is None, "the Prefect server ended"
            assert time.monotonic() < ends, "the Prefect server did not start"
            time.sleep(0.3)
        yield {**variables, "PREFECT_API_URL": url}
    finally:
        server.terminate()
        server.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
