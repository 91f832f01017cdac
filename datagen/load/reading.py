"""Token shards read back: `Dialog`s whose every code, time and maker was checked, without a Python loop over codes."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

import pyarrow as pa

from datagen.errors import DataError
from datagen.load import columns
from datagen.load.builds import OpenBuild
from datagen.load.columns import CodeColumn, Fault, WordColumn
from datagen.load.dialog import Dialog
from datagen.load.labels import Labels, labels_of
from datagen.records.build import ShardEntry
from datagen.stages.pack.schema import SPECS, Table, manifest_path, token_file_name
from datagen.stages.pack.tables import read_file

GROUP_ROWS = SPECS[Table.TOKENS].row_group_rows
"""Dialogues a row group of a shard: what is read and decoded at once."""
_CODES = ("agent_codes", "user_codes", "voice_prompt_codes", "user_voice_prompt_codes")


@dataclass(frozen=True, slots=True)
class Rows:
    """Decoded rows of a shard, from `start` on. `dialog(row)` is one of them; its arrays are views of all."""

    build: OpenBuild = field(repr=False)
    shard: ShardEntry
    start: int
    ids: list[str] = field(repr=False)
    domains: list[str] = field(repr=False)
    kinds: list[str] = field(repr=False)
    roles: list[str] = field(repr=False)
    user_roles: list[str] = field(repr=False)
    codes: tuple[CodeColumn, ...] = field(repr=False)
    words: WordColumn = field(repr=False)
    user_words: WordColumn = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def dialog(self, row: int) -> Dialog:
        """The dialogue in row `row` of the shard."""
        i = row - self.start
        agent, user, prompt, user_prompt = (c.row(i) for c in self.codes)
        return Dialog(
            dialog_id=self.ids[i],
            split=str(self.shard.split),
            domain=self.domains[i],
            kind=self.kinds[i],
            where=where(self.build, self.shard, row),
            agent_codes=agent,
            user_codes=user,
            voice_prompt_codes=prompt,
            user_voice_prompt_codes=user_prompt,
            role_context=self.roles[i],
            user_role_context=self.user_roles[i],
            words=self.words.row(i),
            user_words=self.user_words.row(i),
            codec=self.build.codec,
        )


def where(build: OpenBuild, shard: ShardEntry, row: int) -> str:
    """File and row, as every message names a dialogue."""
    return f"{build.where(token_path(shard))} row {row}"


def token_path(shard: ShardEntry) -> str:
    return token_file_name(shard.split, shard.number)


class ShardReader:
    """Reads the shards of a build, with their labels. `verify` holds each file that is read to its checksum before."""

    def __init__(self, build: OpenBuild, *, verify: bool = False) -> None:
        self.build = build
        self.verify = verify
        self._verified: set[str] = set()

    @property
    def labels(self) -> Labels:
        if self.verify:
            self._verify(manifest_path(Table.DIALOGS))
        return labels_of(self.build)

    def _verify(self, path: str) -> None:
        if path not in self._verified:
            self.build.verify(path)
            self._verified.add(path)

    def rows(self, shard: ShardEntry, group: int | None = None) -> Iterator[Rows]:
        """The rows of a shard, a row group at a time, or of one row group; DataError that names file and row."""
        path = token_path(shard)
        for start, table in self._tables(shard, path, group):
            try:
                yield self._decode(shard, start, table)
            except Fault as fault:
                raise DataError(
                    f"{where(self.build, shard, start + fault.row)}: {fault.what}. Copy the build again, or run `datagen check` on it."
                ) from None

    def dialogs(self, shard: ShardEntry) -> Iterator[Dialog]:
        """The dialogues of a shard in its order; memory holds one row group of them (64). Errors as `rows`."""
        for group in self.rows(shard):
            yield from (group.dialog(group.start + i) for i in range(len(group)))

    def _tables(self, shard: ShardEntry, path: str, group: int | None) -> Iterator[tuple[int, pa.Table]]:
        starts: list[int] = []

        def choose(rows: list[int]) -> Sequence[int]:
            self._check_rows(shard, path, rows)
            chosen = range(len(rows)) if group is None else [group]
            starts.extend(sum(rows[:g]) for g in chosen)
            return chosen

        with self._opened(path, whole=group is None or shard.n_dialogs <= GROUP_ROWS) as file:
            tables = read_file(file, self.build.where(path), Table.TOKENS, groups=choose)
            for i, table in enumerate(tables):
                yield starts[i], table

    def _opened(self, path: str, whole: bool) -> IO[bytes]:
        """The file, held to its checksum the first time where that is wanted: in the bytes that are read, where all of them are."""
        unverified = self.verify and path not in self._verified
        if whole:
            data = self.build.read_verified(path) if unverified else self.build.read(path)
            self._verified.update([path] * unverified)
            return io.BytesIO(data)
        if unverified:
            self._verify(path)
        return self.build.open(path)

    def _check_rows(self, shard: ShardEntry, path: str, rows: list[int]) -> None:
        if sum(rows) != shard.n_dialogs:
            raise DataError(
                f"{self.build.where(path)}: {sum(rows)} rows, and build.json says {shard.n_dialogs}. Copy the build again."
            )
        n_groups = -(-shard.n_dialogs // GROUP_ROWS)
        if rows != [min(GROUP_ROWS, shard.n_dialogs - g * GROUP_ROWS) for g in range(n_groups)]:
            raise DataError(
                f"{self.build.where(path)}: row groups of {rows[0]} rows, and a shard has {GROUP_ROWS} in each: it was written by "
                "something else. Copy the build again."
            )

    def _decode(self, shard: ShardEntry, start: int, table: pa.Table) -> Rows:
        codec, ids = self.build.codec, columns.strings(table, "dialog_id")
        for name, wanted, whose in (
            ("codec_engine", codec.engine, "build.json's codec is"),
            ("codec_model", codec.model, "build.json's codec is"),
            ("codec_revision", codec.revision, "build.json's codec is"),
            ("split", str(shard.split), "the shard's is"),
            ("content_id", self.build.summary.content_id, "build.json's is"),
        ):
            columns.all_equal(table, name, wanted, whose)
        first = self.labels.rows[shard.name].start + start
        labels = (getattr(self.labels, n).slice(first, len(ids)).to_pylist() for n in ("dialog_id", "domain", "kind"))
        wanted_ids, domains, kinds = labels
        for row, (found, wanted) in enumerate(zip(ids, wanted_ids, strict=True)):
            if found != wanted:
                raise Fault(row, f"is {found}, and manifests/dialogs.parquet has {wanted} there")
        codes = tuple(columns.code_column(table, name, codec) for name in _CODES)
        self._check_frames(table, codes)
        words, user_words = (columns.word_column(table, n, codes[0].frames) for n in ("words", "user_words"))
        roles, user_roles = (columns.strings(table, n) for n in ("role_context", "user_role_context"))
        return Rows(self.build, shard, start, ids, domains, kinds, roles, user_roles, codes, words, user_words)

    def _check_frames(self, table: pa.Table, codes: Sequence[CodeColumn]) -> None:
        stated = table.column("n_frames").to_numpy()
        for name, column in zip(_CODES[:2], codes[:2], strict=True):
            wrong = (column.frames != stated) | (stated < 1)
            if wrong.any():
                row = int(wrong.argmax())
                raise Fault(row, f"{name} has {column.frames[row]} frames, and n_frames is {stated[row]}")
