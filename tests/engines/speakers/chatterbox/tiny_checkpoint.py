"""A folder as Chatterbox's models come in, with few layers and random weights. For scripts that run in its environment.

Whoever loads it has to call `shrink()` of tiny_t3 and tiny_s3gen first: the files do not say how many layers there are.
"""

import importlib
import string
from pathlib import Path
from typing import Any

import tiny_s3gen
import tiny_t3
import torch

NAMES = {"original": ("t3_cfg", "s3gen"), "turbo": ("t3_turbo_v1", "s3gen_meanflow")}


def write(folder: Path, kind: str, tokens: int = 0) -> None:
    """The files of one model: 470 MB of the original, 860 MB of Turbo, whose text embeddings are large.

    `tokens` is about how many the original speaks of any text; 0 leaves the stop mark to chance.
    """
    t3_name, s3gen_name = NAMES[kind]
    turbo = kind == "turbo"
    folder.mkdir(parents=True, exist_ok=True)
    tiny_t3.shrink()
    stock: Any = importlib.import_module("chatterbox.models.t3").T3
    torch.manual_seed(5)
    config = tiny_t3.turbo_config(text_tokens=50276) if turbo else None
    t3 = tiny_t3.lively(stock(config), stops=2.2)
    _save(tiny_t3.stopping(t3, tokens) if tokens else t3, folder / f"{t3_name}.safetensors")
    _save(importlib.import_module("chatterbox.models.voice_encoder").VoiceEncoder(), folder / "ve.safetensors")
    _save(tiny_s3gen.lively_s3gen(turbo), folder / f"{s3gen_name}.safetensors")
    (_turbo_tokenizer if turbo else _tokenizer)(folder)


def _save(module: Any, file: Path) -> None:
    tensors = {name: tensor.contiguous().clone() for name, tensor in module.state_dict().items()}
    importlib.import_module("safetensors.torch").save_file(tensors, file)


def _letters(marks: list[str], size: int) -> dict[str, int]:
    """A vocabulary of single letters, filled up to a size."""
    entries = [*marks, *string.ascii_letters, *string.digits, *".,!?'\"-()[]"]
    entries += [f"<{number}>" for number in range(len(entries), size)]
    return {entry: number for number, entry in enumerate(entries)}


def _made(vocabulary: dict[str, int], marks: list[str]) -> Any:
    tokenizers: Any = importlib.import_module("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    made.add_special_tokens(marks)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return made


def _tokenizer(folder: Path) -> None:
    marks = ["[STOP]", "[UNK]", "[SPACE]", "[PAD]", "[SEP]", "[CLS]", "[MASK]"]
    vocabulary = _letters(marks, 704)
    displaced = next(entry for entry, number in vocabulary.items() if number == 255)
    del vocabulary[displaced]
    vocabulary["[START]"] = 255
    _made(vocabulary, [*marks, "[START]"]).save(str(folder / "tokenizer.json"))


def _turbo_tokenizer(folder: Path) -> None:
    transformers: Any = importlib.import_module("transformers")
    made = _made(_letters(["[UNK]", "[END]"], 300), ["[UNK]", "[END]"])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", eos_token="[END]", pad_token="[END]"
    ).save_pretrained(folder)
