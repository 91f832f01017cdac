"""Limits on what a parquet file may unpack to: a file of a few kilobytes can say that it holds terabytes, and be right.

A run of equal values, and a text that is in a dictionary once, take next to nothing in the file and their full size in memory. What the
footer says is held to limits that lie far over what a build writes (a row group of at most 16,384 rows and some tens of megabytes).
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MOST_ROWS = 1 << 20
"""Of a row group: pyarrow's own default; polars writes a quarter of it."""
MOST_VALUES = 1 << 27
"""Of a column in a row group."""
MOST_BYTES = 1 << 31
"""Of a row group, unpacked."""
MOST_ROWS_WHOLE, MOST_BYTES_WHOLE = 1 << 27, 1 << 36
"""Of a file that is read whole."""
_SURE_BYTES = 1 << 34
"""A column of texts is read in one go where it could not come to more if each of its values were all of its dictionary."""


class TooLarge(pa.ArrowInvalid):
    """What a parquet file unpacks to is over a limit; who reads parquet tells it as any other fault of a file."""


def check_group(meta: pq.FileMetaData, group: int) -> None:
    """TooLarge where a row group says to hold more than one may."""
    found = meta.row_group(group)
    columns = [found.column(i) for i in range(found.num_columns)]
    n_values = max((c.num_values for c in columns), default=0)
    n_bytes = sum(c.total_uncompressed_size for c in columns)
    for what, n, most in (
        ("rows", found.num_rows, MOST_ROWS),
        ("values", n_values, MOST_VALUES),
        ("bytes", n_bytes, MOST_BYTES),
    ):
        if not 0 <= n <= most:
            raise TooLarge(f"row group {group} unpacks to {n} {what}, and may to {most}")


def check_file(meta: pq.FileMetaData) -> None:
    """TooLarge where any row group, or all together, say to hold more than may be read."""
    for group in range(meta.num_row_groups):
        check_group(meta, group)
    n_bytes = sum(meta.row_group(g).total_byte_size for g in range(meta.num_row_groups))
    if meta.num_rows > MOST_ROWS_WHOLE or n_bytes > MOST_BYTES_WHOLE:
        raise TooLarge(
            f"{meta.num_rows} rows of {n_bytes} bytes, and {MOST_ROWS_WHOLE} of {MOST_BYTES_WHOLE} may be read at once"
        )


def read_group(file: pq.ParquetFile, group: int, columns: Sequence[str] | None = None) -> pa.Table:
    """A row group, all columns or the named ones; TooLarge where it is over a limit, before it is unpacked or as soon as it shows."""
    meta = file.metadata
    check_group(meta, group)
    wanted = None if columns is None else list(columns)
    step = _rows_at_once(meta.row_group(group), wanted)
    if step == 0:
        return file.read_row_group(group, columns=wanted, use_threads=False)
    found, n_bytes = [], 0
    for batch in file.iter_batches(step, row_groups=[group], columns=wanted, use_threads=False):
        n_bytes += batch.nbytes
        if n_bytes > MOST_BYTES:
            raise TooLarge(f"row group {group} unpacks to over {MOST_BYTES} bytes of text")
        found.append(batch)
    return pa.Table.from_batches(found).combine_chunks() if found else file.read_row_group(group, columns=wanted)


def _rows_at_once(meta: Any, wanted: list[str] | None) -> int:
    """How many rows of a group to unpack at a time, so that a text in a dictionary cannot fill the memory; 0: all."""
    texts = [c for c in (meta.column(i) for i in range(meta.num_columns)) if c.physical_type == "BYTE_ARRAY"]
    texts = [c for c in texts if wanted is None or c.path_in_schema.split(".")[0] in wanted]
    most = sum(c.num_values * c.total_uncompressed_size for c in texts)
    return 0 if most <= _SURE_BYTES else max(1, min(1024, meta.num_rows * MOST_BYTES // most))
