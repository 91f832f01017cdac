"""A real vLLM with tiny random models: the engine's own server, the client before it, and what goes wrong with either.

Needs an environment (`datagen engines install vllm`, or `--cpu`); without one it is skipped, and says so. `-m vllm` is one start and
one round trip, `-m full` all of it. Random weights write nonsense: what is looked at is structure, never sense.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from proxy import PASSING, Proxy, Trouble, shares
from tiny_models import tiny_model

from datagen.engines.llm import families, preflight
from datagen.engines.llm.chat import ChatFailure, ChatReply, ChatRequest, Fault
from datagen.engines.llm.client import Client
from datagen.engines.llm.options import ServerOptions
from datagen.engines.llm.vllm_server import VllmServer, VllmServerOptions
from datagen.engines.own_env import environments
from datagen.errors import EngineError

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

Got = TypeVar("Got")
WINDOW = 4096
EAGER = ("--enforce-eager",)
"""Not compiled: it is there sooner."""
SCHEMA: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["role_context", "turns"],
    "properties": {
        "role_context": {"type": "string", "maxLength": 60},
        "turns": {
            "type": "array", "minItems": 2, "maxItems": 5,
            "items": {
                "type": "object", "additionalProperties": False, "required": ["speaker", "text", "marks"],
                "properties": {
                    "speaker": {"enum": ["agent", "user"]},
                    "text": {"type": "string", "minLength": 1, "maxLength": 40},
                    "marks": {
                        "type": "array", "maxItems": 2,
                        "items": {
                            "type": "object", "additionalProperties": False, "required": ["type", "word"],
                            "properties": {"type": {"enum": ["barge_in", "pause"]}, "word": {"enum": [0, 1, 2, 3]}},
                        },
                    },
                },
            },
        },
    },
}  # fmt: skip
"""As nested as a writer's: an object of lists of objects of lists."""
MESSAGES = [{"role": "system", "content": "You write calls."}, {"role": "user", "content": "A call, please."}]


class Live:
    """A running server, and an event loop to use it in."""

    def __init__(self, runner: asyncio.Runner, server: VllmServer, log: Path) -> None:
        self.server, self.log, self._runner = server, log, runner
        self.options = ServerOptions(api_key_env=server.api_key_env, timeout_s=120)

    def do(self, use: Callable[[Client], Awaitable[Got]], url: str = "") -> Got:
        """What `use` gives with a client of the server, or of `url`."""

        async def run() -> Got:
            client = Client(self.options, [url or self.server.url], self.server.served)
            try:
                return await use(client)
            finally:
                await client.close()

        return self._runner.run(run())

    def ask(self, *requests: ChatRequest) -> list[ChatReply | ChatFailure]:
        async def all_of_them(client: Client) -> list[ChatReply | ChatFailure]:
            return list(await asyncio.gather(*map(client.chat, requests)))

        return self.do(all_of_them)

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(self.server.url.removesuffix("/v1") + "/metrics", timeout=10) as response:
            text = response.read().decode()
        return sum(float(v) for v in re.findall(rf"^vllm:{name}\{{[^}}]*\}} ([\d.e+]+)$", text, re.MULTILINE))


@contextlib.contextmanager
def live(name: str, work: Path, **options: Any) -> Iterator[Live]:
    environment = environments.find("vllm")
    if environment is None:
        pytest.skip(environments.missing("vllm"))
    server = VllmServer(
        str(tiny_model(name, environment.python)), VllmServerOptions(max_model_len=WINDOW, **options), work
    )
    with asyncio.Runner() as runner:
        runner.run(server.start())
        try:
            yield Live(runner, server, next(work.glob("*.log")))
        finally:
            pids = group_of(server)
            runner.run(server.close())
            assert not [pid for pid in pids if alive(pid)]


@pytest.fixture(scope="module")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("qwen3", tmp_path_factory.mktemp("qwen3")) as found:
        yield found


@pytest.fixture(scope="module")
def gpt_oss(qwen3: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """After Qwen3's server is gone: two at a time are too much for two cores."""
    asyncio.run(qwen3.server.close())
    with live("gpt-oss", tmp_path_factory.mktemp("gpt-oss")) as found:
        yield found


def group_of(server: VllmServer) -> list[int]:
    """Every process of the server: vLLM's own, its engine's and the workers'."""
    found, todo = [], [] if server._process is None else [server._process.pid]
    while todo:
        pid = todo.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                todo += map(int, (task / "children").read_text().split())
    return found


def alive(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process is still there after a moment (a zombie is not)."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return False
        except OSError:
            return False
        time.sleep(0.1)
    return True


def request_of(
    live: Live, seed: int, thinking: bool = False, schema: Mapping[str, Any] | None = None, **more: Any
) -> ChatRequest:
    messages, extra = live.server.family.request(MESSAGES, thinking, "low", schema)
    sampling = {**live.server.family.sampling(thinking), "max_tokens": 1500 if schema else 60, **more}
    return ChatRequest(messages, sampling, seed, schema, extra)


def fits(text: str, strict: bool) -> bool:
    """Whether a text is JSON of SCHEMA's shape."""
    try:
        found = json.loads(text, strict=strict)
    except ValueError:
        return False
    return set(found) == {"role_context", "turns"} and all(
        set(turn) == {"speaker", "text", "marks"} and turn["speaker"] in ("agent", "user") for turn in found["turns"]
    )


@pytest.mark.vllm
def test_one_round_trip(qwen3: Live) -> None:
    """The short form: a server of our own answers freely and under a grammar, and `live` sees that nothing is left of it."""
    free, guided = qwen3.ask(request_of(qwen3, 1), request_of(qwen3, 1, schema=SCHEMA))
    assert isinstance(guided, ChatReply)
    text, failure = qwen3.server.family.clean(guided)
    assert failure is None
    assert fits(text, strict=True)
    reply = free.reply if isinstance(free, ChatFailure) else free  # 60 tokens may cut it
    assert reply is not None
    assert reply.completion_tokens > 0
    assert reply.model == "tiny-qwen3"


def test_ten_of_ten_are_valid_under_the_grammar(qwen3: Live) -> None:
    replies = qwen3.ask(*(request_of(qwen3, seed, schema=SCHEMA, temperature=1.0) for seed in range(10)))
    texts = [qwen3.server.family.clean(r)[0] for r in replies if isinstance(r, ChatReply)]
    assert [fits(t, strict=True) for t in texts] == [True] * 10
    assert len(set(texts)) == 10


def test_the_same_seed_writes_the_same(qwen3: Live) -> None:
    one, two = qwen3.ask(request_of(qwen3, 7, schema=SCHEMA)), qwen3.ask(request_of(qwen3, 7, schema=SCHEMA))
    assert isinstance(one[0], ChatReply)
    assert isinstance(two[0], ChatReply)
    assert one[0].content == two[0].content


def test_thinking_is_kept_apart_and_can_be_switched_off(qwen3: Live) -> None:
    family = qwen3.server.family
    on = qwen3.ask(*(request_of(qwen3, seed, thinking=True, max_tokens=400) for seed in range(8)))
    off = qwen3.ask(*(request_of(qwen3, seed, max_tokens=40) for seed in range(8)))
    thought = [r.reply if isinstance(r, ChatFailure) else r for r in on]
    assert sum(bool(r is not None and r.reasoning) for r in thought) >= 4  # random weights may end it at once
    texts = [family.clean(r, thinking=True)[0] for r in thought if r is not None]
    assert any(texts)
    assert not any("<think>" in t or "</think>" in t for t in texts)
    assert all((r.reply if isinstance(r, ChatFailure) else r).reasoning == "" for r in off)  # type: ignore[union-attr]


def test_thinking_that_never_ends_is_a_failure_and_no_text(qwen3: Live) -> None:
    never = {"logit_bias": {str(qwen3_token("</think>")): -100}}
    (answer,) = qwen3.ask(request_of(qwen3, 1, thinking=True, max_tokens=50, **never))
    assert isinstance(answer, ChatFailure)
    assert answer.reason in (Fault.CUT, Fault.NO_CONTENT)
    assert answer.reply is not None
    assert answer.reply.content == ""
    assert qwen3.server.family.clean(answer.reply, thinking=True)[1] is not None


def qwen3_token(token: str) -> int:
    environment = environments.needed("vllm")
    files = json.loads((tiny_model("qwen3", environment.python) / "tokenizer.json").read_bytes())
    return next(int(t["id"]) for t in files["added_tokens"] if t["content"] == token)


def test_shared_instructions_are_read_once(qwen3: Live) -> None:
    """Twenty prompts that begin alike: what vLLM's prefix cache counts as found is most of what it was asked for."""
    shared = {"role": "system", "content": "Agents speak briefly, and in whole sentences. " * 40}
    asked = [ChatRequest([shared, {"role": "user", "content": f"Call {i}."}], {"max_tokens": 2}, i) for i in range(20)]
    qwen3.ask(asked[0])
    queries, hits = qwen3.metric("prefix_cache_queries_total"), qwen3.metric("prefix_cache_hits_total")
    qwen3.ask(*asked[1:])
    share = (qwen3.metric("prefix_cache_hits_total") - hits) / (qwen3.metric("prefix_cache_queries_total") - queries)
    assert share > 0.8


def test_a_prompt_that_is_too_long_is_a_failure_of_its_own(qwen3: Live) -> None:
    long = ChatRequest([{"role": "user", "content": "hello there " * WINDOW}], {"max_tokens": 10}, 0)
    refused, fine = qwen3.ask(long, request_of(qwen3, 3, schema=SCHEMA))
    assert isinstance(refused, ChatFailure)
    assert refused.reason is Fault.CONTEXT_LENGTH
    assert isinstance(fine, ChatReply)


def test_preflight_asks_the_server(qwen3: Live) -> None:
    options, urls, model = qwen3.options, [qwen3.server.url], qwen3.server.served
    assert preflight.running(options, urls, model, MESSAGES, 1000) == []

    async def count() -> int | None:
        client = Client(options, urls, model)
        try:
            return await client.n_tokens(urls[0], MESSAGES)
        finally:
            await client.close()

    counted = asyncio.run(count())
    (reply,) = qwen3.ask(request_of(qwen3, 0, schema=SCHEMA))
    assert isinstance(reply, ChatReply)
    assert counted is not None
    assert abs(counted - reply.prompt_tokens) <= 8  # without the empty think block
    (line,) = preflight.running(options, urls, model, MESSAGES, WINDOW)
    assert f"{WINDOW} tokens, and the longest prompt ({counted}, counted)" in line
    (line,) = preflight.running(options, urls, "Tiny-Qwen", MESSAGES, 10)
    assert line.endswith("has no model Tiny-Qwen. Did you mean tiny-qwen3?")
    (line,) = preflight.running(ServerOptions(), urls, model)
    assert "\n" not in line
    assert re.search("key|refus|401", line)


def test_through_the_fault_proxy_every_request_is_answered(qwen3: Live) -> None:
    """A fifth of all answers broken or pushed back: the client gets every row, and the server none that it was not asked for."""
    troubles = dict.fromkeys((*PASSING, Trouble.PUSH_BACK, Trouble.UNAVAILABLE), 0.02)

    async def run() -> tuple[list[ChatReply | ChatFailure], int]:
        async with Proxy(qwen3.server.url, shares(troubles, seed=5)) as proxy:
            client = Client(qwen3.options, [proxy.url], qwen3.server.served)
            try:
                asked = [request_of(qwen3, seed, schema=SCHEMA) for seed in range(60)]
                return list(await asyncio.gather(*map(client.chat, asked))), sum(
                    n for trouble, n in proxy.seen.items() if trouble
                )
            finally:
                await client.close()

    replies, n_troubles = qwen3._runner.run(run())
    assert n_troubles >= 5
    texts = [qwen3.server.family.clean(r)[0] for r in replies if isinstance(r, ChatReply)]
    assert [fits(t, strict=True) for t in texts] == [True] * 60


def test_gpt_oss_is_valid_under_the_grammar_ten_of_ten(gpt_oss: Live) -> None:
    """By xgrammar, which lets raw control characters into strings: read with strict=False."""
    replies = gpt_oss.ask(*(request_of(gpt_oss, seed, schema=SCHEMA) for seed in range(10)))
    assert [
        r for r in replies if not isinstance(r, ChatReply) or not fits(gpt_oss.server.family.clean(r)[0], strict=False)
    ] == []


def test_gpt_oss_json_token_is_where_the_family_says(gpt_oss: Live) -> None:
    assert str(gpt_oss_token("Ġjson")) == families.HARMONY_JSON_TOKEN


def test_gpt_oss_keeps_its_analysis_apart(gpt_oss: Live) -> None:
    """Pushed into its analysis and out of it again; the grammar has no string that could swallow the push."""
    schema = {
        "type": "object",
        "properties": {"answer": {"enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    push = {str(gpt_oss_token("analysis")): 10, str(gpt_oss_token("<|end|>")): 13}
    asked = [request_of(gpt_oss, seed, schema=schema) for seed in range(6)]
    pushed = [replace(r, extra={**r.extra, "logit_bias": {**r.extra["logit_bias"], **push}}) for r in asked]
    replies = gpt_oss.ask(*pushed)
    texts = [gpt_oss.server.family.clean(r)[0] for r in replies if isinstance(r, ChatReply)]
    assert {json.loads(t)["answer"] for t in texts} <= {"yes", "no"}
    assert len(texts) == 6
    assert any(isinstance(r, ChatReply) and r.reasoning for r in replies)


def gpt_oss_token(token: str) -> int:
    environment = environments.needed("vllm")
    files = json.loads((tiny_model("gpt-oss", environment.python) / "tokenizer.json").read_bytes())
    return int(files["model"]["vocab"][token])


def test_gpt_oss_written_freely_never_leaks_its_channels(gpt_oss: Live) -> None:
    replies = gpt_oss.ask(*(request_of(gpt_oss, seed) for seed in range(10)))
    whole = [r.reply if isinstance(r, ChatFailure) else r for r in replies]
    cleaned = [gpt_oss.server.family.clean(r) for r in whole if r is not None]
    assert cleaned
    assert all("<|" not in text and (bool(text) != bool(failure)) for text, failure in cleaned)


def test_a_server_killed_in_the_midst_of_requests_is_told_apart(gpt_oss: Live) -> None:
    """Its clients stop within `give_up_s`, it says what killed it, and it can be started again."""
    gpt_oss.options = gpt_oss.options.model_copy(update={"give_up_s": 3.0})
    served = group_of(gpt_oss.server)[1]

    async def killed(client: Client) -> str:
        asked = [request_of(gpt_oss, seed, max_tokens=3000, min_tokens=2900) for seed in range(8)]
        under_way = [asyncio.ensure_future(client.chat(r)) for r in asked]
        await asyncio.sleep(1.0)
        os.kill(served, signal.SIGKILL)
        ended = await asyncio.gather(*under_way, return_exceptions=True)
        return next((str(e) for e in ended if isinstance(e, EngineError)), "")

    said = gpt_oss.do(killed)
    assert said
    assert "\n" not in said
    end = time.monotonic() + 10
    while not gpt_oss.server.ended() and time.monotonic() < end:
        time.sleep(0.1)
    assert gpt_oss.server.ended() == "was killed by SIGKILL (out of memory?)."
    gpt_oss._runner.run(gpt_oss.server.start())
    gpt_oss.options = gpt_oss.options.model_copy(update={"api_key_env": gpt_oss.server.api_key_env})
    (reply,) = gpt_oss.ask(request_of(gpt_oss, 1, schema=SCHEMA))
    assert isinstance(reply, ChatReply)


def test_wrong_arguments_and_models_are_one_line(gpt_oss: Live, tmp_path: Path) -> None:
    """From the real logs of vLLM, none of which gets as far as loading a model."""
    del gpt_oss
    environment = environments.needed("vllm")
    tiny = str(tiny_model("qwen3", environment.python))
    cases = [
        (tiny, {"extra_args": ("--nonsense", "3")}, "does not take an argument: unrecognized arguments: --nonsense"),
        (tiny, {"max_model_len": 99_999}, "max_model_len = 99999 is more than the model's own 8192"),
        (tiny, {"reasoning_parser": "nope"}, "no reasoning parser 'nope'"),
        (str(tmp_path / "nothing"), {}, "there is no such model"),
    ]
    for model, options, says in cases:
        with pytest.raises(EngineError) as error:
            asyncio.run(VllmServer(model, VllmServerOptions(**options), tmp_path).start())
        assert says in str(error.value)
        assert "\n" not in str(error.value)


def test_a_parent_killed_leaves_no_server(tmp_path: Path) -> None:
    environment = environments.find("vllm")
    if environment is None:
        pytest.skip(environments.missing("vllm"))
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom datagen.engines.llm.vllm_server import VllmServer, VllmServerOptions\n"
        "async def main():\n"
        "    one = VllmServer(sys.argv[1], VllmServerOptions(max_model_len=512, extra_args=('--enforce-eager',)), Path(sys.argv[2]))\n"
        "    print(one._process and '', flush=True)\n    await one.start()\n    print(one._process.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    model = str(tiny_model("qwen3", environment.python))
    parent = subprocess.Popen([sys.executable, "-c", script, model, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    keeper = int(parent.stdout.readline())
    holder = VllmServer(model, VllmServerOptions())
    holder._process = type("Kept", (), {"pid": keeper})()  # type: ignore[assignment]
    pids = group_of(holder)
    assert len(pids) >= 3
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert not [pid for pid in pids if alive(pid, within_s=20)]
