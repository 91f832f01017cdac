"""What the dialogs manifest knows of the rows of the token shards: ids, domains, kinds, and whose role context is written."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datagen.errors import DataError
from datagen.load.builds import OpenBuild
from datagen.stages.pack.schema import Table, manifest_path

_COLUMNS = ("dialog_id", "shard", "domain", "kind")


@dataclass(frozen=True)
class Labels:
    """The dialogues of a build in the order of its shards. `rows` says which of them a shard holds."""

    dialog_id: pa.Array = field(repr=False)
    domain: pa.DictionaryArray = field(repr=False)
    kind: pa.DictionaryArray = field(repr=False)
    rows: dict[str, range]

    def __len__(self) -> int:
        return len(self.dialog_id)

    def domains(self, rows: range) -> NDArray[np.str_]:
        """The domain of each of `rows`."""
        return _strings(self.domain.slice(rows.start, len(rows)))


def labels_of(build: OpenBuild) -> Labels:
    """The labels of all dialogues, read once a build; DataError where the manifest and build.json tell of different ones.

    Memory holds some 20 B a dialogue.
    """
    if "labels" not in build.known:
        build.known["labels"] = _read(build)
    found: Labels = build.known["labels"]
    return found


def _read(build: OpenBuild) -> Labels:
    table = pa.concat_tables(build.tables(Table.DIALOGS, _COLUMNS)) if build.splits else None
    rows = _rows(build, [] if table is None else table.column("shard").to_pylist())
    if table is None:
        table = pa.table({name: pa.array([], pa.string()) for name in _COLUMNS})
    return Labels(
        table.column("dialog_id").combine_chunks(),
        table.column("domain").combine_chunks().dictionary_encode(),
        table.column("kind").combine_chunks().dictionary_encode(),
        rows,
    )


def _rows(build: OpenBuild, shards: list[str]) -> dict[str, range]:
    rows: dict[str, range] = {}
    start = 0
    if sum(s.n_dialogs for s in build.summary.shards) != len(shards):
        raise _not_of(build, len(shards))
    for shard in (s for s in build.summary.shards if s.n_dialogs):
        rows[shard.name] = range(start, start + shard.n_dialogs)
        start += shard.n_dialogs
        if set(shards[rows[shard.name].start : start]) != {shard.name}:
            raise _not_of(build, len(shards))
    return rows


def _not_of(build: OpenBuild, n_rows: int) -> DataError:
    return DataError(
        f"{build.where(manifest_path(Table.DIALOGS))}: its {n_rows} rows are not the dialogues of the shards in build.json "
        f"(which counts {sum(s.n_dialogs for s in build.summary.shards)}). Copy the build again, or run it again."
    )


def has_user_role(build: OpenBuild) -> NDArray[np.bool_]:
    """Of each dialogue, in the manifest's order, whether a role context of its user was written."""
    return _joined(
        pc.not_equal(t.column("user_role_context"), "") for t in build.tables(Table.DIALOGS, ("user_role_context",))
    )


def n_frames(build: OpenBuild) -> NDArray[np.int32]:
    """The frames of each dialogue, in the manifest's order."""
    found = [t.column("n_frames").to_numpy() for t in build.tables(Table.DIALOGS, ("n_frames",))]
    return np.concatenate(found) if found else np.empty(0, np.int32)


def _joined(parts: Iterator[pa.ChunkedArray]) -> NDArray[np.bool_]:
    found = [p.to_numpy() for p in parts]
    return np.concatenate(found).astype(np.bool_) if found else np.empty(0, np.bool_)


def _strings(array: pa.DictionaryArray) -> NDArray[np.str_]:
    return np.asarray(array.to_pylist(), np.str_)
