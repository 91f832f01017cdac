"""The columns of a token table as numpy: flat values and offsets, checked as a whole, no Python loop over codes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datagen.errors import DataError
from datagen.load.dialog import CodecFrames, Words
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_RATE_HZ

Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CodeColumn:
    """A column of codes: the rows one after the other, row i from `starts[i]` on with `frames[i]` frames of each book."""

    flat: NDArray[np.int16] = field(repr=False)
    starts: Offsets = field(repr=False)
    frames: Offsets = field(repr=False)
    n_books: int

    def row(self, i: int) -> Codes:
        """int16 [n_books, n_frames], a read-only view."""
        start, frames = int(self.starts[i]), int(self.frames[i])
        return self.flat[start : start + self.n_books * frames].reshape(self.n_books, frames)


@dataclass(frozen=True, slots=True)
class WordColumn:
    """A column of words: all texts and times one after the other, row i from `starts[i]` to `starts[i + 1]`."""

    texts: list[str] = field(repr=False)
    start_s: NDArray[np.float64] = field(repr=False)
    end_s: NDArray[np.float64] = field(repr=False)
    starts: Offsets = field(repr=False)

    def row(self, i: int) -> Words:
        first, last = int(self.starts[i]), int(self.starts[i + 1])
        return Words(tuple(self.texts[first:last]), self.start_s[first:last], self.end_s[first:last])


class Fault(Exception):
    """A row of a table, and what is wrong with it; the reader knows the file."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row, self.what = row, what


def code_column(table: pa.Table, name: str, codec: CodecFrames) -> CodeColumn:
    """A column of codes; Fault where a row has other books than the codec, books of several lengths, or a code out of range."""
    outer = _whole(table, name)
    inner = outer.values
    rows = outer.offsets.to_numpy().astype(np.int64)
    _equal(np.diff(rows), codec.n_books, f"{name} has {{}} books, and the build's codec {codec.n_books}")
    books = inner.offsets.to_numpy()[rows[0] : rows[-1] + 1].astype(np.int64)
    frames = np.diff(books).reshape(-1, codec.n_books)
    ragged = (frames != frames[:, :1]).any(axis=1)
    if ragged.any():
        row = int(ragged.argmax())
        raise Fault(row, f"{name} has books of {frames[row].min()} to {frames[row].max()} frames")
    flat = inner.values.to_numpy(zero_copy_only=True)
    starts = books[:-1].reshape(-1, codec.n_books)[:, 0]
    used = flat[books[0] : books[-1]]
    if used.size and (used.min() < 0 or used.max() >= codec.book_size):
        at = int(((used < 0) | (used >= codec.book_size)).argmax())
        row = int(np.searchsorted(starts, at + books[0], "right")) - 1
        raise Fault(row, f"{name} has the code {used[at]}, and codes are 0 to {codec.book_size - 1}")
    return CodeColumn(flat, starts, frames[:, 0], codec.n_books)


def word_column(table: pa.Table, name: str, frames: Offsets) -> WordColumn:
    """A column of words of rows of so many `frames`.

    Fault where a time is no number, before 0 or after the row's end, ends before it starts, words are not by start, or one
    is blank.
    """
    outer = _whole(table, name)
    starts = outer.offsets.to_numpy().astype(np.int64)
    structs = outer.values
    start_s, end_s = (structs.field(f).to_numpy(zero_copy_only=True) for f in ("start_s", "end_s"))
    wrong = ~((start_s >= 0) & (end_s >= start_s) & np.isfinite(end_s))  # a NaN is not >= either
    falls = np.zeros(len(start_s), np.bool_)
    falls[1:] = start_s[1:] < start_s[:-1]
    firsts = starts[:-1][starts[:-1] < len(falls)]
    falls[firsts] = False  # a row's first word may start before the last of the row before
    late = np.zeros(len(start_s), np.bool_)
    late[starts[0] : starts[-1]] = start_s[starts[0] : starts[-1]] >= np.repeat(frames / FRAME_RATE_HZ, np.diff(starts))
    texts: list[str] = structs.field("word").to_pylist()
    blank = np.zeros(len(start_s), np.bool_)
    if not all(map(str.strip, texts)):
        blank[:] = [not text.strip() for text in texts]
    for bad, what in (
        (wrong, "has a word from {} to {} s"),
        (falls, "is not by start: a word from {} to {} s"),
        (late, "has a word from {} to {} s, and the dialogue is over by then"),
        (blank, "has a word without text from {} to {} s"),
    ):
        bad[: starts[0]] = bad[starts[-1] :] = False
        if bad.any():
            at = int(bad.argmax())
            row = int(np.searchsorted(starts, at, "right")) - 1
            raise Fault(row, f"{name} {what.format(start_s[at], end_s[at])}")
    return WordColumn(texts, start_s, end_s, starts)


def strings(table: pa.Table, name: str) -> list[str]:
    found: list[str] = table.column(name).to_pylist()
    return found


def all_equal(table: pa.Table, name: str, wanted: str, whose: str) -> None:
    """Fault at the first row whose `name` is not `wanted`, which is `whose`."""
    for row, found in enumerate(strings(table, name)):
        if found != wanted:
            raise Fault(row, f"{name} is {found!r}, and {whose} {wanted!r}")


def _equal(found: NDArray[Any], wanted: int, what: str) -> None:
    wrong = found != wanted
    if wrong.any():
        row = int(wrong.argmax())
        raise Fault(row, what.format(found[row]))


def _whole(table: pa.Table, name: str) -> pa.ListArray:
    found = table.column(name).combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        raise DataError(f"{name}: a row group of more codes than one array holds.")
    return found
