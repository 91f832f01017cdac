"""A published build, opened for reading: local folder or any fsspec URL. numpy and pyarrow alone, no torch."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from datagen.errors import DataError, EngineError, UserError
from datagen.load import remote
from datagen.load.dialog import CodecFrames
from datagen.load.published import Published
from datagen.records.build import BUILD_FILE, BUILD_FORMAT, BuildSummary, ShardEntry, check_inside
from datagen.records.codec import from_json
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ
from datagen.records.versions import HISTORY_FILE, is_id, summary_path
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.stages.pack.tables import read_file


@dataclass(frozen=True)
class OpenBuild(Published):
    """A build whose tokens can be read. It holds no open file and no connection: it may be pickled, and used after a fork."""

    codec: CodecFrames = field(repr=False, kw_only=True)
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was read once and is wanted again, by whoever read it."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold a dialogue."""
        return tuple(dict.fromkeys(str(s.split) for s in self.summary.shards if s.n_dialogs))

    def shards(self, split: str) -> tuple[ShardEntry, ...]:
        """The shards of a split that hold a dialogue, in their order."""
        return tuple(s for s in self.summary.shards if s.split == split and s.n_dialogs)

    def need_shards(self, split: str) -> tuple[ShardEntry, ...]:
        """As `shards`; UserError that names the splits there are where it has none."""
        if found := self.shards(split):
            return found
        counts = {s: sum(shard.n_dialogs for shard in self.shards(s)) for s in self.splits}
        there = ", ".join(f"{s} ({n} dialogue{'s' * (n != 1)})" for s, n in counts.items()) or "none"
        raise UserError(f"{self.root}: no dialogue in split {split!r}. There are: {there}.")

    def tables(self, kind: Table, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """A manifest, a row group at a time, all columns or the named ones; DataError in one line where it is not sound."""
        path = manifest_path(kind)
        with self.open(path) as file:
            yield from read_file(file, self.where(path), kind, columns)


def open_build(
    out: "str | os.PathLike[str] | OpenBuild",
    *,
    version: str = "",
    options: Mapping[str, Any] | None = None,
    timeout_s: float = remote.TIMEOUT_S,
) -> OpenBuild:
    """The build in a local folder or at a URL that fsspec reads (file, s3, gs, hf, https, memory …), in its newest version or a named one.

    `version` is an id, or the beginning of one, as `datagen log` lists them. `options` go to fsspec's file system (keys, endpoints).
    A URL has `timeout_s` for each answer. UserError where no build or no such version is, EngineError where nothing answers or a package
    lacks, DataError where build.json is damaged or of a newer format.
    """
    if isinstance(out, OpenBuild):
        if out.summary.id.startswith(version):
            return out
        return open_build(out.root, version=version, options=out.options, timeout_s=out.timeout_s)
    root = str(out) if isinstance(out, str) else os.fspath(out)
    found = _open_record(root, BUILD_FILE, dict(options or {}), timeout_s)
    if found.summary.id.startswith(version):
        return found
    return _open_record(root, summary_path(older(found, version)), dict(options or {}), timeout_s)


def _open_record(root: str, name: str, options: dict[str, Any], timeout_s: float) -> OpenBuild:
    summary = _summary(_read_summary(root, options, timeout_s, name), f"{root.rstrip('/')}/{name}")
    return OpenBuild(root, summary, options, timeout_s, codec=_codec(summary, root))


def versions(newest: OpenBuild) -> list[str]:
    """The ids of the build's versions, the newest last."""
    if not remote.answer(newest.root, lambda: newest.fs.exists(f"{newest.base}/{HISTORY_FILE}"), newest.timeout_s):
        return [newest.summary.id]
    try:
        found = [str(v) for v in json.loads(newest.read(HISTORY_FILE))["versions"]]
    except (ValueError, KeyError, TypeError):
        raise DataError(
            f"{newest.where(HISTORY_FILE)}: is damaged: the older versions cannot be told. The newest can be read."
        ) from None
    # A publisher that was cut off has the newest among the older ones.
    return [*(v for v in found if v != newest.summary.id), newest.summary.id]


def older(newest: OpenBuild, version: str) -> str:
    """The id that begins with `version`, of those there are; UserError that lists them where it is none, or not the only one."""
    there = versions(newest)
    found = [v for v in there if v.startswith(version)]
    if len(found) != 1:
        listed = f"{', '.join(there[-5:])}{' and older ones' * (len(there) > 5)}"
        why = "no version of that id" if not found else f"{len(found)} versions begin so"
        raise UserError(f"{newest.root}: version {version!r}: {why}. There are: {listed} (datagen log {newest.root}).")
    return found[0]


def _read_summary(root: str, options: dict[str, Any], timeout_s: float, name: str = BUILD_FILE) -> bytes:
    fs, base = remote.file_system(root, options)
    path = f"{base}/{name}"
    try:
        if remote.is_remote(fs):
            # One try: a wrong address should not take three times as long to be told.
            return remote.answer(root, lambda: bytes(fs.cat_file(path)), timeout_s, tries=1)
        return bytes(fs.cat_file(path))
    except FileNotFoundError:
        if name != BUILD_FILE:
            raise DataError(f"{root}/{name}: this version's record is gone, and with it the version.") from None
        what = "holds no finished build" if not remote.is_remote(fs) and fs.isdir(base) else "is no build"
        raise UserError(
            f"{root}: {what} (there is no {BUILD_FILE}). Build one: datagen build --out {_folder(root)}"
        ) from None
    except (OSError, EngineError) as error:
        if isinstance(error, EngineError):
            raise
        raise UserError(f"{root}/{name}: cannot be read ({error.strerror or error}).") from None


def _folder(root: str) -> str:
    return root if "://" not in root or root.startswith("file://") else "OUT"


def _summary(data: bytes, where: str) -> BuildSummary:
    try:
        found = json.loads(data)
        version = found["format"] if isinstance(found, dict) else None
        if isinstance(version, int) and version > BUILD_FORMAT:
            raise DataError(
                f"{where}: format {version}, made by datagen {found.get('datagen_version', '?')}; this one reads up to "
                f"{BUILD_FORMAT}. Update it: pip install -U datagen"
            )
        if type(version) is not int or version < 1:
            raise ValueError(version)
        summary = from_json(BuildSummary, data)
        _check_names(summary)
        return summary
    except (ValueError, KeyError, UnicodeDecodeError, RecursionError):
        raise DataError(
            f"{where}: is not the record of a build, or is damaged. Copy the build again, or run it again."
        ) from None


def _check_names(summary: BuildSummary) -> None:
    """ValueError where a name would lead out of the build, or of the folder that an export of it is written to."""
    for shard in summary.shards:
        if token_file_name(shard.split, shard.number) != f"tokens/{shard.name}.parquet" or shard.n_dialogs < 0:
            raise ValueError(shard.name)
    check_inside(summary.files)
    if not is_id(summary.id):
        raise ValueError(summary.id)


def _codec(summary: BuildSummary, root: str) -> CodecFrames:
    maker, info = summary.engines.get("codec"), summary.codec
    if (info.sample_rate_hz, info.frame_samples) != (SAMPLE_RATE_HZ, FRAME_SAMPLES):
        raise DataError(
            f"{root}/{BUILD_FILE}: the codec has frames of {info.frame_samples} samples at {info.sample_rate_hz} Hz, and word times "
            f"are read as frames of {FRAME_SAMPLES} at {SAMPLE_RATE_HZ}. Build it again with this version of datagen."
        )
    if maker is None:
        raise DataError(f"{root}/{BUILD_FILE}: names no codec engine. Run the build again: it is made anew.")
    for name, frame in (("silence", info.silence), ("sine", info.sine)):
        if len(frame) != info.n_books or not all(0 <= c < info.book_size for c in frame):
            raise DataError(
                f"{root}/{BUILD_FILE}: codec.{name} is {list(frame)}, and has to be {info.n_books} codes of 0 to {info.book_size - 1}."
            )
    return CodecFrames(
        maker.engine, maker.model, maker.revision, info.n_books, info.book_size, tuple(info.silence), tuple(info.sine)
    )
