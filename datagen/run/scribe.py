"""One dialogue with a remote writer: described, written, gated, made spontaneous, scored by a judge, tried again, decided."""

import asyncio
from dataclasses import replace

from datagen.build import Build
from datagen.protocols import Failure, Judge, WriteRequest
from datagen.records.enums import Stage
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.run.at_hand import remote_writer
from datagen.run.decided import Decided, judged
from datagen.run.descriptions import Descriptions
from datagen.run.gate_counts import GateCounts
from datagen.run.meter import Meter
from datagen.run.tally import EARLY_SIGMAS
from datagen.stages.write.options import WriteOptions
from datagen.store.ids import seed_of
from datagen.store.ledger import Ledger

AHEAD = 2
"""Dialogues that ask or are about to, for each that the servers get at once."""
BEHIND = 3
"""Dialogues in hand, for each that may ask: those beyond wait for a gate, or for a judge that is slower than the writer."""


class Scribe:
    """Decides dialogues, any number of them at a time. Raises EngineError where no server can answer, DataError where a reason
    fails more attempts than it may."""

    def __init__(self, build: Build, ledger: Ledger, gates: GateCounts, meter: Meter) -> None:
        self._build = build
        self._writer = remote_writer(build)
        self._judge: Judge | None = build.engine("judge") if "judge" in build.kinds else None
        self._descriptions = Descriptions(build, ledger, self._writer)
        self._gates = gates
        self._meter = meter
        self._options: WriteOptions = build.options(WriteOptions)
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()
        self._asking = self._in_hand = 0

    async def enter(self) -> None:
        """Waits until another dialogue is needed in hand: twice as many ask, or are about to, as the servers get at once, so that these
        never wait for the next. Those that have their answer and wait for a gate or the judge do not count, up to a limit."""
        while self._full():
            self._room.clear()
            await self._room.wait()
        self._asking += 1
        self._in_hand += 1

    def _full(self) -> bool:
        window = AHEAD * max(1, self._writer.at_once)
        return self._asking >= window or self._in_hand >= BEHIND * window

    async def decide(self, plan: DialogPlan) -> Decided:
        """The transcript of a dialogue that has entered, or why each of its attempts failed."""
        try:
            try:
                description = await self._descriptions.of(plan)
            finally:
                self._asking -= 1
            return await self._decided(plan, description)
        finally:
            self._in_hand -= 1
            self._room.set()

    async def _decided(self, plan: DialogPlan, description: str | Failure) -> Decided:
        if isinstance(description, Failure):
            if not self._options.undescribed:
                failure = Failure("description", f"{plan.dialog_id}: no description: {description.detail}")
                self._count(failure)
                return Decided(plan.dialog_id, None, (failure,))
            description = ""
        failures: list[Failure] = []
        for attempt in range(self._build.recipe.run.attempts):
            request = WriteRequest(plan, seed_of(plan.seed, "write", attempt), attempt, description)
            result = await self._attempt(request)
            self._count(result)
            if isinstance(result, Transcript):
                return Decided(plan.dialog_id, result, tuple(failures))
            failures.append(result)
        return Decided(plan.dialog_id, None, tuple(failures))

    async def _asked(self, request: WriteRequest) -> Transcript | Failure:
        self._asking += 1
        try:
            return await self._writer.write_one(request)
        finally:
            self._asking -= 1
            self._room.set()

    async def _attempt(self, request: WriteRequest) -> Transcript | Failure:
        answer = await self._asked(request)
        if isinstance(answer, Failure):
            return answer
        try:
            # One gate at a time, and whatever is ready to be sent goes out before it: the servers come first.
            async with self._turn:
                await asyncio.sleep(0)
                result = self._gated(request, answer)
        except asyncio.CancelledError:
            # What a server has been paid for is not thrown away where it is as good as kept.
            if self._judge is None and isinstance(late := self._gated(request, answer), Transcript):
                return late
            raise
        if isinstance(result, Failure) or self._judge is None:
            return result
        return await self._scored(self._judge, request, result)

    def _gated(self, request: WriteRequest, answer: Transcript) -> Transcript | Failure:
        with self._meter.time(Stage.WRITE):
            return judged(self._build, request, answer)

    async def _scored(self, judge: Judge, request: WriteRequest, transcript: Transcript) -> Transcript | Failure:
        """The transcript with its scores, or the rubric that it falls short of; a judge that cannot be read is asked again."""
        answer: object = None
        for attempt in range(self._build.recipe.run.attempts):
            answer = await judge.judge_one(request.plan, transcript, seed_of(request.seed, "judge", attempt))
            if not isinstance(answer, Failure):
                scores = dict(answer)
                return self._too_low(scores, request.plan.dialog_id) or replace(transcript, scores=scores)
        assert isinstance(answer, Failure)
        return Failure("judge_failed", f"{request.plan.dialog_id}: {answer.reason}: {answer.detail}")

    def _too_low(self, scores: dict[str, float], dialog_id: str) -> Failure | None:
        for rubric, least in self._options.judge.min_scores.items():
            if scores[rubric] < least:
                detail = f"{dialog_id}: the judge gives {scores[rubric]:g} for {rubric}, at least {least:g} is needed."
                return Failure(f"judge_{rubric}", detail)
        return None

    def _count(self, result: Transcript | Failure) -> None:
        failed = {} if isinstance(result, Transcript) else {result.reason: 1}
        self._gates.add(1, failed, {} if isinstance(result, Transcript) else {result.reason: result.detail})
        if failed:
            self._gates.check(EARLY_SIGMAS)

    async def close(self) -> None:
        """Ends what is under way, the connections and the servers."""
        await self._descriptions.close()
        try:
            await self._writer.close()
        finally:
            if self._judge is not None:
                await self._judge.close()
