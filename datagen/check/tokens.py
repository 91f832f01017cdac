"""The token file of one shard: its codes, its order, and its rows without the codes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen.check.problem import Problem
from datagen.check.streams import dicts, unreadable
from datagen.errors import DataError
from datagen.load.local_files import LocalFiles
from datagen.records.build import BuildSummary, ShardEntry
from datagen.stages.pack.schema import Table, token_file_name
from datagen.stages.pack.tables import is_sorted, read_batches

_DIALOG_CODES = ("agent_codes", "user_codes")
_PROMPT_CODES = ("voice_prompt_codes", "user_voice_prompt_codes")


def read_tokens(
    files: LocalFiles, build: BuildSummary, shard: ShardEntry, problems: list[Problem]
) -> list[dict[str, Any]] | None:
    """The rows of a shard's token file without codes, `n_prompt_frames` added; None where it cannot be read.

    What is wrong with the file and its codes goes to `problems`.
    """
    name = token_file_name(shard.split, shard.number)
    rows: list[dict[str, Any]] = []
    try:
        for table in read_batches(files.path(name), Table.TOKENS):
            problems += (Problem(name, where, what) for where, what in _codes(table, build))
            found = dicts(table.drop_columns([*_DIALOG_CODES, *_PROMPT_CODES]))
            frames = _frames(table.column("voice_prompt_codes"))
            rows += ({**row, "n_prompt_frames": int(n)} for row, n in zip(found, frames, strict=True))
            if not is_sorted(table, Table.TOKENS):
                problems.append(Problem(name, "dialog_id", "rows are not in order, or a dialogue is there twice."))
    except DataError as error:
        problems.append(unreadable(error, name))
        return None
    problems += (Problem(name, where, what) for where, what in _entry(rows, shard))
    return rows


def _entry(rows: list[dict[str, Any]], shard: ShardEntry) -> Iterator[tuple[str, str]]:
    ids = [row["dialog_id"] for row in rows]
    if len(rows) != shard.n_dialogs:
        yield "", f"has {len(rows)} dialogues, and build.json says {shard.n_dialogs}."
    found = (min(ids), max(ids)) if ids else (None, None)
    if found != (shard.first_dialog_id, shard.last_dialog_id):
        yield (
            "",
            f"holds {found[0]} to {found[1]}, and build.json says {shard.first_dialog_id} to {shard.last_dialog_id}.",
        )
    for row in rows:
        if row["split"] != shard.split:
            yield row["dialog_id"], f"is of split {row['split']}, in a file of {shard.split}."


def _frames(column: pa.ChunkedArray) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Frames of each row's first book, 0 where there is none."""
    first = pc.list_slice(column, 0, 1)
    lengths = [len(book) for row in first.to_pylist() for book in (row or [[]])]
    return np.array(lengths, np.int64)


def _codes(table: pa.Table, build: BuildSummary) -> Iterator[tuple[str, str]]:
    """Every row's matrix is n_books x its frames, every code one of the book; rows are looked at one by one only where not."""
    ids, wanted = table.column("dialog_id"), table.column("n_frames").to_numpy()
    n_books, size = build.codec.n_books, build.codec.book_size
    for name in (*_DIALOG_CODES, *_PROMPT_CODES):
        column = table.column(name).combine_chunks()
        books = pc.list_value_length(column).to_numpy()
        lengths = pc.list_value_length(column.flatten()).to_numpy()
        for row in np.flatnonzero(books != n_books):
            yield ids[row].as_py(), f"{name} has {books[row]} books, and the codec has {n_books}."
        if (books != n_books).any() or not len(books):
            continue
        per_row = lengths.reshape(len(books), n_books)
        frames = wanted if name in _DIALOG_CODES else per_row[:, 0]
        for row in np.flatnonzero((per_row != frames[:, None]).any(axis=1) | (frames == 0)):
            yield (
                ids[row].as_py(),
                f"{name} has books of {sorted(set(per_row[row].tolist()))} frames, and n_frames is {frames[row]}.",
            )
        yield from ((ids[row].as_py(), what) for row, what in _out_of_range(column, name, per_row.sum(axis=1), size))


def _out_of_range(
    column: pa.ListArray, name: str, lengths: "np.ndarray[Any, np.dtype[Any]]", size: int
) -> Iterator[tuple[int, str]]:
    flat = column.flatten().flatten().to_numpy()
    bad = np.flatnonzero((flat < 0) | (flat >= size))
    if len(bad):
        rows = np.searchsorted(np.cumsum(lengths), bad, side="right")
        for row in np.unique(rows):
            codes = flat[bad[rows == row]]
            yield int(row), f"{name} has {len(codes)} codes outside 0…{size - 1}, e.g. {codes[0]}."
