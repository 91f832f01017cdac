"""Addresses as people write them, and the environment's proxies; what other forms of answers mean."""

import json
import resource
from datetime import UTC, datetime

import pytest

from datagen.engines.llm.answers import Broken, PushBack, Unfit, read_answer, read_models, retry_after_s, words_of
from datagen.engines.llm.chat import ChatFailure, ChatReply, Fault
from datagen.engines.llm.client import Client
from datagen.engines.llm.options import ServerOptions
from datagen.engines.llm.wire import address_of
from datagen.errors import UserError


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://gpu1:8000", "http://gpu1:8000/v1"),
        ("http://gpu1:8000/", "http://gpu1:8000/v1"),
        ("http://gpu1:8000/v1", "http://gpu1:8000/v1"),
        (" http://gpu1:8000/v1/ ", "http://gpu1:8000/v1"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://h/v1/chat/completions", "https://h/v1"),
        ("https://h/gateway/team", "https://h/gateway/team/v1"),
        ("https://h/v1beta/openai/", "https://h/v1beta/openai"),
        ("https://h/api/paas/v4", "https://h/api/paas/v4"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_base_urls_as_people_write_them(url: str, base: str) -> None:
    assert address_of(url).base == base
    assert address_of(url).name == base


def test_credentials_of_a_url_stay_out_of_its_name() -> None:
    address = address_of("https://me:secret@h:1/v1")
    assert address.base == "https://me:secret@h:1/v1"
    assert address.name == "https://h:1/v1"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gpu1:8000",
        "ftp://h",
        "http://",
        "http://h:port",
        "me:secret@h",
        "http://a b/v1",
        "http://a..b",
        "http://h:0",
        f"http://{'a' * 64}.com",
        "http://h/v1?x=1",
        "http://h#a",
    ],
)
def test_what_is_no_url_is_the_user_s(url: str) -> None:
    with pytest.raises(UserError, match="no address of a server") as caught:
        address_of(url)
    assert "secret" not in str(caught.value)


def test_a_client_without_servers_and_with_two_sorts_of_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no server is named"):
        Client(ServerOptions(), [], "m")
    monkeypatch.setenv("TEST_KEY", "k")
    with pytest.raises(UserError, match="only one of both") as caught:
        Client(ServerOptions(api_key_env="TEST_KEY"), ["http://me:secret@h"], "m")
    assert "secret" not in str(caught.value)


def test_proxies_are_the_environment_s_and_never_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "no_proxy",
        "NO_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert address_of("http://outside.example").proxy == "http://proxy:3128"
    assert address_of("https://outside.example").proxy is None
    for url in (
        "http://inside.example",
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://127.9.9.9",
        "http://[::1]",
    ):
        assert address_of(url).proxy is None, url


def test_open_files_bound_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    urls = ["http://a", "http://b/v1", "http://b"]
    client = Client(ServerOptions(start_concurrency=1000, max_concurrency=1000), urls, "m")
    assert [s.limiter.limit for s in client._spread.servers] == [384, 384], "two servers share three quarters of 1024"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    client = Client(ServerOptions(start_concurrency=1000, max_concurrency=1000), urls, "m")
    assert client._spread.servers[0].limiter.limit == 1000


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 11, 21, 7, 0, 0, tzinfo=UTC)
    assert retry_after_s("20") == 20.0
    assert retry_after_s("1.5") == 1.5
    assert retry_after_s("Sat, 21 Nov 2026 07:00:30 GMT", now) == 30.0
    assert retry_after_s("Sat, 21 Nov 2026 06:00:00 GMT", now) == 0.0
    assert retry_after_s("soon") is None
    assert retry_after_s(None) is None


@pytest.mark.parametrize(
    "said",
    [
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that …",
        "'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum context length is 8192 tokens and your request "
        "has 20 input tokens (9000 > 8192 - 20).",
        "You passed 8193 input tokens and requested 0 output tokens. However, the model's context length is only 8192 tokens",
        "the request exceeds the available context size, try increasing it",
        "Input is too long for requested model.",
        "Requested token count exceeds the model's maximum context length of 4096 tokens.",
    ],
)
def test_ways_to_say_that_a_row_is_too_long(said: str) -> None:
    body = json.dumps({"error": {"message": said, "type": "BadRequestError", "code": 400}}).encode()
    answer = read_answer(400, {}, body, "u")
    assert isinstance(answer, ChatFailure)
    assert answer.reason is Fault.CONTEXT_LENGTH
    assert said[:40] in answer.detail


def test_other_refusals_are_not_too_long() -> None:
    for said in (
        "temperature must be non-negative",
        "The stop sequence is too long ago",
        "Grammar error: invalid schema",
    ):
        answer = read_answer(400, {}, json.dumps({"error": {"message": said}}).encode(), "u")
        assert isinstance(answer, ChatFailure)
        assert answer.reason is Fault.BAD_REQUEST


def test_statuses() -> None:
    assert read_answer(503, {"Retry-After": "7"}, b"", "u") == PushBack("HTTP 503", 7.0)
    assert read_answer(529, {}, b"", "u") == PushBack("HTTP 529", None)
    assert read_answer(524, {}, b"", "u") == Broken("HTTP 524")
    assert read_answer(413, {}, b"too big", "u") == ChatFailure(Fault.CONTEXT_LENGTH, "HTTP 413: too big")
    assert read_answer(404, {}, b'{"message": "The model `x` does not exist."}', "u") == Unfit(
        "model", "HTTP 404: The model `x` does not exist."
    )
    assert read_answer(405, {}, b"", "u") == Unfit("address", "HTTP 405")


def test_a_reply_and_its_reasoning() -> None:
    message = {"role": "assistant", "content": " hi ", "reasoning_content": "hm"}
    body = {"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": None}
    reply = read_answer(200, {}, json.dumps(body).encode(), "http://h/v1")
    assert reply == ChatReply(" hi ", "hm", "stop", 0, 0, "m", "http://h/v1")
    message["content"] = [{"type": "text", "text": "parts"}]  # type: ignore[assignment]
    answer = read_answer(200, {}, json.dumps(body).encode(), "u")
    assert isinstance(answer, ChatFailure)
    assert answer.reason is Fault.BAD_BODY
    for odd in (
        b"[]",
        b"null",
        b"7",
        b"\xff\xfe",
        b"",
        b'{"choices": {}}',
        b'{"choices": [7]}',
        b'{"choices": "x"}',
        b"[" * 100_000,
    ):
        answer = read_answer(200, {}, odd, "u")
        assert isinstance(answer, ChatFailure), odd


def test_what_no_file_can_hold_comes_in_no_reply() -> None:
    message = {"content": "a \ud83d b \U0001f600", "reasoning": "\udc00"}
    usage = {"prompt_tokens": 10**40, "completion_tokens": True}
    body = {"model": "m\x1b\ud800" * 200, "choices": [{"message": message, "finish_reason": "\ud800"}], "usage": usage}
    reply = read_answer(200, {}, json.dumps(body).encode(), "u")
    assert isinstance(reply, ChatReply)
    assert (reply.content, reply.reasoning, reply.finish_reason) == ("a \ufffd b \U0001f600", "\ufffd", "\ufffd")
    assert (reply.model, reply.prompt_tokens, reply.completion_tokens) == ("m\ufffd\ufffd" * 66 + "m\ufffd", 0, 0)
    for said in ({"message": "\ud800"}, "\ud800", ["\ud800"]):
        words_of(400, json.dumps({"error": said}).encode()).encode()


def test_words_of_a_server_are_one_short_line() -> None:
    assert words_of(500, b"<html>\n<body><h1>Oh\n no</h1></html>") == "HTTP 500: Oh no"
    assert words_of(422, b'{"detail": [{"loc": ["body"], "msg": "missing"}]}') == (
        'HTTP 422: [{"loc": ["body"], "msg": "missing"}]'
    )
    assert words_of(400, b'{"error": "plain"}') == "HTTP 400: plain"
    assert len(words_of(500, b"x" * 100_000)) < 260
    assert len(words_of(500, b"[" * 100_000)) < 260


def test_lists_of_models() -> None:
    body = b'{"data": [{"id": "a", "max_model_len": 4096}, {"id": "b"}, {"no": "id"}]}'
    assert [(m.id, m.max_model_len) for m in read_models(body)] == [("a", 4096), ("b", None)]
    for odd in (b"[]", b"{}", b"no", b'{"data": 7}', b"[" * 100_000):
        with pytest.raises(ValueError):
            read_models(odd)
