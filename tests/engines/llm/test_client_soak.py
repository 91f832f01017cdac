"""Thousands of requests through faults and deaths of servers: each is answered once or fails with a reason."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from proxy import LOSES_REPLY, Proxy, Trouble, first, shares

from datagen.engines.llm import client as client_module
from datagen.engines.llm import spread as spread_module
from datagen.engines.llm.chat import ChatFailure, ChatReply, ChatRequest, Fault
from datagen.engines.llm.client import Client
from datagen.engines.llm.options import ServerOptions
from datagen.run.mock_llm import MockServer, Pace

MIXED = {
    Trouble.ERROR: 0.04,
    Trouble.PUSH_BACK: 0.01,
    Trouble.PUSH_BACK_SECONDS: 0.01,
    Trouble.UNAVAILABLE: 0.01,
    Trouble.RESET: 0.04,
    Trouble.RESET_LATE: 0.02,
    Trouble.CUT_BODY: 0.03,
    Trouble.CUT_CHUNKED: 0.01,
    Trouble.GARBAGE: 0.01,
    Trouble.NO_JSON: 0.03,
    Trouble.EMPTY_CHOICES: 0.02,
    Trouble.NULL_CONTENT: 0.02,
    Trouble.LENGTH: 0.03,
    Trouble.BAD_REQUEST: 0.02,
}
"""30 % of all requests."""
OF_CONTENT = {
    Trouble.NO_JSON: Fault.BAD_BODY,
    Trouble.EMPTY_CHOICES: Fault.EMPTY_CHOICES,
    Trouble.NULL_CONTENT: Fault.NO_CONTENT,
    Trouble.LENGTH: Fault.CUT,
    Trouble.BAD_REQUEST: Fault.BAD_REQUEST,
}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BACKOFF_S": 0.002, "MAX_BACKOFF_S": 0.02, "WATCH_S": 0.01}.items():
        monkeypatch.setattr(client_module, name, value)
    for name, value in {"PAUSE_S": 0.005, "MAX_PAUSE_S": 0.02, "PROBE_S": 0.01, "MAX_PROBE_S": 0.02}.items():
        monkeypatch.setattr(spread_module, name, value)


def echo(asked: Mapping[str, Any]) -> str:
    return f"echo {asked['messages'][0]['content']}"


def ask(n: int) -> ChatRequest:
    return ChatRequest([{"role": "user", "content": str(n)}], seed=n)


def number_of(body: bytes) -> int:
    return int(json.loads(body)["messages"][0]["content"])


async def _soak(n_requests: int) -> None:
    assert sum(MIXED.values()) == pytest.approx(0.3)
    server = MockServer(echo, Pace())
    async with Proxy(await server.start(), shares(MIXED, seed=3)) as proxy:
        client = Client(ServerOptions(tries=8, start_concurrency=16, max_concurrency=64), [proxy.url], "mock")
        answers = await asyncio.gather(*[client.chat(ask(n)) for n in range(n_requests)])
        await client.close()
        await server.stop()

    reasons: Counter[Fault] = Counter()
    for n, answer in enumerate(answers):
        if isinstance(answer, ChatReply):
            assert answer.content == f"echo {n}"
        else:
            reasons[answer.reason] += 1
    replies = n_requests - sum(reasons.values())
    # A reply or a content fault ends a request, and nothing else does but the end of its tries: none is lost, none doubled.
    for trouble, reason in OF_CONTENT.items():
        assert reasons[reason] == proxy.seen[trouble] > 0
    assert replies == proxy.seen[None]
    assert reasons[Fault.UNANSWERED] + reasons[Fault.OVERLOADED] <= n_requests // 500
    assert (
        sum(reasons.values())
        == sum(proxy.seen[t] for t in OF_CONTENT) + reasons[Fault.UNANSWERED] + reasons[Fault.OVERLOADED]
    )
    passed = Counter({number_of(body): count for body, count in proxy.passed.items()})
    answered = {n for n, a in enumerate(answers) if isinstance(a, ChatReply)}
    assert answered <= passed.keys()
    assert passed.total() == replies + sum(proxy.seen[t] for t in LOSES_REPLY), "sent again only where a reply was lost"
    assert client._spread.servers[0].limiter.in_flight == 0
    assert proxy.most_open <= 64


def test_a_thousand_requests_through_faults() -> None:
    asyncio.run(_soak(1_000))


@pytest.mark.slow
def test_ten_thousand_requests_through_faults() -> None:
    asyncio.run(_soak(10_000))


def test_a_server_that_dies_and_comes_back() -> None:
    """Its requests go to the other one; once it is there again it gets its share."""

    async def run() -> None:
        pace = Pace(16, 0.0005)
        servers = [MockServer(echo, pace), MockServer(echo, pace)]
        async with Proxy(await servers[0].start(), first()) as a, Proxy(await servers[1].start(), first()) as b:
            client = Client(ServerOptions(start_concurrency=8, max_concurrency=16), [a.url, b.url], "mock")
            work = [asyncio.create_task(client.chat(ask(n))) for n in range(1_500)]
            await _until(work, 200)
            await a.die()
            died_at = a.seen.total()
            await _until(work, 500)
            assert a.seen.total() == died_at
            assert [s.up for s in client._spread.servers] == [False, True]
            await a.listen()
            answers = await asyncio.gather(*work)
            assert a.seen.total() > died_at + 100
            await client.close()
            for server in servers:
                await server.stop()
        assert all(isinstance(x, ChatReply) and x.content == f"echo {n}" for n, x in enumerate(answers))
        resent = a.seen.total() + b.seen.total() - len(answers)
        assert 0 < resent <= 16, "only what was under way at the server that died is sent twice"

    asyncio.run(run())


def test_load_goes_where_it_is_done() -> None:
    """Of two servers the one with four times the slots gets most of the work."""

    async def run() -> None:
        servers = [MockServer(echo, Pace(2, 0.01)), MockServer(echo, Pace(8, 0.01))]
        urls = [await s.start() for s in servers]
        client = Client(ServerOptions(start_concurrency=4, max_concurrency=64), urls, "mock")
        answers = await asyncio.gather(*[client.chat(ask(n)) for n in range(900)])
        await client.close()
        for server in servers:
            await server.stop()
        assert not any(isinstance(a, ChatFailure) for a in answers)
        small, large = (s.counts["n_replies"] for s in servers)
        assert small + large == 900
        assert large > 2.5 * small

    asyncio.run(run())


async def _until(work: list["asyncio.Task[Any]"], n_done: int) -> None:
    async with asyncio.timeout(20):
        while sum(t.done() for t in work) < n_done:
            await asyncio.sleep(0.005)
