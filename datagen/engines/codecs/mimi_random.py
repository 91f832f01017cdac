"""A Mimi of full size with random weights: a benchmark without the released file, and tests of the arithmetic.

Random weights are no codec: no audio comes back. They cost the time that the released ones cost, and show whether two
ways to the same codes are one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs.safetensors_file import Tensor, pieces

RATIOS = (8, 6, 5, 4)
BOOK_SIZE = 2048
KERNEL, RESIDUAL_KERNEL, LAST_KERNEL = 7, 3, 3


@dataclass(frozen=True, slots=True)
class Size:
    """How large a Mimi is; `width` is of its transformers, whose heads have 64, and `filters` of its first convolution."""

    filters: int
    width: int
    hidden: int
    layers: int
    book_width: int


FULL = Size(filters=64, width=512, hidden=2048, layers=8, book_width=256)
"""Mimi as released, from moshi's loaders.py: with 32 books in single precision the file has its 384,644,900 bytes."""

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def write(path: Path, books: int = 32, seed: int = 0) -> Path:
    """`path`, now a safetensors file of single-precision weights in moshi's naming, the same for the same seed."""
    draw = np.random.default_rng(seed)
    made = ((name, shape, values(name, shape, draw).astype("<f4")) for name, shape in shapes(books))
    tensors = {name: Tensor("F32", shape, numbers.reshape(-1).view(np.uint8)) for name, shape, numbers in made}
    with path.open("wb") as file:
        file.writelines(pieces(tensors))
    return path


def shapes(books: int, size: Size = FULL) -> Shapes:
    """Every tensor's name and shape."""
    yield from _encoder(size)
    yield from _decoder(size)
    for side in ("encoder", "decoder"):
        for layer in range(size.layers):
            yield from _attention(f"{side}_transformer.transformer.layers.{layer}", size)
    stride = 2  # 25 Hz inside, 12.5 Hz outside
    yield "downsample.conv.conv.conv.weight", (size.width, size.width, 2 * stride)
    yield "upsample.convtr.convtr.convtr.weight", (size.width, 1, 2 * stride)
    yield from _quantizer("rvq_first", 1, size)
    yield from _quantizer("rvq_rest", books - 1, size)


def _encoder(size: Size) -> Shapes:
    yield from _conv("encoder.model.0.conv.conv", (size.filters, 1, KERNEL))
    width, at = size.filters, 1
    for ratio in reversed(RATIOS):
        yield from _residual(f"encoder.model.{at}", width)
        yield from _conv(f"encoder.model.{at + 2}.conv.conv", (2 * width, width, 2 * ratio))
        width, at = 2 * width, at + 3
    yield from _conv(f"encoder.model.{at + 1}.conv.conv", (size.width, width, LAST_KERNEL))


def _decoder(size: Size) -> Shapes:
    width = size.filters << len(RATIOS)
    yield from _conv("decoder.model.0.conv.conv", (width, size.width, KERNEL))
    at = 1
    for ratio in RATIOS:
        name = f"decoder.model.{at + 1}.convtr.convtr"
        yield f"{name}.weight", (width, width // 2, 2 * ratio)
        yield f"{name}.bias", (width // 2,)
        width //= 2
        yield from _residual(f"decoder.model.{at + 2}", width)
        at += 3
    yield from _conv(f"decoder.model.{at + 1}.conv.conv", (1, width, LAST_KERNEL))


def _residual(name: str, width: int) -> Shapes:
    yield from _conv(f"{name}.block.1.conv.conv", (width // 2, width, RESIDUAL_KERNEL))
    yield from _conv(f"{name}.block.3.conv.conv", (width, width // 2, 1))


def _conv(name: str, shape: tuple[int, int, int]) -> Shapes:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _attention(name: str, size: Size) -> Shapes:
    yield f"{name}.self_attn.in_proj_weight", (3 * size.width, size.width)
    yield f"{name}.self_attn.out_proj.weight", (size.width, size.width)
    yield f"{name}.linear1.weight", (size.hidden, size.width)
    yield f"{name}.linear2.weight", (size.width, size.hidden)
    for part in (
        "norm1.weight",
        "norm1.bias",
        "norm2.weight",
        "norm2.bias",
        "layer_scale_1.scale",
        "layer_scale_2.scale",
    ):
        yield f"{name}.{part}", (size.width,)


def _quantizer(name: str, books: int, size: Size) -> Shapes:
    yield f"quantizer.{name}.input_proj.weight", (size.book_width, size.width, 1)
    yield f"quantizer.{name}.output_proj.weight", (size.width, size.book_width, 1)
    for book in range(books):
        layer = f"quantizer.{name}.vq.layers.{book}._codebook"
        yield f"{layer}._initialized", (1,)
        yield f"{layer}.cluster_usage", (BOOK_SIZE,)
        yield f"{layer}.embedding_sum", (BOOK_SIZE, size.book_width)


def values(name: str, shape: tuple[int, ...], draw: np.random.Generator) -> NDArray[np.float16]:
    """Weights that keep a signal's size from layer to layer, so that codes depend on the audio and on its past."""
    if name.endswith(("_initialized", "cluster_usage", "norm1.weight", "norm2.weight")):
        return np.ones(shape, np.float16)
    if "layer_scale" in name:
        # The trained model has small ones; these let attention, and so the whole past, weigh in every code.
        return np.full(shape, 0.5, np.float16)
    spread = {1: 0.02}.get(len(shape), (2 / np.prod(shape[1:])) ** 0.5)
    if "convtr" in name and len(shape) == 3:
        spread = (2 / (shape[0] if shape[1] > 1 else 1) / 2) ** 0.5
    if name.endswith("embedding_sum"):
        spread = 0.5
    return (draw.standard_normal(shape, np.float32) * np.float32(spread)).astype(np.float16)
