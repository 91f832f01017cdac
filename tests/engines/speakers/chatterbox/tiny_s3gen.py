"""S3Gen with few layers and random weights that do something: pitch crosses the voicing threshold, the output is loud, biases are not 0.

For scripts that run in Chatterbox's environment; imports chatterbox at the first call.
"""

import importlib
from typing import Any

import torch


def shrink(mid_blocks: int = 2, blocks: int = 1) -> None:
    """From now on, S3Gen is built with so many layers in this process."""
    stock: Any = importlib.import_module("chatterbox.models.s3gen.s3gen")
    tokenizer: Any = importlib.import_module("s3tokenizer.model_v2")
    decoder, encoder = stock.ConditionalDecoder, stock.UpsampleConformerEncoder
    stock.ConditionalDecoder = lambda **k: decoder(**{**k, "num_mid_blocks": mid_blocks, "n_blocks": 1})
    stock.UpsampleConformerEncoder = lambda **k: encoder(**{**k, "num_blocks": blocks, "linear_units": 256})
    for config in tokenizer.S3TokenizerV2.__init__.__defaults__:
        if hasattr(config, "n_audio_layer"):
            config.n_audio_layer = 1


def lively_s3gen(meanflow: bool) -> Any:
    """The same weights at every call, ready to speak."""
    torch.manual_seed(0)
    made: Any = importlib.import_module("chatterbox.models.s3gen").S3Gen(meanflow=meanflow).eval()
    with torch.no_grad():
        made.mel2wav.f0_predictor.classifier.weight.mul_(1500)
        for layer in [*made.mel2wav.ups, made.mel2wav.conv_post]:
            layer.weight = layer.weight * 3
        for part in (made.flow.encoder, made.flow.decoder.estimator):
            for parameter in part.parameters():
                if parameter.ndim == 1:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
    return made


def reference(tokens: int, generator: torch.Generator) -> dict[str, Any]:
    """What S3Gen.embed_ref gives, of random numbers."""
    return {
        "prompt_token": torch.randint(0, 6561, (1, tokens), generator=generator),
        "prompt_token_len": torch.tensor([tokens]),
        "prompt_feat": torch.randn(1, 2 * tokens, 80, generator=generator) * 2 - 4,
        "prompt_feat_len": None,
        "embedding": torch.randn(1, 192, generator=generator),
    }
