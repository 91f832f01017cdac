"""One asynchronous client for any OpenAI-compatible chat server, or several of them."""

import asyncio
import json
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

from datagen.engines.llm.answers import Broken, PushBack, Unfit, read_models, words_of
from datagen.engines.llm.chat import ChatFailure, ChatReply, ChatRequest, Fault, ServedModel
from datagen.engines.llm.limiter import Limiter
from datagen.engines.llm.options import ServerOptions
from datagen.engines.llm.spread import Server, Spread
from datagen.engines.llm.turnstile import Turnstile
from datagen.engines.llm.wire import Wire, address_of
from datagen.errors import EngineError, UserError, one_line

__all__ = ["ChatFailure", "ChatReply", "ChatRequest", "Client", "Fault", "ServedModel"]

BACKOFF_S, MAX_BACKOFF_S = 0.25, 30.0
"""The wait of a request before it is tried again: the first time, and at most. It doubles, and is shaken by half either way."""
PUSH_BACKS_PER_TRY = 5
"""A push-back costs a request less than a fault: it is a queue, not a failure."""
WATCH_S = 0.1
SEED_BITS = 31
"""What every server takes: llama.cpp and some gateways read a seed as 32 bits, one of them as `random`."""


class Client:
    """Replies of chat servers, spread over them by load; EngineError where none can answer any more.

    `urls` are base URLs, with or without /v1 (they may be others than `options.urls`: an engine that starts servers knows
    theirs). `model` is the name that the servers give it; `seed` that of the jitter of its waits, which change no reply. Nothing connects
    before the first request. A client belongs to the event loop of that request, and after `close` it is done with.
    UserError for a URL that is none, or a key's variable that is not set.
    """

    def __init__(self, options: ServerOptions, urls: Sequence[str], model: str, seed: int = 0) -> None:
        self._options = options
        self._model = model
        self._jitter = random.Random(seed)
        self._wire = Wire(options, _key(options))
        addresses = {a.base: a for a in map(address_of, urls)}
        most = _most_connections(options.max_concurrency, len(addresses))
        if options.api_key_env and any(a.base != a.name for a in addresses.values()):
            raise UserError(
                "urls: one holds a user's name or password, and api_key_env is set too. A server takes only one of both."
            )
        if not addresses:
            raise UserError('urls: no server is named. Write urls = ["http://HOST:PORT/v1"].')
        servers = [
            Server(a.base, a.name, Limiter(options.start_concurrency, most), a.proxy) for a in addresses.values()
        ]
        self._spread = Spread(servers, options.give_up_s, self._jitter)
        self._turnstile = Turnstile(self._spread, self._now_s)
        self._watcher: asyncio.Task[None] | None = None

    async def chat(self, request: ChatRequest) -> ChatReply | ChatFailure:
        """A reply, or why there is none; EngineError where servers are gone, the key is refused or the model is unknown."""
        body = self._body(request)
        n_faults = n_pushes = 0
        while True:
            self._wire.check_open()  # or what was waiting to be tried again when it was closed would wait for ever
            server, number = await self._turnstile.enter(first=n_faults + n_pushes > 0)
            try:
                answer = await self._wire.chat(server, body)
            except BaseException:
                self._spread.abandoned(server, number, self._now_s())
                self._turnstile.admit()
                raise
            if isinstance(answer, ChatReply | ChatFailure):
                self._settle(server, number, answer)
                return answer
            if isinstance(answer, Unfit):
                self._spread.replied(server, number, self._now_s(), 0)
                self._turnstile.admit()
                raise await self._unfit(server, answer)
            n_faults += isinstance(answer, Broken)
            n_pushes += isinstance(answer, PushBack)
            self._note(server, number, answer)
            if n_faults >= self._options.tries:
                return ChatFailure(Fault.UNANSWERED, f"{n_faults} tries; the last, at {server.name}: {server.said}")
            if n_pushes >= PUSH_BACKS_PER_TRY * self._options.tries:
                return ChatFailure(Fault.OVERLOADED, f"pushed back {n_pushes} times; {server.name}: {server.said}")
            await asyncio.sleep(self._backoff_s(n_faults + n_pushes))

    @property
    def at_once(self) -> int:
        """How many requests it would have under way now, over all servers that are up."""
        return sum(server.limiter.limit for server in self._spread.servers if server.up)

    async def models(self, url: str) -> tuple[ServedModel, ...]:
        """The models that a server lists; EngineError where it does not answer."""
        address = address_of(url)
        server = Server(address.base, address.name, Limiter(1, 1), address.proxy)
        try:
            status, body = await self._wire.get_models(server)
        except (OSError, ValueError) as error:
            raise EngineError(
                f"{address.name} does not answer: {self._wire.unkeyed(one_line(error))}. Is it running?"
            ) from None
        if status in (401, 403):
            raise self._bad_key(server, self._wire.unkeyed(words_of(status, body)))
        if status != 200:
            said = self._wire.unkeyed(words_of(status, body))
            raise EngineError(
                f"{address.name} lists no models ({said}). Is it the address of an OpenAI-compatible server?"
            )
        try:
            return read_models(body)
        except ValueError:
            raise EngineError(
                f"{address.name} answers with something else than a list of models. Check the URL."
            ) from None

    async def n_tokens(self, url: str, messages: Sequence[Mapping[str, Any]]) -> int | None:
        """The tokens that the model makes of messages, where the server has vLLM's /tokenize; None elsewhere."""
        address = address_of(url)
        body = json.dumps({"model": self._model, "messages": [dict(m) for m in messages]}).encode()
        try:
            status, said = await self._wire.tokenize(
                Server(address.base, address.name, Limiter(1, 1), address.proxy), body
            )
            return int(json.loads(said)["count"]) if status == 200 else None
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    async def close(self) -> None:
        """Ends every connection; requests that still wait end with EngineError."""
        await self._wire.close()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        self._turnstile.fail(lambda: EngineError("The client of the language-model servers was closed."))

    def _settle(self, server: Server, number: int, answer: ChatReply | ChatFailure) -> None:
        reply = answer if isinstance(answer, ChatReply) else answer.reply
        tokens = max(1, reply.completion_tokens) if reply else 0
        self._spread.replied(server, number, self._now_s(), tokens)
        self._turnstile.admit()

    def _note(self, server: Server, number: int, answer: Broken | PushBack) -> None:
        now_s, said = self._now_s(), answer.said
        if isinstance(answer, Broken):
            self._spread.faulted(server, number, now_s, said, answer.refused, answer.late)
        else:
            self._spread.pushed_back(server, number, now_s, said, answer.retry_after_s)
        self._turnstile.admit()
        if not self._wire.closed and (self._watcher is None or self._watcher.done()):
            self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Runs while a server is silent or paused: probes those that are down, lets requests in after a pause, says when all are gone."""
        probes: set[asyncio.Task[None]] = set()
        try:
            while True:
                now_s = self._now_s()
                for server in self._spread.due(now_s):
                    task = asyncio.create_task(self._probe(server))
                    probes.add(task)
                    task.add_done_callback(probes.discard)
                self._turnstile.admit()
                if self._spread.gone(now_s):
                    self._turnstile.fail(self._gone)
                if self._spread.settled(now_s):
                    return
                await asyncio.sleep(WATCH_S)
        finally:
            for task in probes:
                task.cancel()

    async def _probe(self, server: Server) -> None:
        """Asks a server that is down for its models: any answer that is no fault shows that it is there again."""
        try:
            status, body = await self._wire.get_models(server)
            said = words_of(status, body) if status >= 500 or status == 429 else ""
        except (OSError, ValueError) as error:
            said = one_line(error)
        self._spread.probed(server, self._now_s(), self._wire.unkeyed(said))
        self._turnstile.admit()

    def _gone(self) -> EngineError:
        said = "; ".join(f"{s.name}: {s.said}" for s in self._spread.servers)
        which = "The server has" if len(self._spread.servers) == 1 else "No server has"
        verb = "not answered" if which == "The server has" else "answered"
        return EngineError(
            f"{which} {verb} for {self._options.give_up_s:g} s ({said}). "
            "Start it again, or give other urls; the same command goes on from here."
        )

    async def _unfit(self, server: Server, answer: Unfit) -> EngineError:
        """Why a server can answer nothing of the kind, in one line."""
        said = answer.said
        if answer.why == "key":
            return self._bad_key(server, said)
        if answer.why == "quota":
            return EngineError(f"{server.name}: the quota is used up ({said}). Raise it there, or use another key.")
        try:
            models = await self.models(server.base)
        except EngineError:
            models = ()
        if not models:
            return EngineError(f"{server.name} takes no chat completions ({said}). Check the URL.")
        if answer.why == "model" or all(m.id != self._model for m in models):
            names = ", ".join(m.id for m in models[:8])
            return EngineError(f"{server.name} has no model {self._model!r}. It has: {names}.")
        return EngineError(
            f"{server.name} takes no chat completions ({said}), though it has the model. Is it a chat server?"
        )

    def _bad_key(self, server: Server, said: str) -> EngineError:
        variable = self._options.api_key_env
        fix = (
            f"The key in the environment variable {variable} is not one of its keys."
            if variable
            else "Put its key into an environment variable, and that variable's name into api_key_env."
        )
        return EngineError(f"{server.name} refuses us ({said}). {fix}")

    def _body(self, request: ChatRequest) -> bytes:
        body: dict[str, Any] = {"model": self._model, "messages": list(request.messages), **request.sampling}
        if request.seed is not None:
            body["seed"] = request.seed & ((1 << SEED_BITS) - 1)
        if request.schema is not None:
            form = {"name": "reply", "schema": request.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        body |= request.extra
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def _backoff_s(self, n: int) -> float:
        return min(BACKOFF_S * 2.0 ** (n - 1), MAX_BACKOFF_S) * self._jitter.uniform(0.5, 1.5)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def _key(options: ServerOptions) -> str:
    """The API key, "" for none; UserError where the variable that should hold it is not set."""
    if not options.api_key_env:
        return ""
    key = os.environ.get(options.api_key_env, "").strip()
    if not key:
        raise UserError(
            f"api_key_env: there is no environment variable {options.api_key_env}, or it is empty. export {options.api_key_env}=…"
        )
    if not key.isascii() or not key.isprintable():
        raise UserError(
            f"api_key_env: what {options.api_key_env} holds is no key: it has a line break or other characters that no header can."
        )
    return key


def _most_connections(wanted: int, n_servers: int) -> int:
    """The concurrency that a process's limit of open files leaves a server, when a quarter of them is kept for the rest."""
    try:
        import resource
    except ImportError:  # not a POSIX system: no such limit
        return wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft * 3 // 4 // max(1, n_servers)))
