"""Parquet in and out: the same rows give the same bytes, and what is read back is what the schema says."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.errors import DataError, one_line
from datagen.stages.pack.schema import SPECS, Table, leaf_paths, schema
from datagen.store.parquet_limits import read_group

Sink: TypeAlias = Path | IO[bytes]
Source: TypeAlias = Path | pa.Table

ZSTD_LEVEL = 3
DICTIONARY_BYTES = 1 << 20
"""Where parquet gives up a dictionary. 2048 codes take 8 kB of it as parquet's INT32; so no row group ever does."""


def write_table(table: pa.Table, sink: Sink, kind: Table) -> None:
    """Writes `table`, sorted, as parquet: zstd, codes in a dictionary (11 bits a code), fixed row groups.

    The same rows give the same bytes whatever their order and chunks. DataError where the columns are not the kind's.
    """
    _check_schema(table.schema, kind, "table")
    write_all([table.sort_by([(name, "ascending") for name in SPECS[kind].sorted_by])], sink, kind)


def concat(sources: Iterable[Source], sink: Sink, kind: Table) -> int:
    """Writes all rows of `sources`, in their order, as one parquet file, and returns how many there were.

    The bytes depend on the sequence of rows alone, not on how it is cut into sources. Memory holds one row group and one
    source's. DataError where a source is not readable or not of this kind.
    """
    return write_all((t for source in sources for t in _tables_of(source, kind)), sink, kind)


def write_all(tables: Iterable[pa.Table], sink: Sink, kind: Table) -> int:
    """Writes tables of the kind's schema one after the other, cut anew into row groups; returns the number of rows."""
    size = SPECS[kind].row_group_rows
    n_rows, waiting = 0, schema(kind).empty_table()
    with pq.ParquetWriter(_target(sink), schema(kind), **_writing(kind)) as writer:
        for table in tables:
            n_rows += len(table)
            waiting = pa.concat_tables([waiting, table.cast(schema(kind))])
            while len(waiting) >= size:
                _write_group(writer, waiting.slice(0, size))
                waiting = waiting.slice(size)
            waiting = waiting.combine_chunks() if waiting.column(0).num_chunks > 64 else waiting
        # A table without rows has no row group either: `datasets` fails on one of no rows.
        if len(waiting):
            _write_group(writer, waiting)
    return n_rows


def _write_group(writer: pq.ParquetWriter, table: pa.Table) -> None:
    # One chunk, cut to size: page borders follow the chunks that come in, and the bytes may not.
    writer.write_table(table.combine_chunks(), row_group_size=len(table))


def _writing(kind: Table) -> dict[str, Any]:
    plain = set(SPECS[kind].plain)
    return {
        "compression": "zstd",
        "compression_level": ZSTD_LEVEL,
        "use_dictionary": [leaf for leaf in leaf_paths(kind) if leaf not in plain],
        "dictionary_pagesize_limit": DICTIONARY_BYTES,
        # Only plain columns have a minimum worth skipping row groups by.
        "write_statistics": [c.name for c in SPECS[kind].columns if not pa.types.is_nested(c.type)],
        "use_compliant_nested_type": True,
        "version": "2.6",
        "data_page_version": "1.0",
    }


def _target(sink: Sink) -> Any:
    return str(sink) if isinstance(sink, Path) else sink


def _tables_of(source: Source, kind: Table) -> Iterator[pa.Table]:
    if isinstance(source, Path):
        yield from read_batches(source, kind)
    else:
        _check_schema(source.schema, kind, "table")
        yield source


def read_table(path: Path, kind: Table, columns: Sequence[str] | None = None) -> pa.Table:
    """The whole table in a file; DataError with one line where it is missing, truncated, foreign or has other columns."""
    tables = list(read_batches(path, kind, columns))
    return pa.concat_tables(tables) if tables else _part(kind, columns).empty_table()


def read_batches(path: Path, kind: Table, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The table in a file, a row group at a time; DataError as `read_table`."""
    return read_file(str(path), str(path), kind, columns)


def read_file(
    source: str | IO[bytes],
    where: str,
    kind: Table,
    columns: Sequence[str] | None = None,
    groups: Callable[[list[int]], Iterable[int]] | None = None,
) -> Iterator[pa.Table]:
    """The table in a path or an open file, a row group at a time; DataError as `read_table`, which calls it `where`.

    `groups` chooses row groups: it takes the rows of each and gives the numbers of those to read.
    """
    try:
        with pq.ParquetFile(source) as file:
            _check_schema(file.schema_arrow, kind, where)
            rows = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
            for group in range(len(rows)) if groups is None else groups(rows):
                table = read_group(file, group, columns)
                _check_nulls(table, kind, where)
                yield table.cast(_part(kind, columns))
    except FileNotFoundError:
        raise DataError(f"{where}: there is no such file. Run the build again; it makes what is missing.") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # a name in the footer
        raise DataError(
            f"{where}: not readable as parquet ({one_line(error)}); truncated, damaged or foreign. {_AGAIN}"
        ) from None


_AGAIN = "Remove it and run the build again."


def _part(kind: Table, columns: Sequence[str] | None) -> pa.Schema:
    whole = schema(kind)
    return whole if columns is None else pa.schema([whole.field(name) for name in columns], whole.metadata)


def _check_schema(found: pa.Schema, kind: Table, where: str) -> None:
    wanted = schema(kind)
    if found.equals(wanted):
        return
    lacking = [n for n in wanted.names if n not in found.names]
    foreign = [n for n in found.names if n not in wanted.names]
    if lacking or foreign:
        parts = [f"lacks {_some(lacking)}"] * bool(lacking) + [f"has foreign {_some(foreign)}"] * bool(foreign)
        raise DataError(f"{where}: not a {kind} table: it {' and '.join(parts)}. {_AGAIN}")
    for name in wanted.names:
        if found.field(name).type != wanted.field(name).type:
            raise DataError(
                f"{where}: column {name} is {found.field(name).type}, and has to be {wanted.field(name).type}. {_AGAIN}"
            )
    if found.names != wanted.names:
        raise DataError(f"{where}: the columns of a {kind} table in another order. {_AGAIN}")


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _check_nulls(table: pa.Table, kind: Table, where: str) -> None:
    for name in table.schema.names:
        if table.column(name).null_count and not schema(kind).field(name).nullable:
            raise DataError(
                f"{where}: column {name} has {table.column(name).null_count} nulls, and may have none. {_AGAIN}"
            )


def is_sorted(table: pa.Table, kind: Table) -> bool:
    """Whether the rows are in the kind's order, each key once."""
    keys = [table.column(name) for name in SPECS[kind].sorted_by]
    if len(table) < 2:
        return True
    before = [k.slice(0, len(table) - 1) for k in keys]
    after = [k.slice(1) for k in keys]
    rising = pc.less(before[-1], after[-1])
    for low, high in zip(before[-2::-1], after[-2::-1], strict=True):
        rising = pc.or_(pc.less(low, high), pc.and_(pc.equal(low, high), rising))
    return bool(pc.all(rising).as_py())
