"""A proxy between the client and a chat server that breaks answers by a schedule; what stands behind it is a real server or a mock.

    async with Proxy(url, first(Trouble.RESET, Trouble.ERROR)) as proxy:
        client = Client(options, [proxy.url], model)

Chat completions meet the schedule's troubles, in the order in which they arrive; everything else goes through. A request that meets
a trouble is never passed on, but for those of `LOSES_REPLY`, whose work the server does and whose reply is lost.
"""

import asyncio
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum, auto

import aiohttp


class Trouble(Enum):
    """What may go wrong with one request."""

    ERROR = auto()
    BAD_GATEWAY = auto()
    PUSH_BACK = auto()
    PUSH_BACK_SECONDS = auto()
    PUSH_BACK_DATE = auto()
    UNAVAILABLE = auto()
    RESET = auto()
    RESET_LATE = auto()
    CUT_BODY = auto()
    CUT_CHUNKED = auto()
    SLOW_BYTES = auto()
    SILENCE = auto()
    NO_JSON = auto()
    OTHER_JSON = auto()
    EMPTY_CHOICES = auto()
    NO_MESSAGE = auto()
    NULL_CONTENT = auto()
    ONLY_REASONING = auto()
    LENGTH = auto()
    FILTERED = auto()
    CONTEXT_VLLM = auto()
    CONTEXT_OPENAI = auto()
    BAD_REQUEST = auto()
    UNKNOWN_MODEL = auto()
    NO_ROUTE = auto()
    BAD_KEY = auto()
    FORBIDDEN = auto()
    QUOTA = auto()
    REDIRECT = auto()
    HUGE = auto()
    HUGE_CHUNKED = auto()
    GARBAGE = auto()


PASSING = (
    Trouble.ERROR,
    Trouble.BAD_GATEWAY,
    Trouble.RESET,
    Trouble.RESET_LATE,
    Trouble.CUT_BODY,
    Trouble.CUT_CHUNKED,
    Trouble.GARBAGE,
)
"""Faults of transport that are over at once: another try gets a reply."""
PUSHING = (Trouble.PUSH_BACK, Trouble.PUSH_BACK_SECONDS, Trouble.PUSH_BACK_DATE, Trouble.UNAVAILABLE)
LOSES_REPLY = frozenset((Trouble.RESET_LATE, Trouble.CUT_BODY, Trouble.CUT_CHUNKED))

Schedule = Callable[[int], Trouble | None]
"""The trouble of the n-th chat completion, None for none."""


def first(*troubles: Trouble | None) -> Schedule:
    """These for the first requests, none after."""
    return lambda n: troubles[n] if n < len(troubles) else None


def always(trouble: Trouble) -> Schedule:
    """The same for every request."""
    return lambda n: trouble


def shares(shares: Mapping[Trouble, float], seed: int) -> Schedule:
    """Each trouble in its share of requests, drawn by the request's number."""

    def draw(n: int) -> Trouble | None:
        at = random.Random(seed * 1_000_003 + n).random()
        for trouble, share in shares.items():
            at -= share
            if at < 0:
                return trouble
        return None

    return draw


def _error(message: str, kind: str, code: str | int | None) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def completion(message: Mapping[str, object], finish: str = "stop") -> dict[str, object]:
    """A chat completion with one choice."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    return {"id": "x", "object": "chat.completion", "model": "mock", "choices": [choice], "usage": usage}


TOO_LONG_VLLM = (
    "This model's maximum context length is 4096 tokens. However, you requested 900 output tokens and your prompt contains at least "
    "3197 input tokens, for a total of at least 4097 tokens. Please reduce the length of the input prompt or the number of requested "
    "output tokens. (parameter=input_tokens, value=3197)"
)
ANSWERS: dict[Trouble, tuple[int, object]] = {
    Trouble.ERROR: (500, _error("EngineCore encountered an issue.", "InternalServerError", 500)),
    Trouble.BAD_GATEWAY: (502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
    Trouble.PUSH_BACK: (429, _error("Rate limit reached", "requests", "rate_limit_exceeded")),
    Trouble.PUSH_BACK_SECONDS: (429, _error("Rate limit reached", "requests", "rate_limit_exceeded")),
    Trouble.PUSH_BACK_DATE: (429, {"detail": "slow down"}),
    Trouble.UNAVAILABLE: (503, "upstream connect error"),
    Trouble.NO_JSON: (200, '{"id": "x", "choices": [{"message": {"content": "hal'),
    Trouble.OTHER_JSON: (200, {"status": "ok"}),
    Trouble.EMPTY_CHOICES: (200, {"id": "x", "choices": [], "usage": {}}),
    Trouble.NO_MESSAGE: (200, {"id": "x", "choices": [{"text": "as of old"}]}),
    Trouble.NULL_CONTENT: (200, completion({"content": None})),
    Trouble.ONLY_REASONING: (200, completion({"content": None, "reasoning": "Let me think."})),
    Trouble.LENGTH: (200, completion({"content": '{"turns": ['}, "length")),
    Trouble.FILTERED: (200, completion({"content": None, "refusal": "I cannot help with that."})),
    Trouble.CONTEXT_VLLM: (400, _error(TOO_LONG_VLLM, "BadRequestError", 400)),
    Trouble.CONTEXT_OPENAI: (
        400,
        _error("This model's limit is 8192 tokens.", "invalid_request_error", "context_length_exceeded"),
    ),
    Trouble.BAD_REQUEST: (
        400,
        {"object": "error", "message": "top_k must be -1 or at least 1", "type": "BadRequestError", "code": 400},
    ),
    Trouble.UNKNOWN_MODEL: (404, _error("The model `other` does not exist.", "NotFoundError", 404)),
    Trouble.NO_ROUTE: (404, {"detail": "Not Found"}),
    Trouble.BAD_KEY: (401, _error("Incorrect API key provided: KEY.", "invalid_request_error", "invalid_api_key")),
    Trouble.FORBIDDEN: (403, "Forbidden"),
    Trouble.QUOTA: (429, _error("You exceeded your current quota.", "insufficient_quota", "insufficient_quota")),
    Trouble.REDIRECT: (307, ""),
}
HUGE_BYTES = 200_000


@dataclass
class _Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Proxy:
    """The proxy; `seen` counts the chat completions by what befell them, `passed` the bodies that reached the server."""

    upstream: str
    schedule: Schedule
    retry_after_s: float = 0.0
    pause_s: float = 0.05
    """Between two bytes of a slow body."""
    port: int = 0
    seen: Counter[Trouble | None] = field(default_factory=Counter)
    passed: Counter[bytes] = field(default_factory=Counter)
    requests: list[_Asked] = field(default_factory=list)
    n_open: int = 0
    """Requests that have arrived and not ended."""
    most_open: int = 0
    _n: int = 0
    _server: asyncio.Server | None = None
    _session: aiohttp.ClientSession | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> "Proxy":
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()
        assert self._session
        await self._session.close()

    async def listen(self) -> None:
        """Takes connections, at the port of before where there was one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=2048)
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """Refuses connections from now on and resets those that there are."""
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while asked := await _read(reader):
                self.n_open += 1
                self.most_open = max(self.most_open, self.n_open)
                try:
                    # A client that goes away ends what is done for it, as in front of vLLM.
                    if not await _while_open(reader, self._answer(asked, writer)):
                        break
                finally:
                    self.n_open -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            _reset(writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, asked: _Asked, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; whether the connection can go on."""
        trouble = None
        if asked.path.endswith("/chat/completions"):
            self.requests.append(asked)
            trouble = self.schedule(self._n)
            self._n += 1
            self.seen[trouble] += 1
        if trouble is None or trouble in LOSES_REPLY:
            status, kind, body = await self._pass_on(asked)
            if trouble is None:
                return await _send(writer, status, body, kind)
            return await self._lose(trouble, body, writer)
        if trouble in ANSWERS:
            return await self._refuse(trouble, asked, writer)
        return await self._break(trouble, writer)

    async def _pass_on(self, asked: _Asked) -> tuple[int, str, bytes]:
        assert self._session
        if asked.path.endswith("/chat/completions"):
            self.passed[asked.body] += 1
        url = self.upstream.removesuffix("/v1") + asked.path
        keep = {k: v for k, v in asked.headers.items() if k in ("content-type", "authorization")}
        async with self._session.request(asked.method, url, data=asked.body or None, headers=keep) as response:
            return response.status, response.content_type, await response.read()

    async def _refuse(self, trouble: Trouble, asked: _Asked, writer: asyncio.StreamWriter) -> bool:
        status, said = ANSWERS[trouble]
        text = said if isinstance(said, str) else json.dumps(said)
        text = text.replace("KEY", asked.headers.get("authorization", "").removeprefix("Bearer "))
        more = {}
        if trouble is Trouble.PUSH_BACK_SECONDS:
            more["Retry-After"] = f"{self.retry_after_s:g}"
        elif trouble is Trouble.PUSH_BACK_DATE:
            more["Retry-After"] = formatdate(_now() + self.retry_after_s, usegmt=True)
        elif trouble is Trouble.REDIRECT:
            more["Location"] = "http://127.0.0.1:9/elsewhere"
        kind = "application/json" if not isinstance(said, str) or said.startswith("{") else "text/html"
        return await _send(writer, status, text.encode(), kind, more)

    async def _lose(self, trouble: Trouble, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if trouble is Trouble.CUT_BODY:
            writer.write(_head(200, {"Content-Length": str(len(body))}) + body[: len(body) // 2])
            await writer.drain()
        elif trouble is Trouble.CUT_CHUNKED:
            half = body[: len(body) // 2]
            writer.write(_head(200, {"Transfer-Encoding": "chunked"}) + b"%x\r\n%b\r\n" % (len(half), half))
            await writer.drain()
        else:
            _reset(writer)
        return False

    async def _break(self, trouble: Trouble, writer: asyncio.StreamWriter) -> bool:
        if trouble is Trouble.RESET:
            _reset(writer)
        elif trouble is Trouble.SILENCE:
            await asyncio.sleep(3600)
        elif trouble is Trouble.SLOW_BYTES:
            writer.write(_head(200, {"Content-Length": "1000"}))
            for _ in range(1000):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(self.pause_s)
        elif trouble is Trouble.HUGE:
            writer.write(_head(200, {"Content-Length": str(HUGE_BYTES)}) + b" " * HUGE_BYTES)
            await writer.drain()
        elif trouble is Trouble.HUGE_CHUNKED:
            writer.write(_head(200, {"Transfer-Encoding": "chunked"}))
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (HUGE_BYTES, b" " * HUGE_BYTES))
            await writer.drain()
        else:
            writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            await writer.drain()
        return False


async def _while_open(reader: asyncio.StreamReader, answer: "asyncio.coroutines.Coroutine[None, None, bool]") -> bool:
    """The answer's outcome, or False once the other side has closed the connection; nothing is read of a next request."""
    work = asyncio.ensure_future(answer)
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=0.02)
            if reader.at_eof() and not work.done():
                return False
        return work.result()
    finally:
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> _Asked | None:
    """A request; None where the connection ends before one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    pairs = (line.split(":", 1) for line in lines[1:] if ":" in line)
    headers = {k.strip().lower(): v.strip() for k, v in pairs}
    return _Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _send(
    writer: asyncio.StreamWriter, status: int, body: bytes, kind: str, more: Mapping[str, str] | None = None
) -> bool:
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}
    writer.write(_head(status, headers) + body)
    await writer.drain()
    return True


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST, not with FIN."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _now() -> float:
    import time

    return time.time()
