"""The writers against a mock server: every dialogue comes through the real client, prompts, reader and gates."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from replying import reply

from datagen.domains import load
from datagen.engines import registry
from datagen.engines.llm.chat import ChatReply
from datagen.errors import EngineError, UserError
from datagen.protocols import DescribeRequest, Failure, WriteRequest
from datagen.records.enums import Kind, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.reply import ReplyRecord
from datagen.records.transcript import Transcript
from datagen.run.mock_llm import AnswerFunction, MockServer, Pace
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions
from datagen.store.ids import rng

MODEL = "Qwen/Qwen3-8B"
SHARES = (0.8, 0.1, 0.1)


def plan(index: int, domain: str = "bank", kind: Kind = Kind.SERVICE) -> DialogPlan:
    found = load(domain)
    scenarios = found.scenarios_of(kind)
    scenario, draw = scenarios[index % len(scenarios)].name, rng("llm", domain, index)
    instance = {**found.instance(scenario, Split.TRAIN, SHARES, draw), **found.details(kind, scenario)}
    first = Speaker.AGENT if index % 3 else Speaker.USER
    return DialogPlan(
        index, f"{domain}-{index:06d}", kind, domain, scenario, Split.TRAIN, 900 + index, first, "a", "u", instance,
        found.traits(scenario, draw),
    )  # fmt: skip


class Server:
    """What a mock server was asked, and its answers."""

    def __init__(self, answer: AnswerFunction = reply) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self._answer = answer

    def __call__(self, body: Mapping[str, Any]) -> str:
        self.bodies.append(body)
        return self._answer(body)


def written(
    requests: Sequence[WriteRequest],
    server: Server,
    sink: list[ReplyRecord] | None = None,
    name: str = "openai",
    **options: Any,
) -> list[Transcript | Failure]:
    """What a writer makes of the requests with a mock server of its own."""

    async def run() -> list[Transcript | Failure]:
        mock = MockServer(server, Pace(), MODEL)
        url = await mock.start()
        writer = registry.make(
            "writer", name, registry.options_of("writer", name, {"urls": [url], "model": MODEL, **options})
        )
        if sink is not None:
            writer.keep_replies(sink.append)
        try:
            return list(await asyncio.gather(*(writer.write_one(r) for r in requests)))
        finally:
            await writer.close()
            await mock.stop()

    return asyncio.run(run())


def requests(domain: str, kind: Kind, n: int, attempt: int = 0) -> list[WriteRequest]:
    return [
        WriteRequest(p, p.seed + attempt, attempt, "It is sunny.") for p in (plan(i, domain, kind) for i in range(n))
    ]


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("bank", Kind.SERVICE),
        ("restaurant", Kind.SERVICE),
        ("bank", Kind.TOOL),
        ("qa", Kind.QA),
        ("casual", Kind.CASUAL),
        ("instruction", Kind.INSTRUCTION),
    ],
)
def test_good_replies_pass_every_gate(domain: str, kind: Kind) -> None:
    asked = requests(domain, kind, 16)
    found = written(asked, Server(), name="vllm" if kind is Kind.QA else "openai")
    failures = [
        f
        for r, t in zip(asked, found, strict=True)
        if (f := t if isinstance(t, Failure) else unit.check(t, r.plan, WriteOptions()))
    ]
    assert failures == []
    for request, transcript in zip(asked, found, strict=True):
        assert isinstance(transcript, Transcript)
        assert transcript.dialog_id == request.plan.dialog_id
        assert transcript.generation is not None
        assert transcript.generation.prompt_tokens
        if kind is Kind.TOOL:
            assert [c for t in transcript.turns for c in t.calls]
        if kind is Kind.SERVICE:
            assert transcript.user_role_context


def test_a_dialogue_says_how_it_was_written() -> None:
    server = Server()
    first, again = (written(requests("bank", Kind.SERVICE, 1), server, temperature=0.3)[0] for _ in range(2))
    assert isinstance(first, Transcript)
    made = first.generation
    assert made is not None
    assert (made.model, made.revision, made.attempt, made.guided) == (MODEL, "unpinned", 0, False)
    assert json.loads(made.sampling) == {"temperature": 0.3, "top_p": 0.8, "top_k": 20, "min_p": 0.0, "thinking": False}
    assert len(made.prompt) == 64
    assert server.bodies[0]["seed"] == made.seed
    assert server.bodies[0]["temperature"] == 0.3
    assert isinstance(again, Transcript)
    assert again.generation == made
    assert first.maker.model == MODEL
    assert not first.maker.deterministic


@pytest.mark.parametrize(
    ("structured", "guided"), [("retry", [False, True, True]), ("always", [True] * 3), ("never", [False] * 3)]
)
def test_what_failed_is_asked_again_under_a_schema_and_with_another_seed(structured: str, guided: list[bool]) -> None:
    server = Server()
    for attempt in range(3):
        written(requests("bank", Kind.TOOL, 1, attempt), server, structured=structured)
    assert ["response_format" in b for b in server.bodies] == guided
    assert len({b["seed"] for b in server.bodies}) == 3
    for body in server.bodies:
        if "response_format" in body:
            turns = body["response_format"]["json_schema"]["schema"]["properties"]["turns"]
            names = [
                f["properties"]["call"]["properties"]["name"]["enum"]
                for f in turns["items"]["anyOf"]
                if "call" in f["properties"]
            ]
            assert len(names) >= 1


def test_the_instructions_are_the_same_bytes_for_all_dialogues_of_a_kind() -> None:
    server = Server()
    written(requests("bank", Kind.SERVICE, 6) + requests("restaurant", Kind.SERVICE, 6), server)
    assert len({b["messages"][0]["content"] for b in server.bodies}) == 1
    assert len({b["messages"][1]["content"] for b in server.bodies}) == 12
    assert all("It is sunny." in b["messages"][1]["content"] for b in server.bodies)


def test_one_bad_row_harms_no_other() -> None:
    def spoilt(body: Mapping[str, Any]) -> str:
        good = reply(body)
        number = int(body["seed"]) % 4
        return (good, "I'm sorry, I can't do that.", good[: len(good) // 2], good.replace('"agent"', '"narrator"'))[
            number
        ]

    found = written(requests("bank", Kind.SERVICE, 24), Server(spoilt))
    reasons = {f.reason for f in found if isinstance(f, Failure)}
    assert reasons <= {"not_json", "cut_off", "unknown_speaker"}
    assert len(reasons) == 3
    assert any(isinstance(t, Transcript) for t in found)


def test_the_model_may_write_the_role_context() -> None:
    asked = requests("bank", Kind.SERVICE, 4) + requests("bank", Kind.TOOL, 4)
    for request, found in zip(asked, written(asked, Server(), role_context="written"), strict=True):
        assert isinstance(found, Transcript), found
        assert unit.check(found, request.plan, WriteOptions()) is None

    def more(body: Mapping[str, Any]) -> str:
        said = reply(body)
        return said if "turns" in said else f"{said} Every call costs $9.99."

    refused = written(asked[:2], Server(more), role_context="written")
    assert [f.reason for f in refused if isinstance(f, Failure)] == ["role_context"] * 2
    assert "9.99" in refused[0].detail  # type: ignore[union-attr]


def test_replies_are_kept_where_that_is_asked_for() -> None:
    kept: list[ReplyRecord] = []
    asked = requests("bank", Kind.SERVICE, 2)
    written(asked, Server(), kept, keep_replies=True)
    assert [(r.dialog_id, r.purpose, r.failure) for r in kept] == [(r.plan.dialog_id, "write", "") for r in asked]
    assert all(json.loads(r.content)["turns"] for r in kept)
    written(asked, Server(lambda body: "nothing"), kept, keep_replies=True)
    assert [r.failure for r in kept[2:]] == ["not_json"] * 2
    written(asked, Server(), kept)
    assert len(kept) == 4


def run_with(answer: AnswerFunction, use: Any, **options: Any) -> Any:
    async def run() -> Any:
        mock = MockServer(answer, Pace(), MODEL)
        url = await mock.start()
        writer = registry.make(
            "writer", "openai", registry.options_of("writer", "openai", {"urls": [url], "model": MODEL, **options})
        )
        try:
            return await use(writer)
        finally:
            await writer.close()
            await mock.stop()

    return asyncio.run(run())


@pytest.mark.parametrize("domain", ["bank", "qa", "casual", "instruction"])
def test_a_scenario_is_described_without_any_dialogues_values(domain: str) -> None:
    server = Server()
    kind = load(domain).kind
    base = plan(0, domain, kind)

    async def all_variants(writer: Any) -> list[str | Failure]:
        return [await writer.describe_one(DescribeRequest(base, v, v)) for v in range(8)]

    found = run_with(server, all_variants)
    assert all(isinstance(f, str) for f in found), found
    prompts = [b["messages"][-1]["content"] for b in server.bodies]
    assert len(set(prompts)) == 8
    values = [str(v) for v in base.instance.values() if isinstance(v, str) and any(c.isdigit() for c in v)]
    assert not [v for v in values for p in prompts if v in p]


@pytest.mark.parametrize("said", ["They owe $12.", "A short one.", "# Title\n" + "word " * 40])
def test_a_description_that_fits_one_dialogue_alone_is_refused(said: str) -> None:
    text = said if len(said.split()) < 4 and "$" not in said else f"{said} " + "and so it goes on for a while " * 4
    found = run_with(lambda body: text, lambda w: w.describe_one(DescribeRequest(plan(0), 0, 1)))
    assert isinstance(found, Failure)
    assert found.reason == "description"


def test_a_completion_needs_no_plan() -> None:
    messages = [{"role": "user", "content": "Draft a domain."}]
    server = Server(lambda body: "<think>hm</think>A draft.")
    found = run_with(server, lambda w: w.complete(messages, {"type": "object"}, 7))
    assert isinstance(found, ChatReply)
    assert found.content == "A draft."
    assert server.bodies[0]["messages"] == messages
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_write_has_a_loop_of_its_own_and_may_be_called_again() -> None:
    async def twice() -> None:
        mock = MockServer(reply, Pace(), MODEL)
        url = await mock.start()
        writer = registry.make(
            "writer", "openai", registry.options_of("writer", "openai", {"urls": [url], "model": MODEL})
        )
        for _ in range(2):
            found = await asyncio.to_thread(writer.write, requests("bank", Kind.SERVICE, 3))
            assert all(isinstance(t, Transcript) for t in found)
        assert writer.write([]) == []
        await mock.stop()

    asyncio.run(twice())


def test_preflight_finds_what_stands_against_writing() -> None:
    async def lines(**options: Any) -> list[str]:
        mock = MockServer(reply, Pace(), "another/model")
        url = await mock.start()
        writer = registry.make("writer", "openai", registry.options_of("writer", "openai", {"urls": [url], **options}))
        found = await asyncio.to_thread(writer.preflight, requests("bank", Kind.SERVICE, 2))
        await mock.stop()
        return list(map(str, found))

    assert asyncio.run(lines(model="another/model")) == []
    (line,) = asyncio.run(lines(model=MODEL))
    assert "has no model Qwen/Qwen3-8B" in line
    assert "another/model" in line
    down = registry.make("writer", "openai", registry.options_of("writer", "openai", {"urls": ["http://127.0.0.1:9"]}))
    (error,) = down.preflight(requests("bank", Kind.SERVICE, 1))
    assert isinstance(error, EngineError)
    assert "does not answer" in str(error)
    nowhere = registry.make("writer", "openai", registry.options_of("writer", "openai", {}))
    (error,) = nowhere.preflight([])
    assert isinstance(error, UserError)
    assert "urls" in str(error)


def test_a_vllm_writer_without_urls_needs_its_environment(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_ENGINES_DIR", str(tmp_path))
    options = registry.options_of("writer", "vllm", {"max_model_len": 4000})
    writer = registry.make("writer", "vllm", options)
    lines = list(map(str, writer.preflight(requests("bank", Kind.SERVICE, 1))))
    assert any("datagen engines install vllm" in line for line in lines)
    assert any("4000 tokens" in line for line in lines)
    with pytest.raises(EngineError, match="datagen engines install vllm"):
        writer.write(requests("bank", Kind.SERVICE, 1))


def test_a_kind_that_no_model_writes_is_refused() -> None:
    probe = plan(0)
    probe = DialogPlan(
        0, "p", Kind.PROBE, "bank", probe.scenario, Split.TRAIN, 1, Speaker.USER, "a", "u", probe.instance, {}
    )
    with pytest.raises(UserError, match="does not write dialogues of kind probe"):
        written([WriteRequest(probe, 1)], Server())


def test_a_server_of_its_own_that_ends_is_told_of_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying:
        """A server that takes requests, answers none, and is killed a moment later."""

        api_key_env = ""

        def __init__(self, *arguments: Any, **more: Any) -> None:
            self.n_looks = 0

        async def start(self) -> str:
            slow = ["--slots", "1", "--step-s", "60", "--answer", "json:dumps", "--model", MODEL]
            self.process = subprocess.Popen(
                [sys.executable, "-m", "datagen.run.mock_llm", *slow], stdout=subprocess.PIPE, text=True
            )
            assert self.process.stdout is not None
            return (await asyncio.to_thread(self.process.stdout.readline)).strip()

        def ended(self) -> str:
            self.n_looks += 1
            if self.n_looks < 20:
                return ""
            self.process.kill()
            return "ended with exit code 1: out of memory."

        async def close(self) -> None:
            self.process.kill()
            self.process.communicate()

    monkeypatch.setattr("datagen.engines.writers.llm.vllm.VllmServer", Dying)
    monkeypatch.setattr("datagen.engines.writers.llm.vllm.WATCH_S", 0.05)
    writer = registry.make("writer", "vllm", registry.options_of("writer", "vllm", {"model": MODEL}))
    with pytest.raises(
        EngineError, match=r"Qwen/Qwen3-8B: the writer's vLLM server ended with exit code 1: out of memory"
    ):
        writer.write(requests("bank", Kind.SERVICE, 3))


def test_the_maker_is_of_the_weights_not_of_their_folder(tmp_path: Path) -> None:
    def made(folder: Path, weights: bytes) -> Maker:
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"model_type": "qwen3"}')
        (folder / "model.safetensors").write_bytes(weights)
        return registry.make("writer", "vllm", registry.options_of("writer", "vllm", {"model": str(folder)})).maker

    one, copied, other = (
        made(tmp_path / n / "m", w) for n, w in (("a", b"x" * 64), ("b", b"x" * 64), ("c", b"y" * 64))
    )
    assert one == copied
    assert one.revision != other.revision
    assert one.model == "m"
