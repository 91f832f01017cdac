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


def write_whisper(folder: Path, seed: int = 0) -> Path:
    """A WhisperForConditionalGeneration of two small layers a side, with a tokenizer of single bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.manual_seed(seed)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    end = len(letters)
    tokenizer.add_special_tokens(
        ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>", "<|0.00|>"]
    )
    config = WhisperConfig(
        vocab_size=end + 6, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=80, max_target_positions=128, pad_token_id=end, bos_token_id=end,
        eos_token_id=end, decoder_start_token_id=end + 1, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    _json(folder / "generation_config.json", {"is_multilingual": True, "alignment_heads": [[0, 1], [1, 0]]})
    return folder


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
