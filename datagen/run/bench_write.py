"""Measuring the write stage with servers: its own code against a mock server at a real one's pace, beside fixed batches of 64.

Plan, prompt, client, reader, gates, signature and artefact are the build's own; the server is a process of its own
(datagen/run/mock_llm.py). The rival does the same to each dialogue in an asyncio loop as many pipelines have it: 64 requests, a
barrier, the next 64.
"""

import asyncio
import http.client
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datagen.build import Build
from datagen.config import EngineChoice, Recipe
from datagen.protocols import WriteRequest
from datagen.records.codec import to_json
from datagen.records.transcript import Transcript
from datagen.run import bench_replies, mock_llm
from datagen.run.batches import batches
from datagen.run.decided import judged
from datagen.run.preflight import check_writer
from datagen.run.request import Run, prepare
from datagen.run.writing import Writing
from datagen.store.ids import seed_of

RIVAL_BATCH = 64
SLOTS = 128
"""The mock server's batch; with the pace below it gives about 100 replies of 500 tokens a second."""
STEP_S, ROW_S = 0.002, 0.000004
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Side:
    """One way of writing, measured. `starved_share` is how much of the time, while dialogues were left to be sent, the server had a free
    slot and nothing waiting; `starved_at_pace` the same from the first moment on at which it had all it can take."""

    name: str
    requests: int
    kept: int
    wall_s: float
    cpu_s: float
    starved_share: float
    starved_at_pace: float

    @property
    def per_s(self) -> float:
        return self.requests / self.wall_s

    @property
    def per_core_s(self) -> float:
        """Requests a second of this process's CPU time."""
        return self.requests / self.cpu_s


@dataclass(frozen=True, slots=True)
class Measured:
    """The build's own writing without any pace, alone and with a judge, and at a server's pace, and the rival at the same one."""

    dialogs: int
    sides: tuple[Side, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "dialogs": self.dialogs,
            "sides": [{**asdict(s), "per_s": s.per_s, "per_core_s": s.per_core_s} for s in self.sides],
        }


def measure_write(recipe: Recipe) -> Measured:
    """Writes the recipe's dialogues four times; replies are prepared and engines loaded before the clock starts."""
    paced = ("--slots", str(SLOTS), "--step-s", str(STEP_S), "--row-s", str(ROW_S))
    with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        first = _run(recipe, "http://127.0.0.1:1/v1", Path(folder) / "plan")
        bench_replies.prepare(first.build, range(first.n_dialogs), Path(folder) / "replies.json")
        os.environ[bench_replies.VARIABLE] = str(Path(folder) / "replies.json")
        try:
            sides = (
                _side("datagen, a server without pace", recipe, Path(folder) / "fast", _ours, ()),
                _side("… with a judge of each dialogue", recipe, Path(folder) / "judged", _ours, (), with_judge=True),
                _side("datagen", recipe, Path(folder) / "ours", _ours, paced),
                _side(f"batches of {RIVAL_BATCH} with a barrier", recipe, Path(folder) / "rival", _rival, paced),
            )
        finally:
            del os.environ[bench_replies.VARIABLE]
    return Measured(first.n_dialogs, sides)


def _run(recipe: Recipe, url: str, out: Path, with_judge: bool = False, **more: Any) -> Run:
    given = {
        **(recipe.writer.options() if recipe.writer.engine == "openai" else {}),
        "urls": [url],
        "model": "mock",
        "descriptions": 0,
    }
    engines = {"writer": EngineChoice(engine="openai", **given, **more)}
    if with_judge:
        engines["judge"] = EngineChoice(engine="openai", **{k: given[k] for k in ("urls", "model")})
    return prepare(recipe.model_copy(update=engines), out)


def _side(
    name: str, recipe: Recipe, out: Path, way: Callable[[Run], int], pace: Sequence[str], with_judge: bool = False
) -> Side:
    with mock_llm.running("--answer", "datagen.run.bench_replies:answer", *pace) as url:
        batch = {"start_concurrency": RIVAL_BATCH, "max_concurrency": RIVAL_BATCH} if way is _rival else {}
        run = _run(recipe, url, out, with_judge, **batch)
        run.work.mkdir(parents=True)
        check_writer(run)  # as a build does first; it loads the templates too
        with _watched(url) as watch:
            cpu_s, wall_s = time.process_time(), time.monotonic()
            kept = way(run)
            cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
        n = watch.read()["n_requests"]
        starved, at_pace = watch.starved(run.n_dialogs)
    return Side(name, int(n), kept, round(wall_s, 2), round(cpu_s, 2), starved, at_pace)


def _ours(run: Run) -> int:
    """The build's own writing, to its end; how many dialogues it keeps."""
    writing = Writing(run.build, run.jobs)
    writing.start(lambda _: None)
    futures = [writing.shard(job.shard.name) for job in run.jobs]
    wait(futures)
    writing.close(at_once=False)
    return sum(future.result().n_kept for future in futures)


def _rival(run: Run) -> int:
    """Fixed batches with a barrier between them, each dialogue gated and stored as it is in a build."""
    return asyncio.run(_in_batches(run.build, run.n_dialogs, run.work / "dialogs.jsonl"))


async def _in_batches(build: Build, n_dialogs: int, path: Path) -> int:
    writer, kept = build.engine("writer"), 0
    with path.open("wb") as file:
        for indices in batches(range(n_dialogs), RIVAL_BATCH):
            plans = [build.planner.plan(i) for i in indices]
            requests = [WriteRequest(p, seed_of(p.seed, "write", 0)) for p in plans]
            answers = await asyncio.gather(*(writer.write_one(r) for r in requests))
            made = [judged(build, r, a) for r, a in zip(requests, answers, strict=True)]
            found = [t for t in made if isinstance(t, Transcript)]
            file.writelines(to_json(t) + b"\n" for t in found)
            kept += len(found)
    await writer.close()
    return kept


class _Watch:
    """Readings of the mock server's statistics while something is measured."""

    def __init__(self, url: str) -> None:
        self._address = url.split("/")[2]
        self._readings: list[dict[str, float]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def read(self) -> dict[str, float]:
        connection = http.client.HTTPConnection(self._address, timeout=10)
        try:
            connection.request("GET", "/stats")
            found: dict[str, float] = json.load(connection.getresponse())
        finally:
            connection.close()
        return found

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(POLL_S):
            self._readings.append(self.read())

    def starved(self, n_dialogs: int) -> tuple[float, float]:
        """The share of starved time while there were dialogues that had not been sent: from the start, and once it was at its pace."""
        left = [r for r in self._readings if r["since_s"] > 0 and r["n_requests"] < n_dialogs]
        full = [r for r in left if r["waiting"] > 0]
        whole = left[-1]["starved_s"] / left[-1]["since_s"] if left else 0.0
        if not full or full[0] is left[-1]:
            return whole, whole
        took_s = left[-1]["since_s"] - full[0]["since_s"]
        return whole, (left[-1]["starved_s"] - full[0]["starved_s"]) / took_s


@contextmanager
def _watched(url: str) -> Iterator[_Watch]:
    watch = _Watch(url)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
