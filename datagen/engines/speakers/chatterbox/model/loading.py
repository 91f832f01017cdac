"""Chatterbox's parts from a local folder of safetensors files. Each file and tensor is checked before it is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from datagen.engines.speakers.chatterbox.model.rows import ModelError

Kind = Literal["original", "turbo"]
FILES: dict[str, dict[str, str]] = {
    "original": {"voice encoder": "ve.safetensors", "T3": "t3_cfg.safetensors", "S3Gen": "s3gen.safetensors"},
    "turbo": {
        "voice encoder": "ve.safetensors",
        "T3": "t3_turbo_v1.safetensors",
        "S3Gen": "s3gen_meanflow.safetensors",
    },
}
COMPUTED = ("tokenizer._mel_filters", "tokenizer.window")
"""Of S3Gen: tables that the module computes itself, and that the published file lacks."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Parts:
    """Stock's modules with their weights, in single precision and in evaluation."""

    t3: Any
    s3gen: Any
    voice_encoder: Any
    tokenizer: Any


def load(folder: Path, device: str, kind: Kind) -> Parts:
    """The parts of a model in a folder, T3's transformer still on the CPU. A ModelError names what is missing."""
    names = FILES[kind]
    tokenizer_files = ["tokenizer.json"] if kind == "original" else ["tokenizer_config.json"]
    lacking = [name for name in [*names.values(), *tokenizer_files] if not (folder / name).is_file()]
    if lacking:
        raise ModelError(f"{folder} lacks {', '.join(lacking)}: not a folder of Chatterbox's {kind} model")
    voice_encoder = import_module("chatterbox.models.voice_encoder").VoiceEncoder()
    _fill(voice_encoder, folder / names["voice encoder"])
    t3 = _t3(kind)
    _fill(t3, folder / names["T3"])
    stock_s3gen: Any = import_module("chatterbox.models.s3gen").S3Gen
    s3gen = stock_s3gen(meanflow=True) if kind == "turbo" else stock_s3gen()
    _fill(s3gen, folder / names["S3Gen"], computed=COMPUTED)
    transformer, t3.tfmr = t3.tfmr, None  # the batch takes its weights over one by one: it need not go to the device
    parts = Parts(
        t3.to(device).eval(), s3gen.to(device).eval(), voice_encoder.to(device).eval(), _tokenizer(folder, kind)
    )
    t3.tfmr = transformer.eval()
    return parts


def _t3(kind: Kind) -> Any:
    stock: Any = import_module("chatterbox.models.t3").T3
    if kind == "original":
        return stock()
    config: Any = import_module("chatterbox.models.t3.modules.t3_config").T3Config(text_tokens_dict_size=50276)
    config.llama_config_name = "GPT2_medium"
    config.speech_tokens_dict_size = 6563
    config.input_pos_emb = None
    config.speech_cond_prompt_len = 375
    config.use_perceiver_resampler = False
    config.emotion_adv = False
    return stock(config)


def _tokenizer(folder: Path, kind: Kind) -> Any:
    """Stock's tokenizer; a ModelError where the file is none."""
    try:
        if kind == "original":
            return import_module("chatterbox.models.tokenizers").EnTokenizer(str(folder / "tokenizer.json"))
        return import_module("transformers").AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # tokenizers raises bare Exceptions, stock AssertionErrors, transformers ValueErrors
        raise ModelError(f"{folder}: its tokenizer cannot be read: {_line(error)}") from error


def _fill(module: Any, file: Path, computed: tuple[str, ...] = ()) -> None:
    """Loads a file into a module. A ModelError names the first tensor that is missing or has another shape."""
    read: Any = import_module("safetensors.torch").load_file
    try:
        tensors: Mapping[str, Tensor] = read(file)
    except Exception as error:
        raise ModelError(f"{file} is no whole safetensors file: {_line(error)}") from error
    for name, wanted in module.state_dict().items():
        found = tensors.get(name)
        if found is None and name not in computed:
            raise ModelError(f"{file} lacks the tensor {name} of shape {tuple(wanted.shape)}")
        if found is not None and found.shape != wanted.shape:
            raise ModelError(f"{file}: {name} has shape {tuple(found.shape)}, not {tuple(wanted.shape)}")
    # names that the module does not know are let through, as stock does for S3Gen
    module.load_state_dict(tensors, strict=False)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
