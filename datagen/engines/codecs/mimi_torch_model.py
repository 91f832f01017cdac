"""transformers' MimiModel with given weights: what the torch backend steps. Its configuration is read off the tensors' shapes."""

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from datagen.engines.codecs.mimi_names import HEAD_WIDTH, acoustic_books, to_transformers
from datagen.engines.codecs.mimi_weights import Weights
from datagen.engines.codecs.safetensors_file import Tensor
from datagen.errors import EngineError

INSTALL = 'pip install "datagen[mimi-torch]"'
NEEDS = ("torch", "transformers")
OLDEST = (5, 23)
"""transformers 4.57 has no sliding window; 5.23 is the first that was compared with moshi 0.2.13 throughout."""


def missing() -> list[str]:
    """The packages that the torch backend needs and this environment lacks."""
    return [name for name in NEEDS if find_spec(name) is None]


def check() -> None:
    """An EngineError in one line where torch or transformers lacks, or transformers is too old."""
    if lacking := missing():
        raise EngineError(f"codec.backend = torch: {' and '.join(lacking)} is not installed. Run: {INSTALL}")
    found = version("transformers")
    if tuple(int(n) for n in re.findall(r"\d+", found)[:2]) < OLDEST:
        raise EngineError(
            f"codec.backend = torch: transformers {found} is too old, its Mimi has no sliding window as Moshi's has; "
            f"{OLDEST[0]}.{OLDEST[1]} or newer is needed. Run: {INSTALL}"
        )


def versions() -> str:
    """Names and versions of the packages, with a plus between: `transformers-5.23.0+torch-2.13.0`."""
    check()
    try:
        return f"transformers-{version('transformers')}+torch-{version('torch').partition('+')[0]}"
    except PackageNotFoundError as error:  # a folder named torch, say
        raise EngineError(f"codec.backend = torch: {error} is not installed. Run: {INSTALL}") from None


def load(weights: Weights) -> Any:
    """A MimiModel in single precision on the CPU; an EngineError where the file is no Mimi that transformers builds."""
    check()
    tensors = weights.tensors()
    try:
        config = configuration(tensors)
        flat = to_transformers(tensors)
    except (KeyError, IndexError) as error:
        raise _unusable(weights, f"there is no tensor {error}") from None
    import torch
    import transformers

    quiet: Any = transformers.utils.logging
    made: Any = transformers.MimiModel
    quiet.disable_progress_bar()
    state = {name: _torch(tensor) for name, tensor in flat.items()}
    try:
        model, report = made.from_pretrained(None, config=config, state_dict=state, output_loading_info=True)
    except (RuntimeError, ValueError) as error:
        raise _unusable(weights, str(error).splitlines()[0]) from None
    for fault in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[fault]:
            raise _unusable(weights, f"{fault.replace('_', ' ')}: {sorted(map(str, report[fault]))[0]}")
    return model.to(torch.float32).eval().requires_grad_(False)


def in_precision(model: Any, kind: Any) -> Any:
    """The model with its weights in another type of number, and the frequencies of its positions as they were.

    A frequency in half precision turns the 250th position by half a radian too much or too little.
    """
    frequencies = [(module, module.inv_freq.clone()) for module in model.modules() if hasattr(module, "inv_freq")]
    model = model.to(kind)
    for module, frequency in frequencies:
        module.inv_freq = frequency
    return model


def configuration(tensors: Mapping[str, Tensor]) -> Any:
    """The MimiConfig of a file in moshi's naming: widths, layers and books by the shapes, the rest as Mimi's."""
    from transformers import MimiConfig

    width, _, _ = tensors["downsample.conv.conv.conv.weight"].shape
    layer = "encoder_transformer.transformer.layers.{}.linear1.weight"
    book_size, book_width = tensors["quantizer.rvq_first.vq.layers.0._codebook.embedding_sum"].shape
    heads = width // HEAD_WIDTH
    return MimiConfig(
        num_filters=tensors["encoder.model.0.conv.conv.weight"].shape[0],
        hidden_size=width,
        num_hidden_layers=sum(1 for n in range(len(tensors)) if layer.format(n) in tensors),
        intermediate_size=tensors[layer.format(0)].shape[0],
        num_attention_heads=heads,
        num_key_value_heads=heads,
        num_quantizers=1 + acoustic_books(tensors),
        codebook_size=book_size,
        codebook_dim=book_width,
        vector_quantization_hidden_dimension=book_width,
        upsample_groups=width,
    )


def _torch(tensor: Tensor) -> Any:
    import torch

    kinds = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    kinds |= {"I64": torch.int64, "I32": torch.int32}
    copy = bytearray(tensor.data.tobytes())
    return torch.frombuffer(copy, dtype=kinds[tensor.dtype]).reshape(tensor.shape).to(torch.float32)


def _unusable(weights: Weights, why: str) -> EngineError:
    return EngineError(f"codec.weights: transformers cannot use {weights.path}: {why}.")
