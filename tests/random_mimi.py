"""A full-size Mimi with random weights, in the tensor names and shapes that moshi's checkpoint has and rustymimi reads.

With 32 books in single precision the file has 384,644,900 bytes, as the released one has. Random weights are no codec: they
prove the arithmetic (streaming, state, padding, books), not the sound.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

RATIOS = (8, 6, 5, 4)
FILTERS = 64
WIDTH = 512
HIDDEN = 2048
LAYERS = 8
BOOK_SIZE = 2048
BOOK_WIDTH = 256
METER_BOOKS = 6
METER_RANGE = 8.0
METER_STEPS = (METER_RANGE / (BOOK_SIZE // 2), METER_RANGE / (BOOK_SIZE // 2) / BOOK_SIZE)
KERNEL, RESIDUAL_KERNEL, LAST_KERNEL = 7, 3, 3

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def write(path: Path, books: int, seed: int = 0, *, meter: bool = False) -> Path:
    """`path`, now a safetensors file of half-precision weights (160 MB with 8 books), the same for the same seed.

    With `meter` the books are no random ones: they measure three latents of each frame (`latents` reads them).
    """
    from safetensors.numpy import save_file

    draw = np.random.default_rng(seed)
    tensors = {name: _values(name, shape, draw) for name, shape in shapes(books)}
    save_file({**tensors, **(_meter() if meter else {})}, path)
    return path


def latents(codes: np.ndarray) -> np.ndarray:
    """Three latents a frame [3, n_frames], to METER_RANGE / 2**21, as the books of a `meter` hold them."""
    rows = [METER_STEPS[k % 2] * (codes[1 + k].astype(np.float64) - BOOK_SIZE // 2) for k in range(METER_BOOKS)]
    return np.array([rows[2 * m] + rows[2 * m + 1] for m in range(METER_BOOKS // 2)])


def _meter() -> dict[str, np.ndarray]:
    """Acoustic books in pairs: the first of a pair rounds one latent, the second what the first leaves."""
    project = np.zeros((BOOK_WIDTH, WIDTH, 1), np.float32)
    found = {"quantizer.rvq_rest.input_proj.weight": project}
    for book in range(METER_BOOKS):
        project[book // 2, book // 2] = 1
        table = np.zeros((BOOK_SIZE, BOOK_WIDTH), np.float32)
        table[:, book // 2] = METER_STEPS[book % 2] * (np.arange(BOOK_SIZE) - BOOK_SIZE // 2)
        found[f"quantizer.rvq_rest.vq.layers.{book}._codebook.embedding_sum"] = table
    return found


def shapes(books: int) -> Shapes:
    """Every tensor's name and shape."""
    yield from _encoder()
    yield from _decoder()
    for side in ("encoder", "decoder"):
        for layer in range(LAYERS):
            yield from _attention(f"{side}_transformer.transformer.layers.{layer}")
    stride = 2  # 25 Hz inside, 12.5 Hz outside
    yield "downsample.conv.conv.conv.weight", (WIDTH, WIDTH, 2 * stride)
    yield "upsample.convtr.convtr.convtr.weight", (WIDTH, 1, 2 * stride)
    yield from _quantizer("rvq_first", 1)
    yield from _quantizer("rvq_rest", books - 1)


def _encoder() -> Shapes:
    yield from _conv("encoder.model.0.conv.conv", (FILTERS, 1, KERNEL))
    width, at = FILTERS, 1
    for ratio in reversed(RATIOS):
        yield from _residual(f"encoder.model.{at}", width)
        yield from _conv(f"encoder.model.{at + 2}.conv.conv", (2 * width, width, 2 * ratio))
        width, at = 2 * width, at + 3
    yield from _conv(f"encoder.model.{at + 1}.conv.conv", (WIDTH, width, LAST_KERNEL))


def _decoder() -> Shapes:
    width = FILTERS << len(RATIOS)
    yield from _conv("decoder.model.0.conv.conv", (width, WIDTH, KERNEL))
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


def _attention(name: str) -> Shapes:
    yield f"{name}.self_attn.in_proj_weight", (3 * WIDTH, WIDTH)
    yield f"{name}.self_attn.out_proj.weight", (WIDTH, WIDTH)
    yield f"{name}.linear1.weight", (HIDDEN, WIDTH)
    yield f"{name}.linear2.weight", (WIDTH, HIDDEN)
    for part in (
        "norm1.weight",
        "norm1.bias",
        "norm2.weight",
        "norm2.bias",
        "layer_scale_1.scale",
        "layer_scale_2.scale",
    ):
        yield f"{name}.{part}", (WIDTH,)


def _quantizer(name: str, books: int) -> Shapes:
    yield f"quantizer.{name}.input_proj.weight", (BOOK_WIDTH, WIDTH, 1)
    yield f"quantizer.{name}.output_proj.weight", (WIDTH, BOOK_WIDTH, 1)
    for book in range(books):
        layer = f"quantizer.{name}.vq.layers.{book}._codebook"
        yield f"{layer}._initialized", (1,)
        yield f"{layer}.cluster_usage", (BOOK_SIZE,)
        yield f"{layer}.embedding_sum", (BOOK_SIZE, BOOK_WIDTH)


def _values(name: str, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
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
