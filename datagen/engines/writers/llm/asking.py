"""One model behind servers, as a writer asks it: sampling and thinking by family, reasoning taken off, replies kept on request."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datagen.engines.llm.chat import ChatFailure, ChatReply, ChatRequest, Fault
from datagen.engines.llm.client import Client
from datagen.engines.llm.families import family_of
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.prompts import digest_of
from datagen.protocols import Failure
from datagen.records.reply import ReplyRecord
from datagen.store.ids import seed_of

Messages = Sequence[Mapping[str, str]]
Sink = Callable[[ReplyRecord], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what of it goes into the record of its reply. `seed` is the request's own, of any size."""

    messages: Messages
    seed: int
    schema: Mapping[str, Any] | None = None
    dialog_id: str = ""
    purpose: str = "write"
    attempt: int = 0

    @property
    def sent_seed(self) -> int:
        """The seed that the server gets: 31 bits, which every server takes."""
        return seed_of(self.seed, "server") % 2**31


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply without its reasoning. `cut` says that the server stopped before the model did."""

    reply: ChatReply
    cut: bool = False

    @property
    def text(self) -> str:
        return self.reply.content


class Asking:
    """The model of some options. `sink` gets every reply as it came, once it is set."""

    def __init__(self, options: WriterOptions) -> None:
        self.options = options
        self.family = family_of(options.model)
        self.sampling = options.sampling(self.family.sampling(options.thinking))
        self.sink: Sink | None = None

    def request(self, question: Question) -> ChatRequest:
        """The request of a question, as it is sent."""
        options, guided = self.options, question.schema is not None
        messages, extra = self.family.request(
            question.messages, options.thinking, options.reasoning_effort, question.schema
        )
        sampling = {**self.sampling, "max_tokens": self.reply_tokens(guided)}
        return ChatRequest(messages, sampling, question.sent_seed, question.schema, extra)

    def reply_tokens(self, guided: bool) -> int:
        """The longest reply that is asked for, with what thinking takes where the model thinks."""
        thinks = self.family.thinks(self.options.thinking, guided=guided)
        return self.options.max_tokens + (self.options.thinking_tokens if thinks else 0)

    async def ask(self, client: Client, question: Question) -> Answer | Failure:
        """The reply, or why there is none, by the client's reason codes; EngineError where no server can answer."""
        request = self.request(question)
        got = await client.chat(request)
        if isinstance(got, ChatFailure) and (got.reply is None or got.reason is not Fault.CUT):
            self._keep(question, got.reply, str(got.reason))
            return Failure(str(got.reason), f"{self._where(question)}{got.detail.rstrip('.')}.")
        cut, raw = isinstance(got, ChatFailure), got.reply if isinstance(got, ChatFailure) else got
        assert raw is not None  # a cut reply has what there is of it
        text, problem = self.family.clean(raw, self.options.thinking and question.schema is None)
        if problem is not None:
            reason = str(Fault.CUT) if cut else str(problem.reason)
            self._keep(question, raw, reason)
            return Failure(reason, f"{self._where(question)}{problem.detail.rstrip('.')}.")
        return Answer(replace(raw, content=text), cut)

    def used(self, question: Question, raw: Answer, failure: str = "") -> None:
        """Keeps an answer's reply, with the reason for which its reader refused it."""
        self._keep(question, raw.reply, failure)

    def sampling_text(self, guided: bool) -> str:
        """The sampling of a request as JSON, for the dialogue's record."""
        thinks = self.family.thinks(self.options.thinking, guided=guided)
        more = {"reasoning_effort": self.options.reasoning_effort} if self.family.efforts else {"thinking": thinks}
        return json.dumps({**self.sampling, **more}, sort_keys=True)

    def _where(self, question: Question) -> str:
        return f"{question.dialog_id}: " if question.dialog_id else ""

    def _keep(self, question: Question, reply: ChatReply | None, failure: str) -> None:
        if self.sink is None or not self.options.keep_replies or reply is None:
            return
        self.sink(
            ReplyRecord(
                question.dialog_id, question.purpose, question.attempt, question.sent_seed, question.schema is not None,
                reply.model, digest_of(question.messages), reply.content, reply.reasoning, reply.finish_reason,
                reply.prompt_tokens, reply.completion_tokens, failure,
            )
        )  # fmt: skip
