"""A chat server that means harm: whatever it sends, and however slowly, a request ends in time, in little memory, in one line."""

import asyncio
import contextlib
import json
import resource
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from datagen.engines.llm.chat import ChatFailure, ChatReply, ChatRequest, Fault
from datagen.engines.llm.client import Client
from datagen.engines.llm.options import ServerOptions
from datagen.errors import EngineError, UserError

KEY = "sk-canary-0123456789abcdef"
ASKED = ChatRequest([{"role": "user", "content": "Hi."}])
OPTIONS = ServerOptions(
    api_key_env="TEST_API_KEY",
    timeout_s=2,
    idle_timeout_s=0.5,
    connect_timeout_s=1,
    tries=1,
    give_up_s=3,
    max_reply_bytes=65_536,
)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def sends(*parts: bytes) -> Answer:
    async def answer(to: asyncio.StreamWriter) -> None:
        for part in parts:
            to.write(part)
            await to.drain()

    return answer


def for_ever(head: bytes, part: bytes, pause_s: float = 0.0) -> Answer:
    async def answer(to: asyncio.StreamWriter) -> None:
        to.write(head)
        while True:
            to.write(part)
            await to.drain()
            await asyncio.sleep(pause_s)

    return answer


def _bomb() -> bytes:
    """200 MB of spaces in 200 kB of gzip."""
    packed = zlib.compressobj(wbits=31)
    return b"".join(packed.compress(b" " * (1 << 20)) for _ in range(200)) + packed.flush()


def _bodied(body: bytes, head: bytes = OK) -> bytes:
    return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def _gzipped() -> Answer:
    return sends(_bodied(_bomb(), OK + b"Content-Encoding: gzip\r\n"))


ATTACKS: dict[str, Answer] = {
    "a body without end": for_ever(OK + b"Connection: close\r\n\r\n", b" " * 65_536),
    "chunks without end": for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "a byte now and then": for_ever(OK + b"Connection: close\r\n\r\n", b" ", 0.05),
    "headers without end": for_ever(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 1000 + b"\r\n"),
    "one header without end": for_ever(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65_536),
    "a header's byte now and then": for_ever(b"HTTP/1.1 200 OK\r\nX-A: ", b"a", 0.05),
    "continues without end": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a chunk's size without end": for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65_536),
    "a length of an exabyte": sends(OK + b"Content-Length: 1152921504606846976\r\n\r\n" + b" " * 1000),
    "a length below nothing": sends(OK + b"Content-Length: -5\r\n\r\n{}"),
    "two lengths": sends(OK + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}"),
    "a gzip bomb": _gzipped(),
    "no HTTP": sends(b"\x00\xff" * 40_000),
    "brackets": sends(_bodied(b"[" * 60_000)),
    "digits": sends(_bodied(b'{"choices": ' + b"9" * 60_000 + b"}")),
    "a name of control characters": sends(_bodied(b'{"error": "\\u001b[2J\\u0007"}', b"HTTP/1.1 418 \x1b[2J\r\n")),
    "lists of models without end": for_ever(
        b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", b'{"model": "not found"}' * 999
    ),
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TEST_API_KEY", KEY)
    return


@contextlib.asynccontextmanager
async def serving(answer: Answer, seen: list[bytes] | None = None) -> AsyncIterator[str]:
    """The URL of a server that gives this answer to whatever is asked."""

    async def meet(came: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await came.readuntil(b"\r\n\r\n")
            if seen is not None:
                seen.append(head)
            await answer(to)
        with contextlib.suppress(OSError):
            to.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def asked(answer: Answer, options: ServerOptions = OPTIONS) -> ChatReply | ChatFailure | EngineError:
    """What comes of a request to such a server, with the model's name as the recipe has it."""

    async def ask() -> ChatReply | ChatFailure | EngineError:
        async with serving(answer) as url:
            client = Client(options, [url], "m")
            try:
                return await client.chat(ASKED)
            except EngineError as error:
                return error
            finally:
                await client.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("name", [n for n, a in ATTACKS.items()])
def test_a_request_ends(name: str) -> None:
    before_kb, began_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    found = asked(ATTACKS[name])
    assert time.monotonic() - began_s < 20, "far over every limit of the options"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 150_000
    said = str(found) if isinstance(found, EngineError) else found.detail
    assert isinstance(found, EngineError | ChatFailure)
    assert 0 < len(said) < 600
    assert (
        said.isprintable() or name == "a name of control characters"
    )  # what is printed is made plain: test_terminal.py
    assert KEY not in said


@pytest.mark.parametrize(
    "name", ["a byte now and then", "a header's byte now and then", "a gzip bomb", "brackets", "headers without end"]
)
def test_counting_tokens_ends_too(name: str) -> None:
    async def count() -> int | None:
        async with serving(ATTACKS[name]) as url:
            client = Client(OPTIONS, [url], "m")
            try:
                return await client.n_tokens(url, ASKED.messages)
            finally:
                await client.close()

    began_s = time.monotonic()
    assert asyncio.run(count()) is None
    assert time.monotonic() - began_s < 20


def test_nobody_else_gets_the_key() -> None:
    """A redirect is not followed, neither for a dialogue nor for the small questions before."""
    seen: list[bytes] = []

    async def ask() -> tuple[str, int | None]:
        async with serving(sends(_bodied(b"{}")), seen) as elsewhere:
            for status in (b"307 Temporary Redirect", b"301 Moved Permanently"):
                away = (
                    b"HTTP/1.1 "
                    + status
                    + f"\r\nLocation: {elsewhere}/v1/chat/completions\r\nContent-Length: 0\r\n\r\n".encode()
                )
                async with serving(sends(away)) as url:
                    client = Client(OPTIONS, [url], "m")
                    try:
                        with pytest.raises(EngineError) as raised:
                            await client.chat(ASKED)
                        counted = await client.n_tokens(url, ASKED.messages)
                    finally:
                        await client.close()
        return str(raised.value), counted

    said, counted = asyncio.run(ask())
    assert seen == []
    assert counted is None
    assert "takes no chat completions" in said or "lists no models" in said


def test_a_reply_that_quotes_the_key() -> None:
    message = {"role": "assistant", "content": f"Your key is {KEY}.", "reasoning": f"the {KEY}"}
    body = json.dumps({"model": f"m-{KEY}", "choices": [{"message": message, "finish_reason": f"stop{KEY}"}]}).encode()
    reply = asked(sends(_bodied(body)))
    assert isinstance(reply, ChatReply)
    assert reply.content == "Your key is ***."
    assert KEY not in repr(reply)
    message["content"] = ""
    body = json.dumps({"choices": [{"message": message, "finish_reason": "length"}]}).encode()
    cut = asked(sends(_bodied(body)))
    assert isinstance(cut, ChatFailure)
    assert cut.reason is Fault.CUT
    assert KEY not in repr(cut)


def test_a_local_server_s_key_is_a_word_and_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_API_KEY", "none")
    body = json.dumps({"choices": [{"message": {"content": "There is none."}, "finish_reason": "stop"}]}).encode()
    reply = asked(sends(_bodied(body)))
    assert isinstance(reply, ChatReply)
    assert reply.content == "There is none."


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "PGPASSWORD",
        "DB_PASSWORD",
        "aws_session_token",
        "PREFECT_API_AUTH_STRING",
    ],
)
def test_a_recipe_does_not_send_other_secrets_to_its_server(name: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError, match="is of something else, and a recipe may send it anywhere"):
        ServerOptions(api_key_env=name)


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "MY_KEY", "HF_TOKEN", "DATAGEN_VLLM_KEY_8000"]
)
def test_keys_of_models_may_be_named(name: str) -> None:
    assert ServerOptions(api_key_env=name).api_key_env == name


def test_a_password_in_an_address_is_in_no_message() -> None:
    with pytest.raises(UserError) as raised:
        Client(ServerOptions(), [f"ftp://me:{KEY}@host/v1"], "m")
    assert KEY not in str(raised.value)
