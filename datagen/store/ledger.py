"""The ledger: which artefacts are done, found again by the content of their inputs.

An artefact is a folder `GROUP/NAME-KEY/` with some files and `done.json`. It is made under a temporary name and
renamed when it is whole, so a folder under its right name is done; what it holds is verified before it is used.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datagen.store.files import disk, remove, temporary, write_bytes
from datagen.store.ids import canonical, digest, file_digest

DONE = "done.json"
EMPTIED = "emptied"
"""What a record says of itself where its files were removed for good."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A finished artefact: its folder, the digest of its content, and what its maker noted (JSON types)."""

    folder: Path
    content: str
    note: Mapping[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        return self.folder / name


@dataclass(slots=True)
class Draft:
    """An artefact in the making: write files below `folder`, put into `note` what belongs into the record."""

    folder: Path
    note: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


@dataclass(frozen=True, slots=True)
class Ledger:
    """The artefacts below one work folder. `trusted` are those that this process made or verified: once is enough."""

    root: Path
    trusted: set[Path] = field(default_factory=set, compare=False, repr=False)

    def folder(self, group: str, name: str, key: str) -> Path:
        return self.root / group / f"{name}-{key[:16]}"

    def find(self, group: str, name: str, key: str) -> Artefact | None:
        """The artefact of this key if it is there and every byte of it is as it was made, else None.

        A damaged one is removed: it is made again, which costs time and never correctness. An emptied one is None, and stays.
        """
        folder = self.folder(group, name, key)
        if not os.path.lexists(folder):
            return None
        try:
            done = json.loads((folder / DONE).read_bytes())
            files, note = done["files"], done["note"]
            whole = done["key"] == key and done["content"] == digest(files, note)
            if whole and done.get(EMPTIED):
                return None
            if whole and (folder in self.trusted or _as_made(folder, files)):
                self.trusted.add(folder)
                return Artefact(folder, done["content"], note)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        with disk(folder):
            remove(folder)
        return None

    def emptied(self, group: str, name: str, key: str) -> Artefact | None:
        """The record of this key's artefact where that was emptied; None where it was not, or its record is not sound."""
        folder = self.folder(group, name, key)
        try:
            done = json.loads((folder / DONE).read_bytes())
            if done.get(EMPTIED) and done["key"] == key and done["content"] == digest(done["files"], done["note"]):
                return Artefact(folder, done["content"], done["note"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        return None

    def empty(self, folder: Path) -> None:
        """Removes an artefact's files and keeps its record: what was made of it can still be told from what would be made anew."""
        try:
            done = json.loads((folder / DONE).read_bytes())
        except (OSError, ValueError):
            return
        if not done.get(EMPTIED):
            write_bytes(folder / DONE, canonical({**done, EMPTIED: True}).encode())
        self.trusted.discard(folder)
        for path in folder.iterdir():
            if path.name != DONE:
                with contextlib.suppress(OSError):
                    remove(path)

    @contextlib.contextmanager
    def make(self, group: str, name: str, key: str) -> Iterator[Draft]:
        """A draft that becomes the artefact of `key` when the block ends well, and vanishes when it does not."""
        final = self.folder(group, name, key)
        with disk(final):
            final.parent.mkdir(parents=True, exist_ok=True)
        draft = Draft(temporary(final))
        try:
            with disk(final):
                draft.folder.mkdir()
                yield draft
                self._finish(draft, final, key)
        finally:
            if draft.folder.exists():
                shutil.rmtree(draft.folder, ignore_errors=True)

    def _finish(self, draft: Draft, final: Path, key: str) -> None:
        paths = sorted(p for p in draft.folder.rglob("*") if p.is_file())
        files = {p.relative_to(draft.folder).as_posix(): file_digest(p) for p in paths}
        done = {"key": key, "files": files, "content": digest(files, draft.note), "note": draft.note}
        (draft.folder / DONE).write_text(canonical(done))
        try:
            if _is_emptied(final):
                remove(final)  # here is all of it again
            os.rename(draft.folder, final)
        except OSError as error:
            # Another process made the same artefact meanwhile; both have the same content.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        else:
            self.trusted.add(final)

    def keep_only(self, group: str, wanted: set[Path]) -> None:
        """Removes the group's artefacts that the current plan does not use."""
        base = self.root / group
        if base.is_dir():
            for folder in base.iterdir():
                if folder not in wanted:
                    with contextlib.suppress(OSError):
                        remove(folder)


def _is_emptied(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / DONE).read_bytes()).get(EMPTIED))
    except (OSError, ValueError, AttributeError):
        return False


def _as_made(folder: Path, files: Mapping[str, str]) -> bool:
    return all(file_digest(folder / name) == sha for name, sha in files.items())
