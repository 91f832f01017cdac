"""Mimi's tensors under their two namings: moshi's, which rustymimi reads, and that of transformers (the file of kyutai/mimi).

The numbers are the same; transformers keeps query, key and value apart, and the rows of query and key in another order,
since it turns the first and the second half of a head where moshi turns neighbours (transformers' own conversion of the
checkpoint, convert_mimi_checkpoint_to_pytorch.py, does the same).
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs.safetensors_file import Tensor

HEAD_WIDTH = 64
"""Of every Mimi: 512 wide with 8 heads."""

SEMANTIC = "quantizer.rvq_first.vq.layers.0._codebook.embedding_sum"
TRANSFORMERS_SEMANTIC = "quantizer.semantic_residual_vector_quantizer.layers.0.codebook.embed_sum"
"""A tensor that every Mimi has, by either naming."""

_UPSAMPLING = (2, 5, 8, 11)
_RESIDUAL_IN = (1, 4, 7, 10)
_JOINED = "self_attn.in_proj_weight"
_PARTS = ("q", "k", "v")
_IN_LAYER = {
    "self_attn.out_proj.weight": "self_attn.o_proj.weight",
    "linear1.weight": "mlp.fc1.weight",
    "linear2.weight": "mlp.fc2.weight",
    "norm1.weight": "input_layernorm.weight",
    "norm1.bias": "input_layernorm.bias",
    "norm2.weight": "post_attention_layernorm.weight",
    "norm2.bias": "post_attention_layernorm.bias",
    "layer_scale_1.scale": "self_attn_layer_scale.scale",
    "layer_scale_2.scale": "mlp_layer_scale.scale",
}
_IN_BOOK = {"_initialized": "initialized", "cluster_usage": "cluster_usage", "embedding_sum": "embed_sum"}
_SIDES = {"rvq_first": "semantic", "rvq_rest": "acoustic"}


def pairs(layers: int, acoustic_books: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every tensor's name in moshi's naming, and its name, or the names of its three parts, in that of transformers."""
    yield from _convolutions()
    for side in ("encoder_transformer", "decoder_transformer"):
        for layer in range(layers):
            ours, theirs = f"{side}.transformer.layers.{layer}.", f"{side}.layers.{layer}."
            yield ours + _JOINED, tuple(f"{theirs}self_attn.{part}_proj.weight" for part in _PARTS)
            yield from ((ours + one, (theirs + other,)) for one, other in _IN_LAYER.items())
    for ours, kind in _SIDES.items():
        theirs = f"quantizer.{kind}_residual_vector_quantizer"
        yield from ((f"quantizer.{ours}.{p}.weight", (f"{theirs}.{p}.weight",)) for p in ("input_proj", "output_proj"))
        for book in range(1 if kind == "semantic" else acoustic_books):
            for one, other in _IN_BOOK.items():
                yield (
                    f"quantizer.{ours}.vq.layers.{book}._codebook.{one}",
                    (f"{theirs}.layers.{book}.codebook.{other}",),
                )


def _convolutions() -> Iterator[tuple[str, tuple[str, ...]]]:
    plain = {"encoder": (0, 3, 6, 9, 12, 14), "decoder": (0, 14)}
    residual = {"encoder": _RESIDUAL_IN, "decoder": tuple(at + 1 for at in _UPSAMPLING)}
    for side in ("encoder", "decoder"):
        found = [(f"{at}.conv.conv", f"{at}.conv") for at in plain[side]]
        found += [(f"{at}.block.{n}.conv.conv", f"{at}.block.{n}.conv") for at in residual[side] for n in (1, 3)]
        if side == "decoder":
            found += [(f"{at}.convtr.convtr", f"{at}.conv") for at in _UPSAMPLING]
        for ours, theirs in found:
            for part in ("weight", "bias"):
                yield f"{side}.model.{ours}.{part}", (f"{side}.layers.{theirs}.{part}",)
    yield "downsample.conv.conv.conv.weight", ("downsample.conv.weight",)
    yield "upsample.convtr.convtr.convtr.weight", ("upsample.conv.weight",)


def to_moshi(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file of transformers under moshi's names; a KeyError names one that is missing."""
    found = {}
    for ours, theirs in pairs(*_sizes(tensors)):
        parts = [tensors[name] for name in theirs]
        found[ours] = parts[0] if len(parts) == 1 else _join(parts)
    return found


def to_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of moshi's file under the names of transformers; a KeyError names one that is missing."""
    found: dict[str, Tensor] = {}
    for ours, theirs in pairs(*_sizes(tensors)):
        parts = [tensors[ours]] if len(theirs) == 1 else _split(tensors[ours])
        found |= dict(zip(theirs, parts, strict=True))
    return found


def _sizes(tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """Layers of a transformer, and acoustic books, in either naming."""
    layers = {
        m[1] for name in tensors if (m := re.match(r"encoder_transformer\.(?:transformer\.)?layers\.(\d+)\.", name))
    }
    return len(layers), acoustic_books(tensors)


def acoustic_books(names: Mapping[str, object]) -> int:
    """How many books after the first a file has, in either naming."""
    ours = re.compile(r"quantizer\.rvq_rest\.vq\.layers\.\d+\._codebook\.embedding_sum")
    theirs = re.compile(r"quantizer\.acoustic_residual_vector_quantizer\.layers\.\d+\.codebook\.embed_sum")
    return sum(1 for name in names if ours.fullmatch(name) or theirs.fullmatch(name))


def _join(parts: list[Tensor]) -> Tensor:
    query, key, value = (part.rows() for part in parts)
    rows = np.concatenate([_neighbours(query), _neighbours(key), value])
    return Tensor(parts[0].dtype, (len(rows), *parts[0].shape[1:]), rows.reshape(-1))


def _split(joined: Tensor) -> list[Tensor]:
    query, key, value = np.split(joined.rows(), 3)
    shape = (len(query), *joined.shape[1:])
    return [Tensor(joined.dtype, shape, rows.reshape(-1)) for rows in (_halves(query), _halves(key), value)]


def _halves(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Rows of heads whose neighbours turn together, as rows of which the first half turns with the second."""
    return rows.reshape(-1, HEAD_WIDTH // 2, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def _neighbours(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The inverse of `_halves`."""
    return rows.reshape(-1, 2, HEAD_WIDTH // 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)
