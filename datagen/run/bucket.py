"""A prefix of an object store as the place of a build: s3://, gs://, az://, memory:// or what else fsspec writes to."""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from datagen.errors import EngineError, UserError
from datagen.load import remote
from datagen.records.build import FileEntry
from datagen.records.versions import HISTORY_FILE, kept_path
from datagen.store.files import append_line
from datagen.store.ids import digest

T = TypeVar("T")

AT_ONCE = 8
"""Files that go up at the same time."""
TRIES = 5
SLOWEST_BYTES_S = 1_000_000
"""A large file has its size over this on top of the time that any answer has."""
JOURNAL = "uploaded.jsonl"
"""In the work folder: what an upload that was cut off has done, so that the next one need not."""


class Bucket:
    """The place at `url`. Keys come from the environment or from fsspec's own configuration, never from a recipe.

    Every call has its tries and its time; EngineError where they are used up. `journal` is a local file.
    """

    def __init__(self, url: str, journal: Path | None = None, timeout_s: float = remote.TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._fs, self._base = remote.file_system(url, {})
        self._journal, self._timeout_s = journal, timeout_s

    def __str__(self) -> str:
        return self.url

    def claim(self) -> None:
        if self.read(HISTORY_FILE) is None:
            self.write(HISTORY_FILE, b'{\n "versions": []\n}\n')

    def read(self, name: str) -> bytes | None:
        try:
            return self._try(name, lambda: bytes(self._fs.cat_file(self._path(name))), "readable")
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        self._try(name, lambda: self._fs.pipe_file(self._path(name), data))
        if self.read(name) != data:
            raise EngineError(
                f"{self.url}/{name}: reads back otherwise than it was written. Run the same command again."
            )

    def names(self) -> Mapping[str, int]:
        self._fs.invalidate_cache()
        try:
            found = self._try("", lambda: self._fs.find(self._base, detail=True), "readable")
        except FileNotFoundError:
            return {}
        finally:
            self._fs.invalidate_cache()  # nobody after this takes an old listing for the truth
        named = {str(path).removeprefix(self._base).lstrip("/"): int(info["size"]) for path, info in found.items()}
        return {name: size for name, size in named.items() if name and not name.startswith(".")}

    def keep(self, files: Mapping[str, FileEntry]) -> None:
        there = self.names() if files else {}
        wanted = {
            kept_path(entry.sha256): name
            for name, entry in files.items()
            if kept_path(entry.sha256) not in there and there.get(name) == entry.bytes
        }
        self._each(
            wanted, lambda kept: self._try(kept, lambda: self._fs.cp_file(self._path(wanted[kept]), self._path(kept)))
        )

    def put(
        self, sources: Mapping[str, Path], entries: Mapping[str, FileEntry], before: Mapping[str, FileEntry]
    ) -> None:
        there = self.names()
        since = digest({name: entry.sha256 for name, entry in before.items()})[:16]
        done = self._uploaded(since)
        missing = {
            name: path
            for name, path in sources.items()
            if there.get(name) != entries[name].bytes
            or (before.get(name) != entries[name] and done.get(name) != entries[name].sha256)
        }

        def upload(name: str) -> None:
            entry, path = entries[name], missing[name]
            timeout_s = self._timeout_s + entry.bytes / SLOWEST_BYTES_S
            self._try(name, lambda: self._upload(path, name, entry.bytes), timeout_s=timeout_s)
            if self._journal is not None:
                append_line(self._journal, json.dumps([since, name, entry.sha256]).encode())

        self._each(missing, upload)
        if self._journal is not None:
            self._journal.unlink(missing_ok=True)

    def remove(self, names: Iterable[str]) -> None:
        self._each(names, self._remove)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._try(name, lambda: self._fs.rm_file(self._path(name)), "removable")

    def _upload(self, source: Path, name: str, n_bytes: int) -> None:
        self._fs.put_file(str(source), self._path(name))
        self._fs.invalidate_cache(self._path(name))
        found = self._fs.info(self._path(name))["size"]
        if found != n_bytes:
            raise OSError(f"{found} of {n_bytes} bytes arrived")

    def _uploaded(self, since: str) -> dict[str, str]:
        """What the journal has of an upload on top of the same version: name to SHA-256."""
        found: dict[str, str] = {}
        if self._journal is not None and self._journal.is_file():
            for line in self._journal.read_bytes().splitlines():
                try:
                    on, name, sha256 = json.loads(line)
                except ValueError:
                    continue  # the last line of a process that was killed
                if on == since:
                    found[name] = sha256
        return found

    def _each(self, names: Iterable[str], call: Callable[[str], None]) -> None:
        pool = ThreadPoolExecutor(AT_ONCE, "bucket")
        try:
            for future in [pool.submit(call, name) for name in names]:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"

    def _try(self, name: str, call: Callable[[], T], verb: str = "writable", timeout_s: float = 0.0) -> T:
        where = f"{self.url}/{name}" if name else self.url
        try:
            return remote.answer(where, call, timeout_s or self._timeout_s, TRIES, verb)
        except FileNotFoundError:
            if verb != "writable":
                raise
            raise EngineError(
                f"{where}: cannot be written: there is no such bucket or folder. Is it there still?"
            ) from None


def check_url(url: str) -> None:
    """UserError for a URL without a bucket or a prefix in which nothing else lies."""
    _, _, path = url.partition("://")
    if not path.strip("/"):
        raise UserError(
            f"--out {url}: names no bucket. Give one and a prefix of the build's own, e.g. s3://BUCKET/NAME."
        )
