"""Stock's T3 with two layers and random weights that do something. For scripts that run in Chatterbox's environment."""

import importlib
from typing import Any

import torch
from torch.nn import functional

LAYERS = {"Llama_520M": {"num_hidden_layers": 2, "intermediate_size": 256}, "GPT2_medium": {"n_layer": 2}}


def shrink() -> None:
    """From now on, T3 is built with two layers in this process. Its width stays: parts of it are written for 1,024."""
    configs: Any = importlib.import_module("chatterbox.models.t3.llama_configs").LLAMA_CONFIGS
    for name, small in LAYERS.items():
        configs[name].update(small)


def turbo_config(text_tokens: int = 500) -> Any:
    """What tts_turbo.from_local gives T3, with fewer text tokens where that does not matter."""
    config: Any = importlib.import_module("chatterbox.models.t3.modules.t3_config").T3Config(
        text_tokens_dict_size=text_tokens
    )
    config.llama_config_name, config.speech_tokens_dict_size, config.input_pos_emb = "GPT2_medium", 6563, None
    config.speech_cond_prompt_len, config.use_perceiver_resampler, config.emotion_adv = 375, False, False
    return config


def lively(t3: Any, stops: float) -> Any:
    """Its logits spread as a trained model's do; the stop mark's more or less: 0 never comes, 1.6 now and then, 2.2 soon."""
    head = t3.speech_head
    head.weight.data = 0.12 * torch.randn_like(head.weight)
    if head.bias is not None:
        head.bias.data = 0.1 * torch.randn_like(head.bias)
    for name, parameter in t3.tfmr.named_parameters():
        if name.endswith("norm.weight") or "ln_" in name:
            parameter.data = parameter.data + 0.1 * torch.randn_like(parameter)
        elif "layers." in name or "h." in name:
            parameter.data = parameter.data + 0.02 * torch.randn_like(parameter)
    head.weight.data[t3.hp.stop_speech_token] *= stops
    return t3


def stopping(t3: Any, tokens: int) -> Any:
    """The original's stop mark comes after about so many tokens, and hardly before: a direction of the learned positions decides."""
    direction = functional.normalize(torch.randn(t3.dim, generator=torch.Generator().manual_seed(6)), dim=0)
    positions = t3.speech_pos_emb.emb.weight
    far = torch.arange(len(positions)) - tokens
    positions.data = positions + (far * 10).clamp(-30, 100)[:, None] * direction
    t3.speech_head.weight.data[t3.hp.stop_speech_token] = 3 * direction
    return t3


def lively_t3(turbo: bool, stops: float = 1.6) -> Any:
    """The same weights at every call, in evaluation."""
    shrink()
    stock: Any = importlib.import_module("chatterbox.models.t3").T3
    torch.manual_seed(5)
    return lively(stock(turbo_config()) if turbo else stock(), stops).eval()


def condition(seed: int, turbo: bool) -> Any:
    """A made-up voice as stock's T3 takes it. Stock writes into it: ask for a new one each time."""
    generator = torch.Generator().manual_seed(seed)
    made: Any = importlib.import_module("chatterbox.models.t3.modules.cond_enc").T3Cond
    return made(
        speaker_emb=torch.randn((1, 256), generator=generator),
        cond_prompt_speech_tokens=torch.randint(0, 6561, (1, 60 if turbo else 150), generator=generator),
        emotion_adv=(0.3 + 0.1 * seed) * torch.ones(1, 1, 1),
    )
