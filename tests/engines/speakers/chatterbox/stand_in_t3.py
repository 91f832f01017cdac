"""A small model with the parts of Chatterbox's T3 that ours reads, on transformers' own LlamaModel or GPT2Model."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from datagen.engines.speakers.chatterbox.model.rows import Conditionals, Row

WIDTH = 32
CODES = 50
START, STOP = CODES, CODES + 1


def _loud(module: nn.Module) -> None:
    """Weights that do something: transformers' own are so small that every token is as likely as any other."""
    for parameter in module.parameters():
        parameter.data = parameter.data + (0.3 if parameter.ndim > 1 else 0.1) * torch.randn(parameter.shape)


def stand_in(turbo: bool = False, codes: int = CODES) -> Any:
    """The same weights at every call, as `T3(…)` takes them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return _made(turbo, codes)


def _made(turbo: bool, codes: int) -> Any:
    from transformers import GPT2Config, GPT2Model, LlamaConfig, LlamaModel

    if turbo:
        config = GPT2Config(vocab_size=8, n_embd=WIDTH, n_layer=2, n_head=4, n_positions=2048)
        layers: Any = GPT2Model(config)
    else:
        scaling = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0}
        scaling |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
        config = LlamaConfig(
            vocab_size=8, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=4, head_dim=8, max_position_embeddings=131072, rope_parameters=scaling,
        )  # fmt: skip
        layers = LlamaModel(config)
    marks = SimpleNamespace(
        start_text_token=1, stop_text_token=0, start_speech_token=codes, stop_speech_token=codes + 1,
        max_text_tokens=64, max_speech_tokens=600, speech_cond_prompt_len=5,
    )  # fmt: skip
    parts = nn.ModuleDict(
        {
            "tfmr": layers.eval(),
            "text_emb": nn.Embedding(40, WIDTH),
            "speech_emb": nn.Embedding(codes + 2, WIDTH),
            "speech_head": nn.Linear(WIDTH, codes + 2, bias=turbo),
        }
    )
    if not turbo:
        parts["text_pos_emb"] = nn.ModuleDict({"emb": nn.Embedding(66, WIDTH)})
        parts["speech_pos_emb"] = nn.ModuleDict({"emb": nn.Embedding(604, WIDTH)})
    _loud(parts)
    tables = {
        name: None if turbo else SimpleNamespace(emb=parts[name]["emb"]) for name in ("text_pos_emb", "speech_pos_emb")
    }
    own = {name: parts[name] for name in ("tfmr", "text_emb", "speech_emb", "speech_head")}
    return SimpleNamespace(is_gpt=turbo, hp=marks, **own, **tables)


def voice(seed: int, tokens: int = 6) -> Conditionals:
    """Conditionals of a made-up voice."""
    return Conditionals(torch.randn((tokens, WIDTH), generator=torch.Generator().manual_seed(seed)), {"voice": seed})


def texts(count: int) -> list[Tensor]:
    """Token ids of texts of 1 to 30 tokens."""
    generator = torch.Generator().manual_seed(9)
    lengths = torch.randint(1, 31, (count,), generator=generator).tolist()
    return [torch.randint(2, 40, (length,), generator=generator) for length in lengths]


def rows(count: int, limits: Sequence[int] = (7, 40, 90), **settings: Any) -> list[Row]:
    """Rows of three voices with a seed and a stop limit each."""
    made = {"temperature": 1.0, **settings}
    return [
        Row("said", voice(number % 3), seed=1000 + number, max_tokens=limits[number % len(limits)], **made)
        for number in range(count)
    ]
