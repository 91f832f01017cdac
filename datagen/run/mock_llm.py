"""A chat server without a model: canned replies at the pace of a real server, for measuring what stands before it.

    python -m datagen.run.mock_llm --replies replies.jsonl [--port 0] [--slots 256] [--step-s 0.02] [--row-s 0.0001]
    python -m datagen.run.mock_llm --answer package.module:function

It speaks the part of the OpenAI API that builds use: POST /v1/chat/completions, GET /v1/models, and GET /stats of its own. Its first
line of output is its URL. With a step time it runs as vLLM's scheduler does: at most `--slots` requests in a batch, the others wait in
the order of arrival; a step gives every running request a token and takes `step_s + row_s * running` seconds. Without, it answers
as fast as it can. A request whose client goes away is taken out of the batch.

/stats: `n_requests`, `n_replies`, `n_aborted`; `running`, `waiting` now; `since_s`, the time since the first request, `starved_s`, how much
of it nothing waited while slots were free, and `running_s`, the integral of the running. Two readings give what was between.
"""

import argparse
import asyncio
import heapq
import importlib
import itertools
import json
import signal
import subprocess
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen.errors import EngineError, UserError

if TYPE_CHECKING:
    from aiohttp import web

CHARS_PER_TOKEN = 4
START_TIMEOUT_S = 30.0

AnswerFunction = Callable[[Mapping[str, Any]], str]
"""The text of a reply to the body of a chat completion."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a server is. `step_s` 0: as fast as it can, whatever the slots."""

    slots: int = 256
    step_s: float = 0.0
    row_s: float = 0.0


class Batch:
    """A continuous batch: requests of so many tokens that start as slots come free, and share the steps.

    The steps done are integrated over time, so that a request costs two heap operations, not a wake-up a token. Times are arguments;
    `due_s` is when the next request will be done if nothing arrives before.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._steps, self._at_s = 0.0, 0.0
        self._running: list[tuple[float, int]] = []
        self._waiting: deque[tuple[int, int]] = deque()
        self._dropped: set[int] = set()
        self._n_running = 0
        self.since_s: float | None = None
        self.starved_s = self.running_s = 0.0

    @property
    def n_running(self) -> int:
        return self._n_running

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    def add(self, number: int, n_tokens: int, now_s: float) -> None:
        """A request arrives."""
        if self.since_s is None:
            self.since_s = self._at_s = now_s
        self.advance(now_s)
        self._waiting.append((number, n_tokens))
        self._fill()

    def drop(self, number: int, now_s: float) -> None:
        """A request that is not done yet is taken out, running or waiting."""
        self.advance(now_s)
        for place, (waiting, _) in enumerate(self._waiting):
            if waiting == number:
                del self._waiting[place]
                return
        self._dropped.add(number)
        self._n_running -= 1
        self._fill()

    def done(self, now_s: float) -> list[int]:
        """The requests that are done by now, in the order in which they were."""
        found = []
        while (due_s := self.due_s()) is not None and due_s <= now_s:
            self.advance(due_s)
            _, number = heapq.heappop(self._running)
            self._n_running -= 1
            found.append(number)
            self._fill()
        return found

    def due_s(self) -> float | None:
        """When the next request is done; None for never."""
        while self._running and self._running[0][1] in self._dropped:
            self._dropped.discard(heapq.heappop(self._running)[1])
        if not self._running:
            return None
        return self._at_s + max(0.0, self._running[0][0] - self._steps) * self._step_s()

    def advance(self, now_s: float) -> None:
        """Brings steps and statistics to this time; nothing may be due before it."""
        took_s = max(0.0, now_s - self._at_s)
        if self.since_s is not None:
            self.running_s += took_s * self._n_running
            self.starved_s += took_s * (not self._waiting and self._n_running < self._pace.slots)
        if self._n_running:
            self._steps += took_s / self._step_s()
        self._at_s = max(now_s, self._at_s)

    def _step_s(self) -> float:
        return self._pace.step_s + self._pace.row_s * self._n_running

    def _fill(self) -> None:
        while self._waiting and self._n_running < self._pace.slots:
            number, n_tokens = self._waiting.popleft()
            heapq.heappush(self._running, (self._steps + n_tokens, number))
            self._n_running += 1


class MockServer:
    """The server itself, in the running loop. `answer` gives the texts."""

    def __init__(self, answer: AnswerFunction, pace: Pace, model: str = "mock") -> None:
        self._answer, self._pace, self._model = answer, pace, model
        self._batch = Batch(pace)
        self._numbers = itertools.count()
        self._open: dict[int, asyncio.Event] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._runner: web.ServerRunner | None = None
        self.counts = {"n_requests": 0, "n_replies": 0, "n_aborted": 0}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listens, and gives the base URL."""
        from aiohttp import web

        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, backlog=4096, reuse_address=True).start()
        return f"http://{host}:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        """Stops listening and drops what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()

    def stats(self) -> dict[str, float]:
        """What GET /stats says."""
        now_s = time.monotonic()
        self._release()
        batch = self._batch
        batch.advance(now_s)
        since_s = 0.0 if batch.since_s is None else now_s - batch.since_s
        times = {"since_s": since_s, "starved_s": batch.starved_s, "running_s": batch.running_s}
        return {**self.counts, "running": batch.n_running, "waiting": batch.n_waiting, **times}

    async def _handle(self, request: "web.BaseRequest") -> "web.StreamResponse":
        from aiohttp import web

        if request.path == "/v1/chat/completions" and request.method == "POST":
            return web.Response(body=await self._complete(await request.read()), content_type="application/json")
        if request.path == "/v1/models":
            models = {"object": "list", "data": [{"id": self._model, "object": "model", "max_model_len": 32768}]}
            return web.json_response(models)
        if request.path == "/stats":
            return web.json_response(self.stats())
        return web.json_response({"error": {"message": "Not Found", "code": 404}}, status=404)

    async def _complete(self, body: bytes) -> bytes:
        self.counts["n_requests"] += 1
        asked = json.loads(body)
        text = self._answer(asked)
        most = asked.get("max_tokens") or asked.get("max_completion_tokens")
        n_tokens = max(1, len(text) // CHARS_PER_TOKEN)
        finish = "stop"
        if most is not None and n_tokens > most:
            n_tokens, text, finish = most, text[: most * CHARS_PER_TOKEN], "length"
        if self._pace.step_s > 0:
            await self._wait(next(self._numbers), n_tokens)
        self.counts["n_replies"] += 1
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": len(body) // CHARS_PER_TOKEN, "completion_tokens": n_tokens}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        reply = {"id": "mock", "object": "chat.completion", "model": self._model, "choices": [choice], "usage": usage}
        return json.dumps(reply, ensure_ascii=False).encode()

    async def _wait(self, number: int, n_tokens: int) -> None:
        """Until the batch is done with a request."""
        event = self._open[number] = asyncio.Event()
        self._release()
        self._batch.add(number, n_tokens, time.monotonic())
        self._set_timer()
        try:
            await event.wait()
        except asyncio.CancelledError:
            if not event.is_set():
                self._release()
            if not event.is_set():
                self._batch.drop(number, time.monotonic())
            self.counts["n_aborted"] += 1
            self._set_timer()
            raise
        finally:
            del self._open[number]

    def _release(self) -> None:
        for number in self._batch.done(time.monotonic()):
            self._open[number].set()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due_s = self._batch.due_s()
        wait_s = 0.0 if due_s is None else max(0.0, due_s - time.monotonic())
        self._timer = None if due_s is None else asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _tick(self) -> None:
        self._release()
        self._set_timer()


def cycled(replies: Sequence[str]) -> AnswerFunction:
    """A fixed list's replies; which one, a hash of the request says, so that it does not depend on the order of arrival."""
    if not replies:
        raise UserError("mock_llm: the list of replies is empty.")

    def answer(asked: Mapping[str, Any]) -> str:
        return replies[zlib.crc32(json.dumps(asked, sort_keys=True).encode()) % len(replies)]

    return answer


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """The base URL of a mock server in a process of its own, with these arguments of its command line; it ends with the block."""
    command = [sys.executable, "-m", "datagen.run.mock_llm", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise EngineError(f"The mock server did not start: exit code {process.wait(START_TIMEOUT_S)}.")
        yield url
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)
        assert process.stdout is not None
        process.stdout.close()


def _answer_of(reference: str) -> AnswerFunction:
    module, _, name = reference.partition(":")
    try:
        found: AnswerFunction = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"mock_llm: no function {reference!r} ({error}). Write --answer package.module:function."
        ) from None
    return found


def _read_replies(path: Path) -> list[str]:
    """A file's replies: a JSON string, or any JSON value, a line; a value is given as its JSON."""
    lines = path.read_text(encoding="utf-8").splitlines()
    values = [json.loads(line) for line in lines if line.strip()]
    return [v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]


async def _serve(server: MockServer, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sys.stdout.write(await server.start(host, port) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await server.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m datagen.run.mock_llm", description=__doc__.split("\n", 1)[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--replies", type=Path, help="a file with a reply a line, as JSON strings")
    source.add_argument("--answer", help="package.module:function that gives the text of a reply to a request's body")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--model", default="mock", help="the name in the list of models")
    parser.add_argument("--slots", type=int, default=256, help="most requests in the batch")
    parser.add_argument("--step-s", type=float, default=0.0, help="time of a step of one row (0: no time at all)")
    parser.add_argument("--row-s", type=float, default=0.0, help="what each row of the batch adds to a step")
    chosen = parser.parse_args(arguments)
    answer = cycled(_read_replies(chosen.replies)) if chosen.replies else _answer_of(chosen.answer)
    server = MockServer(answer, Pace(chosen.slots, chosen.step_s, chosen.row_s), chosen.model)
    asyncio.run(_serve(server, chosen.host, chosen.port))


if __name__ == "__main__":
    main()
