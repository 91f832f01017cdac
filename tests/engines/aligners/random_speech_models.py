"""Tiny speech models with random weights, as folders: what a real checkpoint of their kind has, and sounds that mean nothing."""

import json
from pathlib import Path
from typing import Any

LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]


def write_ctc(folder: Path, norm: str = "layer", seed: int = 0, vocabulary: list[str] | None = None) -> Path:
    """A Wav2Vec2ForCTC of some thousand weights with wav2vec 2.0's frame of 20 ms."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(seed)
    symbols = vocabulary or LETTERS
    config = Wav2Vec2Config(
        vocab_size=len(symbols), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        conv_dim=(16,) * 7, feat_extract_norm=norm, do_stable_layer_norm=norm == "layer", num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    _json(folder / "preprocessor_config.json", {"sampling_rate": 16_000, "do_normalize": True})
    _json(folder / "vocab.json", {s: i for i, s in enumerate(symbols)})
    return folder


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
