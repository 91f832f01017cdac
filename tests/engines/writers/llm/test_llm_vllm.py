"""The writer `vllm` with a real server and tiny random models: what comes back has the schema's structure, and is read or refused."""

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from test_llm_writer import plan

from datagen.engines import registry
from datagen.engines.own_env import environments
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Kind
from datagen.records.reply import ReplyRecord
from datagen.records.transcript import Transcript

TINY = Path(__file__).parents[2] / "llm" / "tiny_models.py"


def tiny(name: str) -> str:
    environment = environments.find("vllm")
    if environment is None:
        pytest.skip("no vLLM environment (datagen engines install vllm)")
    found = importlib.util.spec_from_file_location("tiny_models_of_llm", TINY)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return str(module.tiny_model(name, environment.python))


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["qwen3", "gpt-oss"])
def test_guided_replies_of_random_weights_have_the_structure(name: str, tmp_path: Path) -> None:
    # The tiny tokenizer makes ten thousand tokens of the shipped prompts, and random weights do not read them.
    folder = tmp_path / "_shared" / "llm"
    folder.mkdir(parents=True)
    (folder / "system.j2").write_text("You write talks.", encoding="utf-8")
    (folder / "qa.j2").write_text("A talk about {{ topic }}, please.", encoding="utf-8")
    options: dict[str, Any] = {
        "model": tiny(name), "max_model_len": 4096, "max_tokens": 3000, "thinking_tokens": 500, "structured": "always",
        "keep_replies": True, "extra_args": ["--enforce-eager"], "turns": {"qa": [2, 3]}, "domain_folders": [str(tmp_path)],
    }  # fmt: skip
    kept: list[ReplyRecord] = []

    async def run() -> list[Transcript | Failure]:
        writer = registry.make("writer", "vllm", registry.options_of("writer", "vllm", options))
        writer.keep_replies(kept.append)
        requests = [WriteRequest(p, p.seed, 1) for p in (plan(i, "qa", Kind.QA) for i in range(4))]
        try:
            return list(await asyncio.gather(*(writer.write_one(r) for r in requests)))
        finally:
            await writer.close()

    found = asyncio.run(run())
    assert len(found) == 4
    whole = [r for r in kept if r.finish_reason == "stop"]
    assert whole, [(f.reason, f.detail) for f in found if isinstance(f, Failure)]
    for reply in whole:
        read = json.loads(reply.content, strict=False)
        assert set(read) == {"turns", "facts_used"}
        assert all(t["speaker"] in ("agent", "user") and set(t) == {"speaker", "tags", "text"} for t in read["turns"])
        assert len(read["turns"]) >= 2
