"""A published build, opened for reading: local folder or any fsspec URL. numpy and pyarrow alone, no torch."""

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import pyarrow as pa

from datagen.errors import DataError, EngineError, UserError
from datagen.load import remote
from datagen.load.dialog import CodecFrames
from datagen.records.build import BUILD_FILE, BUILD_FORMAT, BuildSummary, ShardEntry, check_inside
from datagen.records.codec import from_json
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.stages.pack.tables import read_file

WHOLE_BYTES = 8 << 20
"""Files up to this are fetched whole: one request instead of several, and of servers that give no parts of files too."""


@dataclass(frozen=True)
class OpenBuild:
    """A build by its build.json. `root` is what messages call it, and what fsspec opens, with `options` for its file system.

    It holds no open file and no connection: it may be pickled, and used after a fork.
    """

    root: str
    summary: BuildSummary = field(repr=False)
    codec: CodecFrames = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout_s: float = field(default=remote.TIMEOUT_S, repr=False)
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was read once and is wanted again, by whoever read it."""

    @property
    def fs(self) -> Any:
        """fsspec's file system, this process's own."""
        return remote.file_system(self.root, dict(self.options))[0]

    @property
    def base(self) -> str:
        """The build's path in `fs`."""
        return remote.file_system(self.root, dict(self.options))[1]

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

    def where(self, path: str) -> str:
        """What messages call a file of the build."""
        return f"{self.root.rstrip('/')}/{path}"

    def open(self, path: str) -> IO[bytes]:
        """A file of the build, opened for reading; DataError where it is missing, EngineError where the URL does not answer.

        `path` is relative to the build, with forward slashes.
        """
        fs, base = remote.file_system(self.root, dict(self.options))
        what = self.where(path)
        try:
            if not remote.is_remote(fs):
                return fs.open(f"{base}/{path}", "rb")  # type: ignore[no-any-return]
            entry = self.summary.files.get(path)
            if entry is not None and entry.bytes <= WHOLE_BYTES:
                return io.BytesIO(self.read(path))
            return remote.Patient(lambda: fs.open(f"{base}/{path}", "rb"), what, self.timeout_s)  # type: ignore[return-value]
        except FileNotFoundError:
            raise DataError(
                f"{what}: there is no such file, and {BUILD_FILE} counts on it. Copy the build again, or make it anew."
            ) from None
        except OSError as error:
            raise DataError(f"{what}: cannot be read ({error.strerror or error}).") from None

    def read(self, path: str) -> bytes:
        """All bytes of a file of the build, of a URL in one request; errors as `open`."""
        fs, base = remote.file_system(self.root, dict(self.options))
        if not remote.is_remote(fs):
            with self.open(path) as file:
                return file.read()
        try:
            return remote.answer(self.where(path), lambda: bytes(fs.cat_file(f"{base}/{path}")), self.timeout_s)
        except FileNotFoundError:
            raise DataError(
                f"{self.where(path)}: there is no such file, and {BUILD_FILE} counts on it. Copy the build again, or make it anew."
            ) from None

    def tables(self, kind: Table, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """A manifest, a row group at a time, all columns or the named ones; DataError in one line where it is not sound."""
        path = manifest_path(kind)
        with self.open(path) as file:
            yield from read_file(file, self.where(path), kind, columns)

    def verify(self, path: str) -> None:
        """DataError unless the file has the SHA-256 that build.json says."""
        if path not in self.summary.files:
            raise DataError(f"{self.where(path)}: {BUILD_FILE} has no checksum of it.")
        with self.open(path) as file:
            found = hashlib.sha256()
            while block := file.read(1 << 22):
                found.update(block)
        self._agree(path, found.hexdigest())

    def read_verified(self, path: str) -> bytes:
        """As `read`; DataError unless build.json has the file, with the SHA-256 of what is read."""
        if path not in self.summary.files:
            raise DataError(f"{self.where(path)}: {BUILD_FILE} has no such file. Run `datagen check {self.root}`.")
        data = self.read(path)
        self._agree(path, hashlib.sha256(data).hexdigest())
        return data

    def _agree(self, path: str, sha256: str) -> None:
        wanted = self.summary.files[path].sha256
        if sha256 != wanted:
            raise DataError(
                f"{self.where(path)}: its SHA-256 is {sha256[:12]}…, and {BUILD_FILE} says {wanted[:12]}…: "
                "another file, or a damaged one. Copy the build again."
            )


def open_build(
    out: "str | os.PathLike[str] | OpenBuild",
    *,
    options: Mapping[str, Any] | None = None,
    timeout_s: float = remote.TIMEOUT_S,
) -> OpenBuild:
    """The build in a local folder or at a URL that fsspec reads (file, s3, gs, hf, https, memory …).

    `options` go to fsspec's file system (keys, endpoints). A URL has `timeout_s` for each answer. UserError where no build
    is, EngineError where nothing answers or a package lacks, DataError where build.json is damaged or of a newer format.
    """
    if isinstance(out, OpenBuild):
        return out
    root = str(out) if isinstance(out, str) else os.fspath(out)
    data = _read_summary(root, dict(options or {}), timeout_s)
    summary = _summary(data, f"{root.rstrip('/')}/{BUILD_FILE}")
    return OpenBuild(root, summary, _codec(summary, root), dict(options or {}), timeout_s)


def _read_summary(root: str, options: dict[str, Any], timeout_s: float) -> bytes:
    fs, base = remote.file_system(root, options)
    path = f"{base}/{BUILD_FILE}"
    try:
        if remote.is_remote(fs):
            # One try: a wrong address should not take three times as long to be told.
            return remote.answer(root, lambda: bytes(fs.cat_file(path)), timeout_s, tries=1)
        return bytes(fs.cat_file(path))
    except FileNotFoundError:
        what = "holds no finished build" if not remote.is_remote(fs) and fs.isdir(base) else "is no build"
        raise UserError(
            f"{root}: {what} (there is no {BUILD_FILE}). Build one: datagen build --out {_folder(root)}"
        ) from None
    except (OSError, EngineError) as error:
        if isinstance(error, EngineError):
            raise
        raise UserError(f"{root}/{BUILD_FILE}: cannot be read ({error.strerror or error}).") from None


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
