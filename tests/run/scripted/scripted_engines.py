"""A remote writer and a judge that wait, fail, die and answer out of order as their options say: what drives the runner in tests.

What they write is the agenda writer's. Every call is a line of a log, so that a test sees what was asked for.
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from datagen.config import Options, knob
from datagen.engines.writers.agenda import AgendaWriter
from datagen.errors import DatagenError, EngineError
from datagen.protocols import DescribeRequest, Failure, WriteRequest
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.reply import ReplyRecord
from datagen.records.transcript import Transcript
from datagen.store.ids import unit_hash


class WriterOptions(Options):
    log: str = knob("", "file of all calls", changes_output=False)
    delay_s: float = knob(
        0.0, "mean time of a reply; those of a build differ, so that they come out of order", changes_output=False
    )
    at_once: int = knob(4, "requests at once", changes_output=False)
    bad_share: float = knob(0.0, "share of first attempts that fail")
    bad_always: float = knob(0.0, "share of dialogues that fail in every attempt")
    die_after: int = knob(0, "calls after which all servers are gone; 0 = never", changes_output=False)
    descriptions: int = knob(0, "variants of a scenario's description")
    bad_descriptions: int = knob(0, "how many times a description is asked for in vain", changes_output=False)
    keep_replies: bool = knob(False, "hand replies on", changes_output=False)
    obstacles: tuple[str, ...] = knob((), "what preflight says", changes_output=False)


class Logged:
    """Appends a line a call to the file that the options name."""

    _log: str

    def log(self, what: str, id_: str, **more: object) -> None:
        if self._log:
            with Path(self._log).open("a") as file:
                file.write(json.dumps({"what": what, "id": id_, "pid": os.getpid(), **more}) + "\n")


class ScriptedWriter(Logged):
    kind: ClassVar[str] = "writer"
    name: ClassVar[str] = "scripted"
    Options: ClassVar[type[WriterOptions]] = WriterOptions

    def __init__(self, options: WriterOptions) -> None:
        self.options = options
        self._agenda = AgendaWriter(AgendaWriter.Options())
        self._log = options.log
        self._calls = 0
        self._under_way = 0
        self._slots: asyncio.Semaphore | None = None
        self._sink: Callable[[ReplyRecord], None] | None = None
        self._vain: dict[str, int] = {}

    @property
    def maker(self) -> Maker:
        return Maker("scripted", "scripted", "1", "Apache-2.0", str(self.options.output_options()), deterministic=False)

    @property
    def at_once(self) -> int:
        return self.options.at_once

    def keep_replies(self, sink: Callable[[ReplyRecord], None]) -> None:
        self._sink = sink

    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        raise AssertionError("a remote writer is asked for one at a time")

    async def write_one(self, request: WriteRequest) -> Transcript | Failure:
        id_ = request.plan.dialog_id
        self._slots = self._slots or asyncio.Semaphore(self.options.at_once)
        async with self._slots:
            self._calls += 1
            if self.options.die_after and self._calls > self.options.die_after:
                raise EngineError("no server answers: http://one/v1, http://two/v1. Start one of them.")
            self.log("write", id_, attempt=request.attempt, description=request.description)
            await asyncio.sleep(self.options.delay_s * 2 * unit_hash("delay", id_, request.attempt))
        if self._sink:
            self._sink(
                ReplyRecord(id_, "write", request.attempt, request.seed, False, "tiny", "0" * 64, f"raw of {id_}")
            )
        bad = unit_hash("bad", id_) < self.options.bad_share and request.attempt == 0
        if bad or unit_hash("always", id_) < self.options.bad_always:
            return Failure("not_json", f"{id_}: the reply is no JSON.")
        return self._agenda.write([request])[0]

    async def describe_one(self, request: DescribeRequest) -> str | Failure:
        id_ = request.plan.dialog_id
        self.log("describe", id_)
        await asyncio.sleep(self.options.delay_s)
        self._vain[id_] = self._vain.get(id_, 0) + 1
        if self._vain[id_] <= self.options.bad_descriptions:
            return Failure("not_json", "the reply is empty.")
        return f"What {request.plan.scenario} is about, variant {request.variant}."

    def preflight(self, requests: Sequence[WriteRequest]) -> list[DatagenError]:
        self.log("preflight", "", scenarios=sorted(r.plan.scenario for r in requests))
        return [EngineError(line) for line in self.options.obstacles]

    async def close(self) -> None:
        await asyncio.sleep(0.05)
        self.log("close", "")


class JudgeOptions(Options):
    log: str = knob("", "file of all calls", changes_output=False)
    delay_s: float = knob(0.0, "time of a score", changes_output=False)
    low_share: float = knob(0.0, "share of dialogues whose first attempt is bad in `natural`")
    unread: bool = knob(False, "no reply can be read")


class ScriptedJudge(Logged):
    kind: ClassVar[str] = "judge"
    name: ClassVar[str] = "scripted"
    Options: ClassVar[type[JudgeOptions]] = JudgeOptions

    def __init__(self, options: JudgeOptions) -> None:
        self.options = options
        self._log = options.log

    @property
    def maker(self) -> Maker:
        return Maker(
            "scripted", "scripted-judge", "1", "Apache-2.0", str(self.options.output_options()), deterministic=False
        )

    rubrics = ("natural", "faithful")

    async def judge_one(self, plan: DialogPlan, transcript: Transcript, seed: int) -> Mapping[str, float] | Failure:
        self.log("judge", plan.dialog_id)
        await asyncio.sleep(self.options.delay_s)
        if self.options.unread:
            return Failure("not_json", "the reply is no JSON.")
        low = unit_hash("low", plan.dialog_id, seed) < self.options.low_share
        return {"natural": 2.0 if low else 5.0, "faithful": 4.0}

    def preflight(self) -> list[DatagenError]:
        return []

    async def close(self) -> None:
        self.log("close judge", "")
