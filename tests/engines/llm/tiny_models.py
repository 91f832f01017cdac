"""Tiny random models that a real vLLM loads: a Qwen3 of 130 thousand parameters and a GPT-OSS of 26 million (its vocabulary).

Run by vLLM's own Python: tiny_models.py qwen3|gpt-oss OUT. The tests call `tiny_model`, which makes each once a machine.
Weights are random but for a preference a token: in GPT-OSS, marks and words of JSON come before the other 200,000, and its final
channel at once, for no grammar bounds its analysis; Qwen3 ends its thinking after some ten tokens.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

VERSION = 9
"""Goes up when what is made here changes: models are kept in the temporary folder between runs."""


def tiny_model(name: str, python: Path) -> Path:
    """The folder of a tiny model, made with `python` (vLLM's environment) if it is not there."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir(), f"datagen-tiny-{VERSION}-{user}", f"tiny-{name}")
    if not (folder / "made").is_file():
        environ = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
        subprocess.run(
            [str(python), __file__, name, str(folder)], check=True, env=environ, capture_output=True, timeout=240
        )
        (folder / "made").touch()
    return folder


QWEN3_TEMPLATE = """{%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"""
_TEXTS = (
    "hello there how are you today", "I would like to book a table for two", "the card was charged twice last week",
    '{"turns": [{"speaker": "agent", "text": "hi"}]}', "system user assistant agent speaker text role_context marks word type 0123456789",
)  # fmt: skip


def qwen3(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=640, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(_TEXTS * 20, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    wrapped.chat_template = QWEN3_TEMPLATE
    config = Qwen3Config(
        vocab_size=-(-len(wrapped) // 64) * 64, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, max_position_embeddings=8192, tie_word_embeddings=False, dtype="float32",
        bos_token_id=None, eos_token_id=wrapped.convert_tokens_to_ids("<|im_end|>"), pad_token_id=0,
    )  # fmt: skip
    model = _seeded(Qwen3ForCausalLM, config)
    _prefer(model, {wrapped.convert_tokens_to_ids("</think>"): 0.9})
    _save(model, wrapped, folder)


def gpt_oss(folder: Path) -> None:
    import torch
    from transformers import GptOssConfig, GptOssForCausalLM

    vocabulary, wrapped = _harmony_tokenizer()
    config = GptOssConfig(
        vocab_size=201_088, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=32, num_local_experts=4, num_experts_per_tok=2, max_position_embeddings=8192, initial_context_length=8192,
        eos_token_id=200_002, pad_token_id=199_999, layer_types=["sliding_attention", "full_attention"], sliding_window=128,
        rope_scaling=None,
    )  # fmt: skip
    model = _seeded(GptOssForCausalLM, config).to(torch.bfloat16)
    # xgrammar takes <|end|> and its like for text within a JSON string, where harmony does not: they have to be rare, and their
    # spelling in letters (as that of ` json`, see HARMONY_JSON_TOKEN) rarer still, so that they stand where the grammar asks for them.
    likely = {"<|return|>": 12.0, "Ġ": 8.0}
    likely |= dict.fromkeys(("<", "<|", "Ġ<", "Ġ<|", "j", "js", "json", "Ġj", "Ġjs"), -8.0)
    words = {
        f"{a}{w}": 9.0 for w in ("final", "assistant", "agent", "user", "hello", "call", "card") for a in ("", "Ġ")
    }
    marks = dict.fromkeys(('"', "{", "}", "[", "]", ",", ":", '",', '":', '"}', "},{", "}]", "1", "2"), 11.0)
    _prefer(
        model,
        {vocabulary[token]: weight for token, weight in {**likely, **words, **marks}.items() if token in vocabulary},
    )
    _save(model, wrapped, folder)


def _harmony_tokenizer() -> tuple[dict[str, int], Any]:
    """GPT-OSS's vocabulary, as openai_harmony has it; without merges every text is spelt in bytes, which vLLM does not mind."""
    from openai_harmony import HarmonyEncodingName, load_harmony_encoding
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    encoding = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
    letters = _byte_letters()
    vocabulary: dict[str, int] = {}
    special: list[str] = []
    for i in range(201_088):
        try:
            raw = bytes(encoding._inner.decode_bytes([i]))
        except Exception:
            vocabulary[f"<|unused_{i}|>"] = i
            continue
        token = raw.decode() if i >= 199_998 else "".join(letters[b] for b in raw)
        if i >= 199_998:
            special.append(token)
        vocabulary[token] = i
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|return|>", pad_token="<|endoftext|>")
    wrapped.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"  # vLLM renders harmony itself
    return vocabulary, wrapped


def _byte_letters() -> dict[int, str]:
    """The letter that stands for each byte in byte-level vocabularies: itself where it prints, else one from 256 on."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {b: chr(b) for b in shown} | {b: chr(256 + i) for i, b in enumerate(hidden)}


def _seeded(kind: Any, config: Any) -> Any:
    import torch

    torch.manual_seed(0)
    return kind(config)


def _prefer(model: Any, weights: dict[int, float]) -> None:
    """Adds about `weights[token]` to a token's logit, whatever came before: one dimension of the hidden state is held constant."""
    import torch

    with torch.no_grad():
        width = model.config.hidden_size
        model.get_input_embeddings().weight[:, 0] = 20.0  # far above what the two layers add to it
        model.get_output_embeddings().weight[:, 0] = 0.0
        for token, weight in weights.items():
            model.get_output_embeddings().weight[token, 0] = weight / width**0.5


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


if __name__ == "__main__":
    {"qwen3": qwen3, "gpt-oss": gpt_oss}[sys.argv[1]](Path(sys.argv[2]))
