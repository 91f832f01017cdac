"""The writer `vllm`: a vLLM server that it starts in its own environment, or the running ones of `urls`."""

import asyncio
from typing import ClassVar

from datagen.config import Options
from datagen.engines.llm import preflight
from datagen.engines.llm.client import Client
from datagen.engines.llm.model_identity import served_name
from datagen.engines.llm.vllm_server import VllmServer, VllmServerOptions
from datagen.engines.writers.llm.asking import Answer, Question
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.prompts import Messages
from datagen.engines.writers.llm.writer import LanguageModelWriter
from datagen.errors import EngineError
from datagen.protocols import Failure

WATCH_S = 1.0


class VllmOptions(VllmServerOptions, WriterOptions):
    """A language model's options, and how its server is run where `urls` names none."""


class VllmWriter(LanguageModelWriter):
    """Dialogues from a server of its own, which lives from the first request to `close`, or from those of `urls`."""

    name: ClassVar[str] = "vllm"
    Options: ClassVar[type[Options]] = VllmOptions
    bounded: ClassVar[bool] = True

    def __init__(self, options: VllmOptions) -> None:
        super().__init__(options)
        self._server_options = options
        self._server: VllmServer | None = None
        self._watch: asyncio.Task[str] | None = None

    async def close(self) -> None:
        """Ends connections, and the server if it started one."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        await super().close()
        server, self._server = self._server, None
        if server is not None:
            await server.close()

    def _served(self, model: str) -> str:
        """A server of our own names a model in a folder by the folder."""
        return model if self.options.urls else served_name(model)

    async def _connect(self) -> Client:
        if self.options.urls:
            return await super()._connect()
        self._server = VllmServer(self.options.model, self._server_options, family=self._asking.family)
        url = await self._server.start()
        keyed = self.options.model_copy(update={"api_key_env": self._server.api_key_env})
        self._watch = asyncio.create_task(self._watch_over(self._server))
        return Client(keyed, (url,), self.model)

    async def _watch_over(self, server: VllmServer) -> str:
        """Why our server has ended, once it has."""
        while not (why := server.ended()):
            await asyncio.sleep(WATCH_S)
        return f"{self.model}: the writer's vLLM server {why}"

    async def _ask(self, question: Question) -> Answer | Failure:
        """The model's reply. A server of our own that has ended is an EngineError at once: nobody else starts it again."""
        await self._open()
        watch = self._watch
        if watch is None:
            return await super()._ask(question)
        asked = asyncio.ensure_future(super()._ask(question))
        try:
            await asyncio.wait({asked, watch}, return_when=asyncio.FIRST_COMPLETED)
            if watch.cancelled():
                raise EngineError(f"{self.model}: the writer was closed.")
            if watch.done() and (not asked.done() or asked.exception() is not None):
                raise EngineError(watch.result())
            return asked.result()
        finally:
            asked.cancel()

    def _preflight_servers(self, longest: Messages, max_tokens: int) -> list[str]:
        if self.options.urls:
            return super()._preflight_servers(longest, max_tokens)
        n_prompt = preflight.estimated_tokens(longest)
        return preflight.to_start(self.options.model, self._server_options, n_prompt, max_tokens)
