"""Arrow arrays of nested columns, built from flat numpy: no Python loop over codes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from datagen.errors import DataError
from datagen.records.rendered import Codes

T = TypeVar("T")

MOST_BOOKS = 32
BOOK_SIZE = 2_048
"""Mimi's geometry: 32 books of 2048 codes, of which Moshi and PersonaPlex use the first 8; melrvq has 8 of the same size."""


def codes_array(codes: Sequence[Codes], kind: pa.ListType, where: Sequence[str]) -> pa.ListArray:
    """A list<list<int16>> array, a row a matrix [n_books, n_frames]; DataError on another shape, type or a code out of range.

    `where` names each row in a message.
    """
    for matrix, name in zip(codes, where, strict=True):
        _check_codes(matrix, name)
        if len(matrix) != len(codes[0]):
            raise DataError(f"{name}: {len(matrix)} books, and the table's first row has {len(codes[0])}.")
    n_books = np.array([len(m) for m in codes], np.int32)
    frames = np.repeat(np.array([m.shape[1] for m in codes], np.int32), n_books)
    flat = np.concatenate([m.reshape(-1) for m in codes]) if codes else np.empty(0, np.int16)
    books = pa.ListArray.from_arrays(_offsets(frames), pa.array(flat), type=kind.value_type)
    return pa.ListArray.from_arrays(_offsets(n_books), books, type=kind)


def _check_codes(matrix: Codes, name: str) -> None:
    if matrix.ndim != 2 or not 1 <= matrix.shape[0] <= MOST_BOOKS or matrix.dtype != np.int16:
        raise DataError(
            f"{name}: codes are {matrix.dtype} {list(matrix.shape)}, and have to be int16 [1 to {MOST_BOOKS} books, n_frames]."
        )
    if matrix.size and (int(matrix.min()) < 0 or int(matrix.max()) >= BOOK_SIZE):
        raise DataError(f"{name}: codes from {matrix.min()} to {matrix.max()}, and have to be in 0…{BOOK_SIZE - 1}.")


def list_array(
    rows: Sequence[Sequence[T]], kind: pa.ListType, fields: Mapping[str, Callable[[T], Any]]
) -> pa.ListArray:
    """A list<struct> array; `fields` says how each field of the struct is read off an item."""
    flat = [item for row in rows for item in row]
    columns = [
        pa.array([read(item) for item in flat], kind.value_type.field(name).type) for name, read in fields.items()
    ]
    structs = pa.StructArray.from_arrays(columns, fields=[kind.value_type.field(name) for name in fields])
    return pa.ListArray.from_arrays(_offsets([len(row) for row in rows]), structs, type=kind)


def _offsets(lengths: Sequence[int] | np.ndarray[Any, Any]) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if offsets[-1] >= 2**31:
        raise DataError(
            f"{offsets[-1]} items in one table, and a list column holds 2147483647. Lower run.shard_dialogs."
        )
    return pa.array(offsets.astype(np.int32))


def codes_of(column: pa.ListArray, row: int) -> Codes:
    """One row of a code column as int16 [n_books, n_frames]; DataError where its books differ in length."""
    books = column[row].values
    lengths = np.unique(np.diff(books.offsets.to_numpy()))
    if len(lengths) > 1:
        raise DataError(f"books of {lengths.min()} to {lengths.max()} frames in one row of codes.")
    result: Codes = books.flatten().to_numpy().reshape(len(books), -1)
    return result
