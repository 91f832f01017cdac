"""Safetensors files: their tensors as bytes, and the bytes of a file of tensors, without a package for it.

The format (huggingface/safetensors): eight bytes of length, little-endian; that much JSON, name to {dtype, shape, data_offsets}; the
tensors' bytes. What is written here is byte for byte what the package's own save_file writes of the same tensors.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000
_WIDTHS = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "BF16": 2, "F16": 2}
"""Bytes of a number by type, in the order in which the package writes them: the types first, then the names."""
_ORDER = {name: rank for rank, name in enumerate(("I64", "F64", "F32", "I32", "BF16", "F16"))}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's type by the format's name (F32, F16, BF16 …), its shape, and its bytes, uint8 [n_bytes]."""

    dtype: str
    shape: tuple[int, ...]
    data: NDArray[np.uint8]

    def rows(self) -> NDArray[np.uint8]:
        """The bytes by row of the first axis, uint8 [rows, bytes a row]."""
        return self.data.reshape(self.shape[0], -1)


class NotSafetensors(ValueError):
    """The bytes are no safetensors file; `whole_bytes` is what a file cut short should have, None where nothing says."""

    def __init__(self, whole_bytes: int | None = None) -> None:
        super().__init__()
        self.whole_bytes = whole_bytes


def header(path: Path, size: int) -> tuple[dict[str, Any], int]:
    """The tensors' entries by name, and where their bytes begin; NotSafetensors where the file is none or not whole."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        text = file.read(length) if 2 <= length <= _LONGEST_HEADER else b""
    begin = _LENGTH_BYTES + length
    try:
        entries = {name: entry for name, entry in json.loads(text).items() if name != "__metadata__"}
        end = begin + max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise NotSafetensors from None
    if size != end:
        raise NotSafetensors(end)
    return entries, begin


def read(path: Path) -> dict[str, Tensor]:
    """Every tensor of a file, by name; the bytes are mapped, and read when they are used.

    NotSafetensors as `header`, and where a tensor is of a type that no Mimi has, or its bytes do not fit its shape.
    """
    entries, begin = header(path, path.stat().st_size)
    mapped = np.memmap(path, np.uint8, "r")
    found = {}
    for name, entry in entries.items():
        try:
            first, last = (begin + int(at) for at in entry["data_offsets"])
            shape = tuple(int(n) for n in entry["shape"])
            fits = last - first == prod(shape) * _WIDTHS[entry["dtype"]]
        except (KeyError, TypeError, ValueError):
            raise NotSafetensors from None
        if not fits or first < begin:
            raise NotSafetensors
        found[name] = Tensor(entry["dtype"], shape, mapped[first:last])
    return found


def pieces(tensors: Mapping[str, Tensor]) -> Iterator[bytes]:
    """The bytes of a file that holds `tensors`: its head, then a piece a tensor."""
    names = sorted(tensors, key=lambda name: (_ORDER[tensors[name].dtype], name))
    entries, at = {}, 0
    for name in names:
        one = tensors[name]
        entries[name] = {"dtype": one.dtype, "shape": list(one.shape), "data_offsets": [at, at + one.data.nbytes]}
        at += one.data.nbytes
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    yield len(text).to_bytes(_LENGTH_BYTES, "little") + text
    for name in names:
        yield tensors[name].data.tobytes()
