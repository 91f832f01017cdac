"""One asynchronous client for any OpenAI-compatible chat server, or several of them."""

from collections.abc import Sequence

from datagen.engines.llm.chat import ChatFailure, ChatReply, ChatRequest, Fault, ServedModel
from datagen.engines.llm.options import ServerOptions

__all__ = ["ChatFailure", "ChatReply", "ChatRequest", "Client", "Fault", "ServedModel"]


class Client:
    """Replies of chat servers, spread over them by load; EngineError where none can answer any more.

    `urls` are base URLs, with or without /v1 (they may be others than `options.urls`: an engine that starts servers knows
    theirs). `model` is the name that the servers give it. Nothing connects before the first request.
    """

    def __init__(self, options: ServerOptions, urls: Sequence[str], model: str, seed: int = 0) -> None:
        raise NotImplementedError

    async def chat(self, request: ChatRequest) -> ChatReply | ChatFailure:
        """A reply, or why there is none; EngineError where servers are gone, the key is refused or the model is unknown."""
        raise NotImplementedError

    async def models(self, url: str) -> tuple[ServedModel, ...]:
        """The models that a server lists; EngineError where it does not answer."""
        raise NotImplementedError

    async def close(self) -> None:
        """Ends every connection; requests under way are cancelled."""
        raise NotImplementedError
