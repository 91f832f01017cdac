"""Model families, by name: how thinking is switched, which sampling a model card asks for, and how a reply is freed of its reasoning.

`family_of(model)` never fails: what it does not know is `generic`. Reasoning never reaches a text, whether the server has a
reasoning parser or not; a reply of which it cannot be told where its reasoning ends is a failure, not a text.

What a family knows of sampling is from the model cards: Qwen3 and Qwen3-2507 (0.6, 0.95, 20 with thinking; 0.7, 0.8, 20 without),
Qwen3.5 and later (1.0, 0.95, 20 with, 0.7, 0.8, 20 without, presence penalty 1.5 in both), gpt-oss (1.0, 1.0). Greedy
decoding is what the Qwen3 cards warn of.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from datagen.engines.llm.chat import ChatFailure, ChatReply, Fault
from datagen.engines.llm.reasoning import free_of_reasoning

Messages = Sequence[Mapping[str, Any]]
Effort = Literal["low", "medium", "high"]


HARMONY_JSON_TOKEN = "5701"
"""The token ` json` of GPT-OSS's vocabulary. vLLM's grammar lets a guided reply begin `final json` or `final <|constrain|>json`, and its
parser then takes the first for a call of a tool named json: the reply is lost, content null (seen with 0.32, the same code in 0.33).
"""


class Thinking(StrEnum):
    """Whether a model thinks before it answers: never, when it is told to, or always."""

    NEVER = "never"
    SWITCHED = "switched"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Family:
    """What models of one make have in common.

    `parser` is vLLM's reasoning parser for them (empty: none), `grammar` the backend of vLLM that gives valid JSON with them,
    `efforts` whether they take a reasoning effort, `quiet` and `thinking_sampling` the sampling without and with thinking.
    """

    name: str
    thinking: Thinking
    parser: str
    grammar: str
    quiet: Mapping[str, float]
    thoughtful: Mapping[str, float]
    efforts: bool = False
    ends_thinking: bool = False
    """Whether thinking always ends with a mark, so that a reply without one is all thought."""

    def thinks(self, wanted: bool, *, guided: bool = False) -> bool:
        """Whether a reply will begin with reasoning; a model that can be told not to, is not let think under a grammar.

        A grammar binds from the first token on some servers and from the end of the thinking on others (vllm#18819).
        """
        return self.thinking is Thinking.ALWAYS or (self.thinking is Thinking.SWITCHED and wanted and not guided)

    def sampling(self, thinking: bool = False) -> dict[str, float]:
        """The model card's sampling for the mode that such a request runs in, by the names of the OpenAI API and vLLM."""
        return dict(self.thoughtful if self.thinks(thinking) else self.quiet)

    def request(
        self,
        messages: Messages,
        thinking: bool = False,
        effort: Effort = "low",
        schema: Mapping[str, Any] | None = None,
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The messages as they are to be sent, and what goes beside them into the body; the schema itself is the client's to send."""
        extra: dict[str, Any] = {}
        if self.efforts:
            extra["reasoning_effort"] = effort
        if self.name == "gpt-oss" and schema is not None:
            extra["logit_bias"] = {HARMONY_JSON_TOKEN: -100}
        if self.thinking is Thinking.SWITCHED:
            extra["chat_template_kwargs"] = {"enable_thinking": self.thinks(thinking, guided=schema is not None)}
        return [dict(message) for message in messages], extra

    def clean(self, reply: ChatReply, thinking: bool = False) -> tuple[str, ChatFailure | None]:
        """The text of a reply without its reasoning, or "" and why there is none (always `Fault.NO_CONTENT`).

        `thinking` is whether the request let the model think. Where it did and nothing shows that the thinking ended, the reply
        is all thought: a server without a reasoning parser gives that as its content.
        """
        text, problem = free_of_reasoning(reply.content, harmony=self.name == "gpt-oss")
        if (
            not problem
            and self.ends_thinking
            and self.thinks(thinking)
            and not reply.reasoning
            and text == reply.content.strip()
        ):
            problem = "the model was to think first, and nothing shows where its thinking ended"
        if not problem and not text:
            had = f"{len(reply.reasoning)} characters of reasoning and no text" if reply.reasoning else "no text"
            problem = f"the reply has {had} (finish_reason {reply.finish_reason or 'none'})"
        return ("", ChatFailure(Fault.NO_CONTENT, problem, reply)) if problem else (text, None)


_WITH: Mapping[str, float] = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0}
_WITHOUT: Mapping[str, float] = {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}
_PENALTY: Mapping[str, float] = {"presence_penalty": 1.5}
_PLAIN: Mapping[str, float] = {"temperature": 1.0, "top_p": 1.0}


def _qwen3(thinking: Thinking, newer: bool = False) -> Family:
    quiet, thoughtful = _WITHOUT, _WITH
    if newer:
        quiet, thoughtful = {**quiet, **_PENALTY}, {**thoughtful, **_PENALTY, "temperature": 1.0}
    parser = "" if thinking is Thinking.NEVER else "qwen3"
    return Family("qwen3", thinking, parser, "guidance", quiet, thoughtful, ends_thinking=True)


GPT_OSS = Family("gpt-oss", Thinking.ALWAYS, "openai_gptoss", "xgrammar", _PLAIN, _PLAIN, efforts=True)
GENERIC = Family("generic", Thinking.NEVER, "", "guidance", _PLAIN, _PLAIN)
_DISTILLED = Family("generic", Thinking.ALWAYS, "deepseek_r1", "guidance", _WITH, _WITH, ends_thinking=True)
"""DeepSeek-R1 and what was distilled from it, Qwen3 among them: its own template, 0.6 and 0.95 by its card."""


def family_of(model: str) -> Family:
    """The family of a model, by its folder's config.json where it is one here, else by its name; `generic` for any other.

    Names count without regard to case, with or without an organisation and through the folders of the Hugging Face cache:
    what fine-tunes append changes nothing, except `instruct-2507`, `coder` and `base` (never think) and `thinking` (always does).
    """
    for part in reversed(re.split(r"[/\\]+", model.lower())):
        by_name = _by_name(part)
        if by_name is not GENERIC:
            break
    folder = Path(model).expanduser()
    if not (folder / "config.json").is_file():
        return by_name
    return _by_config(folder) or by_name


def _by_name(name: str) -> Family:
    if re.search(r"gpt[-_.]?oss", name):
        return GPT_OSS
    if re.search(r"deepseek[-_]r1", name):
        return _DISTILLED
    version = re.search(r"qwen[-_]?3(?:[._](\d)(?!\d))?(?![\d])", name)
    if not version:
        return GENERIC
    return _qwen3(_thinking_of(name), newer=version.group(1) is not None)


def _thinking_of(name: str) -> Thinking:
    words = set(re.split(r"[-_.]+", name))
    if "thinking" in words:
        return Thinking.ALWAYS
    return Thinking.NEVER if words & {"instruct", "coder", "base", "it"} else Thinking.SWITCHED


def _by_config(folder: Path) -> Family | None:
    """The family that config.json's model_type says, with thinking as the chat template has it; None for one that is unknown."""
    kind = str(_json(folder / "config.json").get("model_type", ""))
    if kind.startswith("gpt_oss"):
        return GPT_OSS
    if not kind.startswith("qwen3"):
        return None
    template = _template(folder)
    if "enable_thinking" in template:
        thinking = Thinking.SWITCHED
    else:
        opens = template.rsplit("add_generation_prompt", 1)[-1]
        thinking = Thinking.ALWAYS if "<think>" in opens else Thinking.NEVER
    return _qwen3(thinking, newer=kind.startswith("qwen3_5"))


def _template(folder: Path) -> str:
    alone = folder / "chat_template.jinja"
    if alone.is_file():
        return alone.read_text(encoding="utf-8", errors="replace")
    return str(_json(folder / "tokenizer_config.json").get("chat_template", ""))


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no readable one (preflight says so, with the reason)."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
