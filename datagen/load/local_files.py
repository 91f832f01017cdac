"""A build's files as local paths, for what reads paths alone: the folder's own, or fetched one by one into a folder that goes."""

import shutil
import tempfile
from collections import OrderedDict
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from datagen.errors import DataError
from datagen.load import remote
from datagen.load.published import Published
from datagen.records.build import BUILD_FILE, check_inside

LIMIT_BYTES = 4 << 30
"""How much of a remote build lies in the temporary folder at once; what was asked for first goes first."""
_BLOCK = 8 << 20


class LocalFiles:
    """Paths of one version's files. What a local build has not got has a path all the same, with nothing there."""

    def __init__(self, build: Published, limit_bytes: int = LIMIT_BYTES) -> None:
        self.build = build
        self.is_remote = not isinstance(build.fs, LocalFileSystem)
        self._limit = limit_bytes
        self._fetched: OrderedDict[str, int] = OrderedDict()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def path(self, name: str) -> Path:
        """A local file with the bytes of the build's; of a remote build it is there until some gigabytes more were asked for.

        DataError for a name that leads out of the build. Of a remote build: EngineError where the URL does not answer, DataError where
        the file is not there, or not as recorded.
        """
        try:
            check_inside([name])
        except ValueError as error:  # a manifest names it, and a manifest may come from anybody
            raise DataError(f"{self.build.where(BUILD_FILE)}: a file of the build is called {error}.") from None
        if not self.is_remote:
            return Path(self.build.base) / self.build.place(name)
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="datagen-")
        target = Path(self._folder.name) / name
        if name not in self._fetched:
            entry = self.build.summary.files.get(name)
            self._make_room(entry.bytes if entry else 0)
            target.parent.mkdir(parents=True, exist_ok=True)
            with self.build.open(name) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
            self._fetched[name] = target.stat().st_size
        return target

    def names(self) -> list[str]:
        """Every file there is of a remote build, but what is hidden at the top."""
        fs, base = self.build.fs, self.build.base
        fs.invalidate_cache()  # what another process published since
        found = remote.answer(self.build.root, lambda: fs.find(base), self.build.timeout_s)
        fs.invalidate_cache()
        names = (str(path).removeprefix(base).lstrip("/") for path in found)
        return sorted(n for n in names if n and not n.startswith("."))

    def _make_room(self, n_bytes: int) -> None:
        assert self._folder is not None
        while self._fetched and sum(self._fetched.values()) + n_bytes > self._limit:
            name, _ = self._fetched.popitem(last=False)
            (Path(self._folder.name) / name).unlink(missing_ok=True)

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
            self._fetched.clear()
