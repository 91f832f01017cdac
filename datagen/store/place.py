"""Where a build is published: what publishing does there, and the local folder that can do it."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from datagen.records.build import FileEntry
from datagen.records.versions import FOLDER, kept_path
from datagen.store.files import disk, file_entry, link_or_copy, write_bytes


class Place(Protocol):
    """A folder, or a prefix of an object store. Names are relative to it, with forward slashes; every write is whole or not there."""

    def claim(self) -> None:
        """Marks the place as a build's, where nothing else would before the first build.json is there."""
        ...

    def read(self, name: str) -> bytes | None:
        """A small file's bytes, None where there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file."""
        ...

    def names(self) -> Mapping[str, int]:
        """Every published file with its size in bytes; what is hidden at the top (work, a repository) is not."""
        ...

    def keep(self, files: Mapping[str, FileEntry]) -> None:
        """Keeps the content of these files under `versions/files`, as far as they are there as recorded."""
        ...

    def put(
        self, sources: Mapping[str, Path], entries: Mapping[str, FileEntry], before: Mapping[str, FileEntry]
    ) -> None:
        """Writes local files under their names; `before` is what the place's own record says of it."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Removes files; one that is not there is no error."""
        ...


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A local folder: files come into it by hard links and renames."""

    root: Path

    def claim(self) -> None:
        pass  # the work folder beside it says so

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        write_bytes(self.root / name, data)

    def names(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for folder, folders, files in os.walk(self.root):
            here = Path(folder)
            if here == self.root:
                folders[:] = [f for f in folders if not f.startswith(".")]
            for file in files:
                found[(here / file).relative_to(self.root).as_posix()] = (here / file).lstat().st_size
        return found

    def keep(self, files: Mapping[str, FileEntry]) -> None:
        for name, entry in files.items():
            source, target = self.root / name, self.root / kept_path(entry.sha256)
            # A file that is not as recorded (damaged, or a cut-off publisher's new one) is not that version's.
            if not target.exists() and source.is_file() and file_entry(source) == entry:
                link_or_copy(source, target)

    def put(
        self, sources: Mapping[str, Path], entries: Mapping[str, FileEntry], before: Mapping[str, FileEntry]
    ) -> None:
        for name, source in sources.items():
            target = self.root / name
            with disk(target):
                there = target.is_file() and not target.is_symlink() and os.path.samefile(source, target)
            if not there:
                link_or_copy(source, target)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self.root / name
            with disk(path):
                path.unlink(missing_ok=True)
                if path.parent != self.root and path.parent.is_dir() and not any(path.parent.iterdir()):
                    path.parent.rmdir()
        folder = self.root / FOLDER
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
