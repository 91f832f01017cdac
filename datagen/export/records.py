"""What an export's folder remembers: whose export it is (export.json), and each finished part (.export/NAME.json).

A part's record is written before its files take their places, so that none can be left that nobody knows of, and again after
them, when it says `placed`; a part without such a record is not done, whatever lies there. Parts have a record each, since
one file of them all would be written anew at every part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, overload

from datagen.errors import DataError
from datagen.export.base import Part, Written
from datagen.records.build import FileEntry, check_inside
from datagen.records.codec import from_json, to_json
from datagen.store.files import disk, write_bytes, write_json

EXPORT_FILE = "export.json"
WORK = ".export"
"""The hidden folder of the lock and the parts' records."""


@dataclass(frozen=True, slots=True)
class Claim:
    """export.json: what is exported from which build, and once it is complete, what came out.

    `sound` is where the audio is from: `files`, `tokens`, or "" where the format has none. `splits` are all that have been asked
    for here; `dialogs` are counted by split, `counts` are the format's own; `index` are the files over all parts.
    """

    format: str
    version: int
    options: Mapping[str, Any]
    sound: str
    build_name: str
    build_id: str
    splits: tuple[str, ...]
    complete: bool = False
    dialogs: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    n_files: int = 0
    n_bytes: int = 0
    cannot_hold: tuple[str, ...] = ()
    index: Mapping[str, FileEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A part: what it was made of (shard name to content key), its files with size and SHA-256, and whether all are `placed`."""

    name: str
    split: str
    number: int
    shards: Mapping[str, str]
    n_dialogs: int
    counts: Mapping[str, int]
    lines: tuple[str, ...]
    files: Mapping[str, FileEntry]
    placed: bool

    def written(self) -> Written:
        return Written(tuple(self.files), self.n_dialogs, self.counts, self.lines)


class Records:
    """The records in an export's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim(self) -> Claim | None:
        """export.json, None where there is none; DataError where it is not one."""
        path = self.folder / EXPORT_FILE
        try:
            claim = from_json(Claim, path.read_bytes())
            check_inside(claim.index)
            return claim
        except FileNotFoundError:
            return None
        except (ValueError, OSError):
            raise DataError(
                f"{path}: is not the record of an export, or is damaged. Remove the folder, or choose another with --out."
            ) from None

    def write_claim(self, claim: Claim) -> None:
        write_json(self.folder / EXPORT_FILE, asdict(claim))

    def part(self, name: str) -> PartRecord | None:
        """The record of a part, None where there is none; a damaged one is none either, and its part is made again."""
        try:
            record = from_json(PartRecord, self._path(name).read_bytes())
            check_inside(record.files)
            return record
        except (FileNotFoundError, ValueError):
            return None

    def write_part(self, record: PartRecord) -> None:
        write_bytes(self._path(record.name), to_json(record) + b"\n")

    def names(self) -> list[str]:
        """The names of the recorded parts."""
        return sorted(p.stem for p in (self.folder / WORK).glob("*.json") if not p.name.startswith("."))

    def drop(self, name: str) -> None:
        """Removes a part, placed or not: its files, then its record, so that a killed removal is found again."""
        record = self.part(name)
        with disk(self.folder):
            for file in record.files if record else ():
                (self.folder / file).unlink(missing_ok=True)
                self._remove_empty((self.folder / file).parent)
            self._path(name).unlink(missing_ok=True)

    def holds(self, files: Mapping[str, FileEntry]) -> bool:
        """Whether all files are there in their size. Their bytes are not read: an export may be terabytes."""
        return all(_size(self.folder / name) == entry.bytes for name, entry in files.items())

    def _path(self, name: str) -> Path:
        return self.folder / WORK / f"{name}.json"

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.folder and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


class DoneParts(Sequence[tuple[Part, Written]]):
    """The finished parts in order, each read from its record when it is looked at: memory holds one."""

    def __init__(self, records: Records, parts: Sequence[Part]) -> None:
        self._records, self._parts = records, parts

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, at: int) -> tuple[Part, Written]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[tuple[Part, Written]]: ...
    def __getitem__(self, at: int | slice) -> tuple[Part, Written] | Sequence[tuple[Part, Written]]:
        if isinstance(at, slice):
            return DoneParts(self._records, self._parts[at])
        part = self._parts[at]
        return part, self.record(part).written()

    def record(self, part: Part) -> PartRecord:
        """The part's record; DataError where somebody has taken it away meanwhile."""
        found = self._records.part(part.name)
        if found is None:
            raise DataError(
                f"{self._records.folder / WORK}: the record of {part.name} has gone. Run the same command again."
            )
        return found

    def records(self) -> Iterator[PartRecord]:
        return (self.record(part) for part in self._parts)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
