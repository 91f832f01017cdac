"""The judge `openai`: a language model behind chat servers that scores dialogues by rubrics, or says which of two is better."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from datagen.config import Options
from datagen.engines.judges.options import JudgeOptions
from datagen.engines.judges.prompts import HIGHEST, LOWEST, Judged, JudgePrompts, judged
from datagen.engines.llm.chat import ChatFailure, ChatRequest
from datagen.engines.llm.client import Client
from datagen.engines.llm.families import family_of
from datagen.errors import DatagenError, EngineError, UserError
from datagen.protocols import Failure
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.store.ids import digest


class Better(StrEnum):
    """What a comparison says."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"


class LlmJudge:
    """Scores from the servers of `urls`. A Judge (datagen/protocols.py)."""

    kind: ClassVar[str] = "judge"
    name: ClassVar[str] = "openai"
    Options: ClassVar[type[Options]] = JudgeOptions

    def __init__(self, options: JudgeOptions) -> None:
        self.options = options
        self.prompts = JudgePrompts(options.domain_folders, options.rubrics)
        self._family = family_of(options.model)
        self._client: Client | None = None

    @property
    def maker(self) -> Maker:
        """Who judges. The options' digest holds the prompts' too: another wording is another judge."""
        options = digest(self.options.output_options(), self.prompts.digest)
        return Maker(
            self.name,
            self.options.model,
            self.options.revision or "unpinned",
            "see the model's card",
            options,
            deterministic=False,
        )

    @property
    def rubrics(self) -> tuple[str, ...]:
        """What it scores."""
        return tuple(self.prompts.rubrics)

    async def judge_one(self, plan: DialogPlan, transcript: Transcript, seed: int) -> Mapping[str, float] | Failure:
        """A score a rubric, 1 to 5; a Failure where the reply could not be had or read."""
        reply = await self._ask(self.prompts.score(judged(transcript)), self.prompts.score_schema(), seed)
        return reply if isinstance(reply, Failure) else self._scores(reply, plan.dialog_id)

    async def compare_one(self, first: Judged, second: Judged, seed: int) -> Better | Failure:
        """Which of two dialogues is better, in this order; a Failure likewise."""
        reply = await self._ask(self.prompts.compare(first, second), self.prompts.compare_schema(), seed)
        if isinstance(reply, Failure):
            return reply
        better = str(reply.get("better"))
        return (
            Better(better)
            if better in list(Better)
            else Failure("judge_unread", f"the judge says better = {better!r}.")
        )

    def preflight(self) -> list[DatagenError]:
        """What stands against judging: prompts, servers, the model's name."""
        try:
            self.prompts.check()
            return [EngineError(line) for line in asyncio.run(self._server_problems())]
        except (EngineError, UserError) as error:
            return [error]

    async def close(self) -> None:
        """Ends connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _connected(self) -> Client:
        if self._client is None:
            self._client = Client(self.options, self.options.urls, self.options.model)
        return self._client

    async def _server_problems(self) -> list[str]:
        client = Client(self.options, self.options.urls, self.options.model)
        try:
            return [line for url in self.options.urls for line in await self._at(client, url)]
        finally:
            await client.close()

    async def _at(self, client: Client, url: str) -> list[str]:
        try:
            names = [m.id for m in await client.models(url)]
        except EngineError as error:
            return [str(error)]
        there = ", ".join(names[:8]) or "none"
        model = self.options.model
        return [] if model in names else [f"{url} has no model {model!r}. It has: {there}. Set judge.model."]

    async def _ask(
        self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seed: int
    ) -> dict[str, Any] | Failure:
        """The reply's object, held to the schema: a judgement is short, so a grammar costs little."""
        options = self.options
        thinks = self._family.thinks(options.thinking, guided=True)
        sent, extra = self._family.request(messages, options.thinking, options.reasoning_effort, schema)
        tokens = options.max_tokens + (options.thinking_tokens if thinks else 0)
        sampling = {"temperature": options.temperature, "max_tokens": tokens}
        got = await self._connected().chat(ChatRequest(sent, sampling, seed % 2**31, schema, extra))
        if isinstance(got, ChatFailure):
            return Failure(f"judge_{got.reason}", got.detail)
        text, problem = self._family.clean(got, thinks)
        if problem is not None:
            return Failure(f"judge_{problem.reason}", problem.detail)
        try:
            found = json.loads(text[text.index("{") : text.rindex("}") + 1], strict=False)
        except (ValueError, RecursionError):  # a model that repeats "[" nests without end
            found = None
        return (
            found
            if isinstance(found, dict)
            else Failure("judge_unread", f"the judge's reply is no JSON object: {text[:80]!r}.")
        )

    def _scores(self, reply: Mapping[str, Any], dialog_id: str) -> dict[str, float] | Failure:
        given = reply.get("scores")
        scores = given if isinstance(given, dict) else {}
        for name in self.prompts.rubrics:
            score = scores.get(name)
            if not isinstance(score, int | float) or isinstance(score, bool) or not LOWEST <= score <= HIGHEST:
                return Failure(
                    "judge_unread", f"{dialog_id}: the judge's score of {name} is {score!r}, not {LOWEST} to {HIGHEST}."
                )
        return {name: float(scores[name]) for name in self.prompts.rubrics}
