"""Families: told by name or by a folder's config.json; a reply's reasoning never reaches its text."""

import json
from pathlib import Path

import pytest

from datagen.engines.llm.chat import ChatReply, Fault
from datagen.engines.llm.families import Family, Thinking, family_of


def reply(content: str, reasoning: str = "") -> ChatReply:
    return ChatReply(content, reasoning, "stop", 10, 10, "m", "http://h/v1")


@pytest.mark.parametrize(
    ("model", "family", "thinking"),
    [
        ("Qwen/Qwen3-8B", "qwen3", Thinking.SWITCHED),
        ("QWEN3-32B-FP8-our-dialogs-v2", "qwen3", Thinking.SWITCHED),
        ("qwen-3-14b", "qwen3", Thinking.SWITCHED),
        ("qwen3-30b-a3b-instruct-2507", "qwen3", Thinking.NEVER),
        ("acme/qwen3-4b-instruct-2507-dialogs-awq", "qwen3", Thinking.NEVER),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8", "qwen3", Thinking.ALWAYS),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "qwen3", Thinking.NEVER),
        ("Qwen/Qwen3-Coder-30B-A3B", "qwen3", Thinking.NEVER),
        ("Qwen/Qwen3.5-35B-A3B", "qwen3", Thinking.SWITCHED),
        ("/data/models--Qwen--Qwen3-8B/snapshots/9c925d64", "qwen3", Thinking.SWITCHED),
        ("runs/qwen3-8b-dialogs/checkpoint-500", "qwen3", Thinking.SWITCHED),
        ("openai/gpt-oss-120b", "gpt-oss", Thinking.ALWAYS),
        ("unsloth/GPT-OSS-20B-bnb-4bit", "gpt-oss", Thinking.ALWAYS),
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "generic", Thinking.ALWAYS),
        ("meta-llama/Llama-3.3-70B-Instruct", "generic", Thinking.NEVER),
        ("Qwen/Qwen2.5-7B-Instruct", "generic", Thinking.NEVER),
        ("qwen30", "generic", Thinking.NEVER),
        ("", "generic", Thinking.NEVER),
    ],
)
def test_a_family_by_name(model: str, family: str, thinking: Thinking) -> None:
    found = family_of(model)
    assert (found.name, found.thinking) == (family, thinking)


def test_the_nearest_folder_decides_and_no_other() -> None:
    assert family_of("tests-of-qwen3/gpt-oss-20b").name == "gpt-oss"


@pytest.mark.parametrize(
    ("config", "template", "thinking"),
    [
        ({"model_type": "qwen3"}, "{% if enable_thinking %}…{% endif %}", Thinking.SWITCHED),
        ({"model_type": "qwen3_moe"}, "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}", Thinking.ALWAYS),
        ({"model_type": "qwen3"}, "{# <think> is cut out of history #}{% if add_generation_prompt %}x{% endif %}", Thinking.NEVER),
        ({"model_type": "gpt_oss"}, "", Thinking.ALWAYS),
    ],
)  # fmt: skip
def test_a_folder_is_told_by_its_files_whatever_its_name(
    config: dict[str, str], template: str, thinking: Thinking, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "chat_template.jinja").write_text(template)
    assert family_of(str(tmp_path)).thinking is thinking
    assert family_of(str(tmp_path)).name == ("gpt-oss" if config["model_type"] == "gpt_oss" else "qwen3")


def test_a_folder_of_an_unknown_make_or_unreadable_falls_back_on_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "qwen3-8b"
    folder.mkdir()
    (folder / "config.json").write_text("{not json")
    assert family_of(str(folder)).name == "qwen3"


def test_thinking_is_switched_where_it_can_be_and_off_under_a_grammar() -> None:
    hybrid, always, oss = family_of("qwen3-8b"), family_of("qwen3-4b-thinking-2507"), family_of("gpt-oss-20b")
    messages = [{"role": "user", "content": "hi"}]
    assert hybrid.request(messages, thinking=True) == (messages, {"chat_template_kwargs": {"enable_thinking": True}})
    assert hybrid.request(messages)[1] == {"chat_template_kwargs": {"enable_thinking": False}}
    assert hybrid.request(messages, thinking=True, schema={})[1] == {"chat_template_kwargs": {"enable_thinking": False}}
    assert always.request(messages)[1] == {}
    assert oss.request(messages, effort="high")[1] == {"reasoning_effort": "high"}
    assert oss.request(messages, schema={})[1] == {"reasoning_effort": "low", "logit_bias": {"5701": -100}}
    assert family_of("llama").request(messages, True, "high", {}) == (messages, {})


def test_sampling_is_the_model_cards_for_the_mode() -> None:
    hybrid = family_of("qwen3-8b")
    assert hybrid.sampling(False) == {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}
    assert hybrid.sampling(True) == {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0}
    assert family_of("qwen3-4b-instruct-2507").sampling(True) == hybrid.sampling(False)
    assert family_of("qwen3-4b-thinking-2507").sampling(False) == hybrid.sampling(True)
    assert family_of("qwen3.5-9b").sampling(True) == {
        **hybrid.sampling(True),
        "temperature": 1.0,
        "presence_penalty": 1.5,
    }
    assert family_of("gpt-oss-20b").sampling() == {"temperature": 1.0, "top_p": 1.0}


QWEN, OSS, OTHER = family_of("qwen3-8b"), family_of("gpt-oss-20b"), family_of("llama")


@pytest.mark.parametrize(
    ("family", "content", "text"),
    [
        (QWEN, "<think>\nThe user wants a call.\n</think>\n\nAgent: hello", "Agent: hello"),
        (QWEN, "<think>\n\n</think>\n\nHello", "Hello"),
        (QWEN, "The user wants a call.\n</think>\n\nHello", "Hello"),
        (QWEN, "<think>a<think>b</think>c</think>Hello", "Hello"),
        (QWEN, "Draft: hi\n<think>no, better</think>\nHello", "Hello"),
        (QWEN, "<THINK>a</Think >Hello", "Hello"),
        (QWEN, "Hello<|im_end|>\n<|endoftext|>", "Hello"),
        (QWEN, '{"text": "I think so"}', '{"text": "I think so"}'),
        (OTHER, "<reasoning>a</reasoning>Hello", "Hello"),
        (OTHER, "<think>a</think>Hello", "Hello"),
        (OSS, '<|channel|>final <|constrain|>json<|message|>{"a": 1}<|return|>', '{"a": 1}'),
        (OSS, '<|channel|>final json<|message|>{"a": 1}', '{"a": 1}'),
        (OSS, "<|channel|>analysis<|message|>Think.<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>", "Hello"),
        (OSS, '<|channel|>commentary<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>{"a": 1}<|end|>', '{"a": 1}'),
        (OSS, 'analysisWe need a call.assistantfinal{"a": 1}', '{"a": 1}'),
        (OSS, 'final{"a": 1}', '{"a": 1}'),
        (OSS, 'analysis of the call: she was the assistant final', "analysis of the call: she was the assistant final"),
        (OSS, "Finally, hello", "Finally, hello"),
        (QWEN, 'analysisWe need {"a": 1}', 'analysisWe need {"a": 1}'),
    ],
)  # fmt: skip
def test_a_text_without_its_reasoning(family: Family, content: str, text: str) -> None:
    assert family.clean(reply(content)) == (text, None)


@pytest.mark.parametrize(
    ("family", "content"),
    [
        (QWEN, "<think>\nThe user wants a call, so I write"),
        (QWEN, "Hello <think> and then"),
        (QWEN, "<think>a</think>"),
        (QWEN, ""),
        (QWEN, "Hello <|im_start|>user\nHi"),
        (OSS, "<|channel|>analysis<|message|>We need to"),
        (OSS, "<|channel|>commentary to=functions.x<|message|>{}"),
        (OSS, "analysisWe need to write a call"),
        (OSS, "<|channel|>final<|message|><|return|>"),
        (OTHER, "<|channel|>analysis<|message|>We need to"),
    ],
)
def test_a_reply_that_is_all_reasoning_or_broken_is_a_failure(family: Family, content: str) -> None:
    text, failure = family.clean(reply(content))
    assert text == ""
    assert failure is not None
    assert (failure.reason, failure.reply) == (Fault.NO_CONTENT, reply(content))
    assert "\n" not in failure.detail


def test_where_thinking_was_on_a_reply_must_show_where_it_ended() -> None:
    """A server without a parser, a template that opens the block itself, a model that never closes it: all of it is thought."""
    thought = "The user wants a call. I shall write it."
    assert QWEN.clean(reply(thought), thinking=True)[1] is not None
    assert family_of("qwen3-4b-thinking-2507").clean(reply(thought))[1] is not None
    assert QWEN.clean(reply("Hello", reasoning=thought), thinking=True) == ("Hello", None)
    assert QWEN.clean(reply("Hello"), thinking=False) == ("Hello", None)
    assert OSS.clean(reply("Hello")) == ("Hello", None)
