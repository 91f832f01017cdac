"""The writers `vllm` and `openai`: a plan is asked for in words, and what comes back is read, or fails with a reason."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from datagen.config import Options
from datagen.engines.llm import preflight
from datagen.engines.llm.chat import ChatReply
from datagen.engines.llm.client import Client
from datagen.engines.llm.model_identity import identity
from datagen.engines.writers.llm import calls, context, describe, reader, reply_schema, transcript
from datagen.engines.writers.llm.asking import Answer, Asking, Question
from datagen.engines.writers.llm.brief import Brief
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.prompts import Messages, Prompts, digest_of
from datagen.engines.writers.llm.templates import templates
from datagen.errors import DatagenError, EngineError, UserError
from datagen.protocols import DescribeRequest, Failure, WriteRequest
from datagen.records.enums import Kind
from datagen.records.maker import Maker
from datagen.records.reply import ReplyRecord
from datagen.records.transcript import Generation, Transcript
from datagen.store.ids import digest, seed_of


class LanguageModelWriter:
    """What both writers are, but for where their servers come from. A RemoteWriter (datagen/protocols.py)."""

    kind: ClassVar[str] = "writer"
    name: ClassVar[str]
    Options: ClassVar[type[Options]]
    bounded: ClassVar[bool] = False
    """Whether its servers take a longest length of texts in a schema."""

    def __init__(self, options: WriterOptions) -> None:
        self.options = options
        self.model = self._served(options.model)
        self._templates = templates(options.domain_folders)
        self._prompts = Prompts(self._templates, context.listens(options))
        self._asking = Asking(options)
        self._client: Client | None = None
        self._opening: asyncio.Lock | None = None
        # The model by what it is, not by the folder that it lies in: the same weights elsewhere write the same rows.
        self._revision, note = identity(options.model, options.revision)
        digested = digest({**options.output_options(), "model": self.model}, self._templates.digest)
        self._maker = Maker(
            self.name, self.model, self._revision, options.licence, digested, deterministic=False, note=note
        )

    @property
    def maker(self) -> Maker:
        """Who writes. The options' digest holds the templates' too: another prompt is another writer."""
        return self._maker

    @property
    def at_once(self) -> int:
        """How many requests it would have under way now: as the client finds the servers, and before that what they begin with."""
        if self._client is not None:
            return self._client.at_once
        return max(1, len(self.options.urls)) * self.options.start_concurrency

    def keep_replies(self, sink: Callable[[ReplyRecord], None]) -> None:
        """From now on every reply goes to `sink` as it came, where the option `keep_replies` is set."""
        self._asking.sink = sink

    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        """A transcript a plan, or why there is none, in a loop of its own."""

        async def all_of_them() -> list[Transcript | Failure]:
            try:
                return list(await asyncio.gather(*(self.write_one(r) for r in requests)))
            finally:
                await self.close()

        return asyncio.run(all_of_them()) if requests else []

    async def write_one(self, request: WriteRequest) -> Transcript | Failure:
        """A transcript, its signature left empty, or why there is none; EngineError where no server can answer any more."""
        role, asked = "", []
        if self.options.role_context == "written" and request.plan.kind in (Kind.SERVICE, Kind.TOOL):
            written = await self._role_context(request)
            if isinstance(written, Failure):
                return written
            role, first = written
            asked.append(first)
        brief = context.brief_of(request.plan, self.options, self._templates, request.description, role)
        question = self._question(brief, request)
        answer = await self._ask(question)
        if isinstance(answer, Failure):
            return answer
        made = self._read(brief, question, answer, [*asked, (question, answer)])
        self._asking.used(question, answer, made.reason if isinstance(made, Failure) else "")
        return made

    async def describe_one(self, request: DescribeRequest) -> str | Failure:
        """A scenario's description in 15 to 160 words, without a value or a name of any one dialogue."""
        plan = request.plan
        messages = self._prompts.describe(describe.describe_view(request, self.options, self._templates))
        where = f"{plan.domain}/{plan.scenario} variant {request.variant}"
        question = Question(messages, request.seed, None, plan.dialog_id, "describe")
        answer = await self._ask(question)
        if isinstance(answer, Failure):
            return answer
        found = (
            Failure("cut", f"{where}: it breaks off.") if answer.cut else describe.read_description(answer.text, where)
        )
        self._asking.used(question, answer, found.reason if isinstance(found, Failure) else "")
        return found

    async def complete(
        self, messages: Messages, schema: Mapping[str, Any] | None = None, seed: int = 0
    ) -> ChatReply | Failure:
        """The model's reply to any messages, without its reasoning; a Failure where there is none, or it was cut."""
        answer = await self._ask(Question(messages, seed, schema, purpose="complete"))
        if isinstance(answer, Failure):
            return answer
        return (
            Failure("cut", f"the reply breaks off after {self.options.max_tokens} tokens.")
            if answer.cut
            else answer.reply
        )

    def preflight(self, requests: Sequence[WriteRequest]) -> list[DatagenError]:
        """What stands against writing these: templates, domains, servers, the model's name, the context window."""
        problems: list[DatagenError] = []
        longest: Messages = []
        try:
            self._templates.check()
            for request in requests:
                brief = context.brief_of(request.plan, self.options, self._templates, request.description)
                longest = max(longest, self._prompts.dialog(brief), key=_n_chars)
        except UserError as error:
            problems.append(error)
        try:
            lines = self._preflight_servers(longest, self._asking.reply_tokens(guided=False))
        except UserError as error:
            return [*problems, error]
        return [*problems, *map(EngineError, lines)]

    async def close(self) -> None:
        """Ends connections and the servers that it started."""
        client, self._client, self._opening = self._client, None, None
        if client is not None:
            await client.close()

    async def _ask(self, question: Question) -> Answer | Failure:
        """The model's reply; EngineError where no server can give one any more."""
        return await self._asking.ask(await self._open(), question)

    async def _open(self) -> Client:
        """The client of this loop, made at the first request."""
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    def _served(self, model: str) -> str:
        """The name that the servers give the model."""
        return model

    async def _connect(self) -> Client:
        """A client of the writer's servers, once they are there."""
        return Client(self.options, self.options.urls, self.model)

    def _preflight_servers(self, longest: Messages, max_tokens: int) -> list[str]:
        """What stands against asking the servers of `urls` for prompts like the longest one, and replies of up to so many tokens."""
        return preflight.running(self.options, self.options.urls, self.model, longest, max_tokens)

    def _question(self, brief: Brief, request: WriteRequest) -> Question:
        structured = self.options.structured
        guided = structured == "always" or (structured == "retry" and request.attempt > 0)
        schema = reply_schema.schema_of(brief, bounded=self.bounded) if guided else None
        return Question(
            self._prompts.dialog(brief), request.seed, schema, brief.dialog_id, "write", request.attempt
        )  # fmt: skip

    async def _role_context(self, request: WriteRequest) -> tuple[str, tuple[Question, Answer]] | Failure:
        """The role context in the model's words, from the domain's facts."""
        plan = request.plan
        domain = context.domain_of(plan.domain, self.options.domain_folders)
        facts = domain.fact_lines(plan.scenario, plan.instance)
        opening = calls.role_opening(plan.instance)
        messages = self._prompts.role_context(facts, opening)
        question = Question(
            messages, seed_of(request.seed, "role context"), None, plan.dialog_id, "write", request.attempt
        )
        answer = await self._ask(question)
        if isinstance(answer, Failure):
            return answer
        found = describe.read_role_context(answer.text, opening, facts, plan.dialog_id)
        self._asking.used(question, answer, found.reason if isinstance(found, Failure) else "")
        if isinstance(found, Failure):
            return found
        return found + calls.tools_sentence(plan.instance), (question, answer)

    def _read(
        self, brief: Brief, question: Question, answer: Answer, all_asked: Sequence[tuple[Question, Answer]]
    ) -> Transcript | Failure:
        found = reader.read(answer.text, brief.names, cut=answer.cut)
        if isinstance(found, Failure):
            return Failure(found.reason, f"{brief.dialog_id}: {found.detail}")
        guided = question.schema is not None
        generation = Generation(
            model=answer.reply.model or self.model,
            revision=self._revision,
            sampling=self._asking.sampling_text(guided),
            prompt=digest_of(*(q.messages for q, _ in all_asked)),
            templates=self._templates.digest,
            seed=question.sent_seed,
            attempt=question.attempt,
            guided=guided,
            prompt_tokens=_sum(a.reply.prompt_tokens for _, a in all_asked),
            completion_tokens=_sum(a.reply.completion_tokens for _, a in all_asked),
        )
        return transcript.assemble(found, brief, self._maker, generation)


def _n_chars(messages: Messages) -> int:
    return sum(len(message["content"]) for message in messages)


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [c for c in counts if c]
    return sum(known) if known else None
