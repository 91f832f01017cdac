"""What the report and `datagen show` read: the published manifests of one build, and its audio."""

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from datagen.audio.files import read_audio
from datagen.errors import DataError, UserError
from datagen.load.builds import open_build
from datagen.load.local_files import LocalFiles
from datagen.load.published import Published
from datagen.records.build import BUILD_FILE, BuildSummary
from datagen.records.codec import from_json
from datagen.records.speech import Audio
from datagen.stages.pack.schema import Table, manifest_path, schema


@dataclass(frozen=True)
class Corpus:
    """One version of a published build. `files` are its files as local paths; of a URL they go with `close()`."""

    out: str | Path
    build: BuildSummary
    files: LocalFiles

    def close(self) -> None:
        self.files.close()

    @cached_property
    def dialogs(self) -> pl.DataFrame:
        return self._table("dialogs")

    @cached_property
    def voices(self) -> pl.DataFrame:
        return self._table("voices")

    @cached_property
    def rejects(self) -> pl.DataFrame:
        return self._table("rejects")

    def dialog(self, dialog_id: str) -> dict[str, Any]:
        """A dialogue's row; UserError with the nearest ids where there is none."""
        found = self.dialogs.filter(pl.col("dialog_id") == dialog_id)
        if found.height:
            return found.row(0, named=True)
        lost = self.rejects.filter(pl.col("dialog_id") == dialog_id)
        if lost.height:
            row = lost.row(0, named=True)
            turn = "" if row["turn"] is None else f" turn {row['turn']}"
            raise UserError(
                f"{dialog_id} was rejected, so there is nothing of it to show: "
                f"{row['stage']}{turn} ({row['reason']}): {row['detail']}"
            )
        near = difflib.get_close_matches(dialog_id, self.dialogs["dialog_id"].to_list(), n=3, cutoff=0.5)
        hint = f"Did you mean {', '.join(near)}?" if near else f"`datagen show {self.out}` lists them."
        raise UserError(f"{self.out}: there is no dialogue {dialog_id}. {hint}")

    def turns_of(self, dialog_id: str) -> list[dict[str, Any]]:
        """A dialogue's turns, in order."""
        return self._scan("turns", pl.col("dialog_id") == dialog_id).sort("turn").to_dicts()

    def turns_in(self, dialog_ids: pl.Series | None) -> pl.DataFrame:
        """Times, words and events of the turns of some dialogues, or of all: what distributions are made of."""
        wanted = pl.lit(True) if dialog_ids is None else pl.col("dialog_id").is_in(dialog_ids.implode())
        return self._scan("turns", wanted, ("start_s", "end_s", "fto_s", "words", "events"))

    def audio(self, dialog: dict[str, Any]) -> Audio | None:
        """A dialogue's stereo audio [2, n_samples], None where the build kept none."""
        if not dialog["audio_path"]:
            return None
        path = self.files.path(dialog["audio_path"])
        if not path.is_file():
            raise DataError(f"{path}: the manifest names it and it is not there. Run the build again: it is made anew.")
        return read_audio(path)[0]

    def _table(self, name: str) -> pl.DataFrame:
        return self._scan(name, pl.lit(True))

    def _scan(self, name: str, rows: pl.Expr, columns: tuple[str, ...] = ()) -> pl.DataFrame:
        """Rows and columns of a manifest, without reading the others; DataError where it is not readable."""
        path = self.files.path(manifest_path(Table(name)))
        try:
            table = pl.scan_parquet(path)
            there = set(table.collect_schema().names())
            lacking = [c for c in schema(Table(name)).names if c not in there]
            if lacking:
                raise DataError(
                    f"{path}: has no column {', '.join(lacking[:3])}{' …' * (len(lacking) > 3)}: another version of "
                    "datagen made it. Run the build again: it is made anew."
                )
            found = table.filter(rows)
            return (found.select(columns) if columns else found).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            why = str(error).splitlines()[0]
            raise DataError(
                f"{path}: cannot be read ({why}). Run the build again, or `datagen check {self.out}`."
            ) from None


def open_corpus(out: str | Path, version: str = "") -> Corpus:
    """The build in a folder or at a URL, its newest version or a named one; UserError where there is none, DataError where its
    build.json is damaged, EngineError where a URL does not answer."""
    if version or "://" in str(out):
        build: Published = open_build(str(out), version=version)
        return Corpus(out, build.summary, LocalFiles(build))
    folder = Path(out)
    path = folder / BUILD_FILE
    if not path.is_file():
        what = "is no folder" if not folder.is_dir() else f"holds no finished build (there is no {BUILD_FILE})"
        raise UserError(f"{out}: {what}. Build one: datagen build --out {out}")
    try:
        summary = from_json(BuildSummary, path.read_bytes())
    except ValueError:
        raise DataError(
            f"{path}: is not the record of a build, or is damaged. Run the build again: it is made anew."
        ) from None
    return Corpus(out, summary, LocalFiles(Published(str(out), summary)))
