"""Every fault that a server or the way to it can have, and what the client makes of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from proxy import LOSES_REPLY, PASSING, PUSHING, Proxy, Schedule, Trouble, always, first

from datagen.engines.llm import client as client_module
from datagen.engines.llm import spread as spread_module
from datagen.engines.llm.chat import ChatFailure, ChatReply, ChatRequest, Fault
from datagen.engines.llm.client import Client
from datagen.engines.llm.options import ServerOptions
from datagen.errors import EngineError, UserError
from datagen.run.mock_llm import MockServer, Pace

KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules with waits of milliseconds."""
    for name, value in {"BACKOFF_S": 0.005, "MAX_BACKOFF_S": 0.02, "WATCH_S": 0.01}.items():
        monkeypatch.setattr(client_module, name, value)
    for name, value in {"PAUSE_S": 0.01, "PROBE_S": 0.01, "MAX_PROBE_S": 0.02, "QUIET_S": 0.0}.items():
        monkeypatch.setattr(spread_module, name, value)
    monkeypatch.setenv("TEST_KEY", KEY)


def echo(asked: Mapping[str, Any]) -> str:
    return f"echo {asked['messages'][-1]['content']}"


def ask(text: str = "hello", **more: Any) -> ChatRequest:
    return ChatRequest([{"role": "user", "content": text}], **more)


@asynccontextmanager
async def through(
    schedule: Schedule, model: str = "mock", pace: Pace | None = None, **options: Any
) -> AsyncIterator[tuple[Client, Proxy]]:
    """A client before a proxy before a mock server."""
    server = MockServer(echo, pace or Pace())
    async with Proxy(await server.start(), schedule) as proxy:
        client = Client(ServerOptions(**options), [proxy.url], model)
        try:
            yield client, proxy
        finally:
            await client.close()
            await server.stop()


def once(schedule: Schedule, **options: Any) -> tuple[ChatReply | ChatFailure, Proxy]:
    """What one request becomes."""

    async def run() -> tuple[ChatReply | ChatFailure, Proxy]:
        async with through(schedule, **options) as (client, proxy):
            return await client.chat(ask()), proxy

    return asyncio.run(run())


def refusal(schedule: Schedule, **options: Any) -> str:
    """The EngineError that one request ends with: one line."""
    with pytest.raises(EngineError) as caught:
        once(schedule, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("trouble", [*PASSING, *PUSHING])
def test_what_passes_is_tried_again(trouble: Trouble) -> None:
    answer, proxy = once(first(trouble, trouble))
    assert isinstance(answer, ChatReply)
    assert answer.content == "echo hello"
    assert proxy.seen == {trouble: 2, None: 1}
    assert sum(proxy.passed.values()) == (3 if trouble in LOSES_REPLY else 1)


@pytest.mark.parametrize("trouble", PASSING)
def test_tries_are_bounded(trouble: Trouble) -> None:
    answer, proxy = once(always(trouble), tries=3)
    assert isinstance(answer, ChatFailure)
    assert answer.reason is Fault.UNANSWERED
    assert answer.detail.startswith("3 tries")
    assert proxy.seen[trouble] == 3


@pytest.mark.parametrize("trouble", PUSHING)
def test_push_backs_are_bounded(trouble: Trouble) -> None:
    answer, proxy = once(always(trouble), tries=1)
    assert isinstance(answer, ChatFailure)
    assert answer.reason is Fault.OVERLOADED
    assert proxy.seen[trouble] == client_module.PUSH_BACKS_PER_TRY


@pytest.mark.parametrize(
    ("trouble", "reason", "says"),
    [
        (Trouble.NO_JSON, Fault.BAD_BODY, "no JSON"),
        (Trouble.OTHER_JSON, Fault.BAD_BODY, "status"),
        (Trouble.NO_MESSAGE, Fault.BAD_BODY, "no message"),
        (Trouble.EMPTY_CHOICES, Fault.EMPTY_CHOICES, "without choices"),
        (Trouble.NULL_CONTENT, Fault.NO_CONTENT, "nothing"),
        (Trouble.ONLY_REASONING, Fault.NO_CONTENT, "13 characters of reasoning alone"),
        (Trouble.LENGTH, Fault.CUT, "cut after 5 tokens"),
        (Trouble.FILTERED, Fault.FILTERED, "I cannot help with that."),
        (Trouble.CONTEXT_VLLM, Fault.CONTEXT_LENGTH, "maximum context length is 4096 tokens"),
        (Trouble.CONTEXT_OPENAI, Fault.CONTEXT_LENGTH, "8192"),
        (Trouble.BAD_REQUEST, Fault.BAD_REQUEST, "top_k must be"),
        (Trouble.HUGE, Fault.TOO_LARGE, "100000 bytes"),
        (Trouble.HUGE_CHUNKED, Fault.TOO_LARGE, "100000 bytes"),
    ],
)
def test_faults_of_content_go_to_the_caller_at_once(trouble: Trouble, reason: Fault, says: str) -> None:
    answer, proxy = once(always(trouble), max_reply_bytes=100_000)
    assert isinstance(answer, ChatFailure)
    assert answer.reason is reason
    assert says in answer.detail
    assert "\n" not in answer.detail
    assert proxy.seen == {trouble: 1}
    assert (answer.reply is not None) == (reason in (Fault.CUT, Fault.NO_CONTENT, Fault.FILTERED))


def test_a_cut_reply_keeps_what_there_is() -> None:
    answer, _ = once(always(Trouble.LENGTH))
    assert isinstance(answer, ChatFailure)
    assert answer.reply is not None
    assert answer.reply.content == '{"turns": ['


def test_the_server_that_cannot_serve_says_why() -> None:
    assert "has no model 'other'. It has: mock." in refusal(always(Trouble.UNKNOWN_MODEL), model="other")
    assert "takes no chat completions (HTTP 404: Not Found)" in refusal(always(Trouble.NO_ROUTE))
    assert "quota is used up" in refusal(always(Trouble.QUOTA))
    assert "http://127.0.0.1:9/elsewhere" in refusal(always(Trouble.REDIRECT))


@pytest.mark.parametrize("trouble", [Trouble.BAD_KEY, Trouble.FORBIDDEN])
def test_a_refused_key_names_the_variable_and_never_the_key(trouble: Trouble) -> None:
    with_key = refusal(always(trouble), api_key_env="TEST_KEY")
    assert "environment variable TEST_KEY" in with_key
    assert KEY not in with_key
    assert "api_key_env" in refusal(always(trouble))


def test_the_key_is_sent_and_kept_out_of_everything_else() -> None:
    options = ServerOptions(api_key_env="TEST_KEY")
    assert KEY not in repr(options)
    assert options.output_options() == {}
    answer, proxy = once(first(), api_key_env="TEST_KEY")
    assert KEY not in repr(answer)
    assert [r.headers["authorization"] for r in proxy.requests] == [f"Bearer {KEY}"]
    with pytest.raises(UserError, match="NO_SUCH_KEY"):
        Client(ServerOptions(api_key_env="NO_SUCH_KEY"), ["http://127.0.0.1:1"], "m")


def test_slow_bytes_end_at_the_pause_within_a_reply() -> None:
    async def run() -> None:
        async with through(first(Trouble.SLOW_BYTES), idle_timeout_s=0.1) as (client, proxy):
            proxy.pause_s = 5.0
            assert isinstance(await client.chat(ask()), ChatReply)
            assert proxy.seen == {Trouble.SLOW_BYTES: 1, None: 1}

    asyncio.run(run())


def test_bytes_that_trickle_end_at_the_limit_of_the_whole_reply() -> None:
    async def run() -> None:
        async with through(always(Trouble.SLOW_BYTES), timeout_s=0.2, idle_timeout_s=0.15, tries=2) as (client, proxy):
            proxy.pause_s = 0.02
            started = time.monotonic()
            answer = await client.chat(ask())
            assert time.monotonic() - started < 2
            assert isinstance(answer, ChatFailure)
            assert answer.reason is Fault.UNANSWERED

    asyncio.run(run())


def test_silence_ends_at_the_limit_and_makes_the_limiter_smaller() -> None:
    async def run() -> None:
        async with through(first(Trouble.SILENCE), timeout_s=0.2, start_concurrency=100) as (client, _):
            assert isinstance(await client.chat(ask()), ChatReply)
            assert client._spread.servers[0].limiter.limit < 100

    asyncio.run(run())


@pytest.mark.parametrize("trouble", [Trouble.PUSH_BACK_SECONDS, Trouble.PUSH_BACK_DATE])
def test_retry_after_is_honoured(trouble: Trouble) -> None:
    async def run() -> float:
        async with through(first(trouble)) as (client, proxy):
            proxy.retry_after_s = 2.0 if trouble is Trouble.PUSH_BACK_DATE else 0.3
            started = time.monotonic()
            assert isinstance(await client.chat(ask()), ChatReply)
            return time.monotonic() - started

    waited_s = asyncio.run(run())
    assert waited_s >= 0.3
    assert waited_s < 5


def test_cancelled_requests_leave_nothing_running() -> None:
    """Neither in the client nor, as connections close, at the server."""

    async def run() -> None:
        async with through(first(), pace=Pace(4, 10.0), start_concurrency=8) as (client, proxy):
            tasks = [asyncio.create_task(client.chat(ask(str(n)))) for n in range(20)]
            await _until(lambda: proxy.n_open == 8)
            for task in tasks:
                task.cancel()
            assert all(
                isinstance(e, asyncio.CancelledError) for e in await asyncio.gather(*tasks, return_exceptions=True)
            )
            await _until(lambda: proxy.n_open == 0)
            assert client._spread.servers[0].limiter.in_flight == 0
            assert client._spread.servers[0].sent == {}

    asyncio.run(run())


def test_closing_ends_those_that_wait() -> None:
    async def run() -> None:
        async with through(first(), pace=Pace(1, 10.0), start_concurrency=1) as (client, proxy):
            tasks = [asyncio.create_task(client.chat(ask(str(n)))) for n in range(3)]
            await _until(lambda: proxy.n_open == 1)
            await client.close()
            outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
            assert all(isinstance(o, EngineError) and "closed" in str(o) for o in outcomes), outcomes

    asyncio.run(run())


def test_closing_ends_what_is_about_to_be_tried_again_at_a_server_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BACKOFF_S", 0.4)

    async def run() -> None:
        async with Proxy("http://127.0.0.1:9", first()) as proxy:
            gone = proxy.url
        client = Client(ServerOptions(), [gone], "mock")
        asked = asyncio.create_task(client.chat(ask()))
        await _until(
            lambda: client.at_once == 0
        )  # refused: the server is down, and the request waits before its next try
        await client.close()
        with pytest.raises(EngineError, match="closed"):
            await asyncio.wait_for(asked, 5)

    asyncio.run(run())


def test_a_refused_connection_waits_for_the_server_to_come_back() -> None:
    async def run() -> None:
        async with through(first(), tries=2) as (client, proxy):
            await proxy.die()
            tasks = [asyncio.create_task(client.chat(ask(str(n)))) for n in range(10)]
            await asyncio.sleep(0.2)
            assert not any(t.done() and t.exception() for t in tasks)
            await proxy.listen()
            assert all(isinstance(r, ChatReply) for r in await asyncio.gather(*tasks))

    asyncio.run(run())


def test_all_gone_for_too_long_is_one_line_with_what_each_said() -> None:
    async def run() -> None:
        urls = ["http://127.0.0.1:9/v1", "http://localhost:9"]
        client = Client(ServerOptions(give_up_s=0.3), urls, "m")
        outcomes = await asyncio.gather(*[client.chat(ask()) for _ in range(20)], return_exceptions=True)
        await client.close()
        for outcome in outcomes:
            assert isinstance(outcome, EngineError), outcome
            assert str(outcome).startswith("No server has answered for 0.3 s (http://127.0.0.1:9/v1: ")
            assert str(outcome).count("Connect call failed") == 2
            assert "\n" not in str(outcome)

    asyncio.run(run())


def test_a_server_that_only_fails_is_gone_too() -> None:
    """It lists its models, and breaks every chat completion: rows fail first, and then the build stops."""

    async def run() -> None:
        async with through(always(Trouble.ERROR), give_up_s=0.3, tries=50) as (client, _):
            outcomes = await asyncio.gather(*[client.chat(ask()) for _ in range(5)], return_exceptions=True)
            assert any(isinstance(o, EngineError) and "EngineCore encountered an issue" in str(o) for o in outcomes), (
                outcomes
            )

    asyncio.run(run())


def test_the_list_of_models() -> None:
    async def run() -> None:
        async with through(first()) as (client, proxy):
            (model,) = await client.models(proxy.url.removesuffix("/v1") + "/")
            assert (model.id, model.max_model_len) == ("mock", 32768)
            with pytest.raises(EngineError, match=r"http://127.0.0.1:9/v1 does not answer: .*Is it running\?"):
                await client.models("http://127.0.0.1:9")

    asyncio.run(run())


def test_the_body_of_a_request() -> None:
    async def run() -> None:
        async with through(first()) as (client, proxy):
            schema = {"type": "object"}
            request = ask(
                "é", sampling={"temperature": 0.5}, seed=2**40 + 3, schema=schema, extra={"reasoning_effort": "low"}
            )
            await client.chat(request)
            (sent,) = proxy.requests
            assert sent.body.decode() == (
                '{"model":"mock","messages":[{"role":"user","content":"é"}],"temperature":0.5,"seed":3,"response_format":'
                '{"type":"json_schema","json_schema":{"name":"reply","schema":{"type":"object"},"strict":true}},"reasoning_effort":"low"}'
            )
            assert sent.path == "/v1/chat/completions"

    asyncio.run(run())


async def _until(true: Callable[[], bool]) -> None:
    """Waits for a state; TimeoutError after 5 s."""

    async def wait() -> None:
        while not true():
            await asyncio.sleep(0.01)

    waiting: Awaitable[None] = wait()
    await asyncio.wait_for(waiting, 5)
