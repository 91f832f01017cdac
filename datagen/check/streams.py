"""The rows of an output folder, shard by shard, so that memory does not grow with the build."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from datagen.check.problem import Problem
from datagen.errors import DataError
from datagen.load.local_files import LocalFiles
from datagen.stages.pack.schema import Table, manifest_path
from datagen.stages.pack.tables import read_batches

Row = Mapping[str, Any]


def dicts(table: pa.Table) -> list[dict[str, Any]]:
    """The table's rows (polars is several times as fast at this as pyarrow)."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.to_dicts()


class ShardRows:
    """The rows of one manifest, given out by shard in the order of build.json.

    `problems` collects what keeps rows from being given out: an unreadable file, rows of no known shard, rows that stand
    after those of a later shard. `whole` is False once the file could not be read.
    """

    def __init__(self, files: LocalFiles, kind: Table, order: Mapping[str, int]) -> None:
        self.file = manifest_path(kind)
        self.problems: list[Problem] = []
        self.whole = True
        self._order = order
        self._runs = self._read(files, kind)
        self._waiting = next(self._runs, None)
        self._next = next(self._runs, None)

    def take(self, shard: str) -> list[dict[str, Any]]:
        """The rows of `shard`; to be asked for in order."""
        at = self._order[shard]
        while self._waiting and self._order.get(self._waiting[0], -1) < at:
            self._misplaced()
        if self._waiting and self._waiting[0] != shard and self._next and self._next[0] == shard:
            self._misplaced()  # A few rows of a later shard stand in the way; without a look ahead all that follow would be lost.
        if self._waiting and self._waiting[0] == shard:
            table = self._waiting[1]
            self._advance()
            return dicts(table)
        return []

    def _advance(self) -> None:
        self._waiting, self._next = self._next, next(self._runs, None)

    def close(self) -> None:
        """Reports every row that no shard asked for."""
        while self._waiting:
            self._misplaced()

    def _misplaced(self) -> None:
        assert self._waiting
        name, table = self._waiting
        what = (
            "stand apart from the shard's others, or out of order"
            if name in self._order
            else "belong to no shard of build.json"
        )
        first = table.column("dialog_id")[0].as_py()
        self.problems.append(Problem(self.file, name, f"{len(table)} rows (from {first} on) {what}."))
        self._advance()

    def _read(self, files: LocalFiles, kind: Table) -> Iterator[tuple[str, pa.Table]]:
        """Runs of rows of one shard."""
        name, parts = "", list[pa.Table]()
        try:
            for batch in read_batches(files.path(self.file), kind):
                for shard, rows in _runs(batch):
                    if parts and shard != name:
                        yield name, pa.concat_tables(parts)
                        parts = []
                    name = shard
                    parts.append(rows)
        except DataError as error:
            self.whole = False
            self.problems.append(unreadable(error, self.file))
        if parts:
            yield name, pa.concat_tables(parts)


def _runs(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """A table cut where its shard changes."""
    at = 0
    if len(table):
        runs = pc.run_end_encode(table.column("shard").combine_chunks())
        for end, shard in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
            yield shard, table.slice(at, end - at)
            at = end


def unreadable(error: DataError, file: str) -> Problem:
    """A table that could not be read, as a problem: the message without the path that the problem names anyway."""
    return Problem(file, "", str(error).partition(f"{file}: ")[2] or str(error))
