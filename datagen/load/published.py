"""The files of a published version: where each is, its bytes, its checksum. A local folder or any fsspec URL."""

import contextlib
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from datagen.errors import DataError
from datagen.load import remote
from datagen.records.build import BUILD_FILE, BuildSummary
from datagen.records.versions import kept_path

WHOLE_BYTES = 8 << 20
"""Files up to this are fetched whole: one request instead of several, and of servers that give no parts of files too."""


@dataclass(frozen=True)
class Published:
    """A version by its record. `root` is what messages call the output, and what fsspec opens, with `options` for its file system."""

    root: str
    summary: BuildSummary = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout_s: float = field(default=remote.TIMEOUT_S, repr=False)

    @property
    def fs(self) -> Any:
        """fsspec's file system, this process's own."""
        return remote.file_system(self.root, dict(self.options))[0]

    @property
    def base(self) -> str:
        """The build's path in `fs`."""
        return remote.file_system(self.root, dict(self.options))[1]

    def where(self, path: str) -> str:
        """What messages call a file of the build."""
        return f"{self.root.rstrip('/')}/{path}"

    def open(self, path: str) -> IO[bytes]:
        """A file of the build, opened for reading; DataError where it is missing, EngineError where the URL does not answer.

        `path` is relative to the build, with forward slashes.
        """
        fs, _ = remote.file_system(self.root, dict(self.options))
        what = self.where(path)
        try:
            if not remote.is_remote(fs):
                return self._opened(path)
            entry = self.summary.files.get(path)
            if entry is not None and entry.bytes <= WHOLE_BYTES:
                return io.BytesIO(self.read(path))
            return remote.Patient(lambda: self._opened(path), what, self.timeout_s)  # type: ignore[return-value]
        except FileNotFoundError:
            raise DataError(
                f"{what}: there is no such file, and {BUILD_FILE} counts on it. Copy the build again, or make it anew."
            ) from None
        except OSError as error:
            raise DataError(f"{what}: cannot be read ({error.strerror or error}).") from None

    def place(self, path: str) -> str:
        """Where this version's file is, relative to the build: under its own name, or where it is kept since another has that."""
        entry = self.summary.files.get(path)
        kept = (
            kept_path(entry.sha256) if entry and entry.sha256.isalnum() else ""
        )  # a record from elsewhere may say ../
        return kept if kept and self.fs.exists(f"{self.base}/{kept}") else path

    def _opened(self, path: str) -> IO[bytes]:
        fs, base = remote.file_system(self.root, dict(self.options))
        first = self.place(path)
        with contextlib.suppress(FileNotFoundError):
            file: IO[bytes] = fs.open(f"{base}/{first}", "rb")
            # A publisher keeps a file before it replaces it: what is not kept by now was opened as it was.
            if first != path or self.place(path) == path:
                return file
            file.close()
        return fs.open(f"{base}/{self.place(path)}", "rb")  # type: ignore[no-any-return]

    def read(self, path: str) -> bytes:
        """All bytes of a file of the build, of a URL in one request and held to its checksum; errors as `open`."""
        fs, base = remote.file_system(self.root, dict(self.options))
        if not remote.is_remote(fs):
            with self.open(path) as file:
                return file.read()
        entry = self.summary.files.get(path)
        names = [path, *([kept_path(entry.sha256)] if entry else [])]
        data: bytes | None = None
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                data = remote.answer(self.where(name), partial(_whole, fs, f"{base}/{name}"), self.timeout_s)
                if entry is None or hashlib.sha256(data).hexdigest() == entry.sha256:
                    return data
        if data is None:
            raise DataError(
                f"{self.where(path)}: there is no such file, and {BUILD_FILE} counts on it. Copy the build again, or make it anew."
            )
        self._agree(path, hashlib.sha256(data).hexdigest())
        return data

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


def _whole(fs: Any, path: str) -> bytes:
    return bytes(fs.cat_file(path))
