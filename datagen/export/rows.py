"""What the manifests say of a shard's dialogues, joined to its tokens: a shard at a time, a dialogue at a time."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.errors import DataError, one_line
from datagen.export.base import ExportDialog, Row, Sound
from datagen.load.builds import OpenBuild
from datagen.load.dialog import Dialog
from datagen.records.speech import SAMPLE_RATE_HZ, n_frames
from datagen.stages.pack.schema import Table, manifest_path, schema
from datagen.store.parquet_limits import read_group

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""What a dialogue may be called to have files of its name: no slash, nothing hidden, nothing longer than a file's name."""


class Manifest:
    """One manifest of a build, read by row group; DataError with one line where it is missing, damaged or of another version."""

    def __init__(self, build: OpenBuild, kind: Table) -> None:
        self._build, self._kind = build, kind
        self.where = build.where(manifest_path(kind))
        self._group: tuple[int, pa.Table] | None = None
        self._held: tuple[str, pa.Table] | None = None

    def rows(self, shard: str, dialog_id: str = "") -> list[dict[str, Any]]:
        """The rows of one shard, or of one dialogue of it, in the manifest's order."""
        table = self._of(shard)
        found = table.filter(pc.equal(table["dialog_id"], dialog_id)) if dialog_id else table
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def _of(self, shard: str) -> pa.Table:
        """A shard's rows; those of the last shard are kept, since its dialogues come one after the other."""
        if self._held is None or self._held[0] != shard:
            groups = [group for group, (low, high) in enumerate(self._spans) if low <= shard <= high]
            parts = [self._taken(group, shard) for group in groups]
            self._held = (shard, pa.concat_tables(parts) if parts else schema(self._kind).empty_table())
        return self._held[1]

    def _taken(self, group: int, shard: str) -> pa.Table:
        """A shard's rows in a row group; the last group is kept, since shards that follow one another share it."""
        if self._group is None or self._group[0] != group:
            self._group = None  # before the next is read: never two in memory
            self._group = (group, self._read(group))
        table = self._group[1]
        return table.filter(pc.equal(table["shard"], shard))

    def _read(self, group: int) -> pa.Table:
        try:
            return read_group(self._file, group)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    @cached_property
    def _spans(self) -> list[tuple[str, str]]:
        """The first and last shard name of each row group, from the file's own statistics."""
        meta = self._file.metadata
        column = meta.schema.names.index("shard")
        found = [meta.row_group(i).column(column).statistics for i in range(meta.num_row_groups)]
        return [(s.min, s.max) if s is not None and s.has_min_max else ("", "\U0010ffff") for s in found]

    @cached_property
    def _file(self) -> pq.ParquetFile:
        # Parquet has no checksum of its own: a flipped bit would go through.
        self._build.verify(manifest_path(self._kind))
        try:
            file = pq.ParquetFile(self._build.open(manifest_path(self._kind)))
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None
        wanted, there = schema(self._kind), file.schema_arrow
        wrong = [n for n in wanted.names if n not in there.names or there.field(n).type != wanted.field(n).type]
        if wrong:
            raise DataError(
                f"{self.where}: has no column {', '.join(wrong[:3])}{' …' * (len(wrong) > 3)} of the kind that is needed: another "
                "version of datagen made it. Run the build again: it is made anew."
            )
        return file

    def _damaged(self, error: BaseException) -> DataError:
        return DataError(
            f"{self.where}: not readable as parquet ({one_line(error)}). Run the build again, or `datagen check {self._build.root}`."
        )


class Turns(Sequence[Row]):
    """A dialogue's rows in turns, by turn; taken out of the manifest when they are first looked at."""

    def __init__(self, manifest: Manifest, shard: str, dialog_id: str) -> None:
        self._manifest, self._shard, self._dialog_id = manifest, shard, dialog_id

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return sorted(self._manifest.rows(self._shard, self._dialog_id), key=lambda row: row["turn"])

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        return self._rows[at]


class Joined:
    """A build's dialogues with everything that its manifests say of them."""

    def __init__(self, build: OpenBuild, sound: Sound) -> None:
        self._sound = sound
        self._dialogs, self._turns = Manifest(build, Table.DIALOGS), Manifest(build, Table.TURNS)

    def join(self, shard: str, dialogs: Iterable[Dialog]) -> Iterator[ExportDialog]:
        """The shard's dialogues, each with its rows.

        DataError for one that the dialogs manifest does not have or says another length of, or that no file can be called as.
        """
        rows = {row["dialog_id"]: row for row in self._dialogs.rows(shard)}
        for dialog in dialogs:
            row = rows.get(dialog.dialog_id)
            if row is None:
                raise DataError(
                    f"{dialog.where}: {dialog.dialog_id} is not in {self._dialogs.where} under shard {shard}. Run `datagen check`."
                )
            _check(dialog, row, self._dialogs.where)
            yield ExportDialog(dialog, row, Turns(self._turns, shard, dialog.dialog_id), self._sound)


def _check(dialog: Dialog, row: Row, where: str) -> None:
    if not _ID.fullmatch(dialog.dialog_id):
        raise DataError(
            f"{dialog.where}: dialog_id is {dialog.dialog_id[:80]!r}, and files are called by it: letters, digits, '.', '_' and '-' are "
            "taken, 128 at most, and no dot or dash in front."
        )
    duration_s = row["duration_s"]
    n = n_frames(round(duration_s * SAMPLE_RATE_HZ)) if math.isfinite(duration_s) else -1
    if (n, row["n_frames"]) != (dialog.n_frames, dialog.n_frames):
        raise DataError(
            f"{dialog.where}: {dialog.dialog_id} has {dialog.n_frames} frames, and {where} says {row['n_frames']} and {duration_s} s. "
            "Run `datagen check`."
        )
