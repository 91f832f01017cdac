"""The knobs of a language model as a judge."""

from typing import Literal

from datagen.config import knob
from datagen.engines.llm.options import ServerOptions


class JudgeOptions(ServerOptions):
    """Which model judges, by what, and where its servers are."""

    model: str = knob("Qwen/Qwen3-8B", "the model's name as the server has it; better another one than the writer's")
    revision: str = knob("", "commit of the model, noted in build.json; empty: unpinned")
    rubrics: tuple[str, ...] = knob((), "rubrics to score, of prompts/_shared/judge/rubrics.toml; () is all of them")
    temperature: float = knob(0.0, "sampling temperature; 0 gives the likeliest score", "", ge=0, le=2)
    max_tokens: int = knob(300, "longest reply, without what thinking takes", "tokens", ge=32, le=65_536)
    thinking_tokens: int = knob(4096, "what a reply that begins with thinking may take besides", "tokens", ge=0)
    thinking: bool = knob(False, "let models think first that can be told to (Qwen3)")
    reasoning_effort: Literal["low", "medium", "high"] = knob("low", "how long GPT-OSS thinks first")
    domain_folders: tuple[str, ...] = knob((), "folders to look for prompts in, before prompts/", changes_output=False)
