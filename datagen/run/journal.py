"""The journal of shards that are half-written: each dialogue as soon as it is decided, so that a killed build asks for none of them again.

A file a shard, `write/SHARD-KEY.partial`: a line a dialogue, JSON. The key is of everything that a dialogue depends on beside its
index, so a shard of other members takes from it what it can use.
"""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from datagen.run.decided import Decided
from datagen.store.files import append_line, write_bytes

SUFFIX = ".partial"

_Line = tuple[int, Decided]
_lines: TypeAdapter[_Line] = TypeAdapter(_Line)


class Journal:
    """The decided dialogues of unfinished shards below `folder`, for one content key; only the holder of the build's lock has one."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self._end = f"-{key[:16]}{SUFFIX}"
        self._found: dict[int, tuple[Decided, str]] = {}
        for path in sorted(folder.glob(f"*{self._end}")):
            for index, decided in _read(path):
                self._found[index] = decided, path.name

    def take(self, shard: str, index: int) -> Decided | None:
        """What an earlier run decided of a dialogue; from now on this shard's own file has it."""
        decided, name = self._found.pop(index, (None, ""))
        if decided is not None and name != shard + self._end:
            self.add(shard, index, decided)
        return decided

    def add(self, shard: str, index: int, decided: Decided) -> None:
        """Appends a dialogue."""
        append_line(self._folder / (shard + self._end), _lines.dump_json((index, decided)))

    def drop(self, shard: str) -> None:
        """Removes what a shard's file has of its own: its artefact is in the ledger. What other shards have still to take of it stays."""
        path = self._folder / (shard + self._end)
        left = [_lines.dump_json((i, d)) + b"\n" for i, (d, name) in self._found.items() if name == path.name]
        if left:
            write_bytes(path, b"".join(left))
        else:
            path.unlink(missing_ok=True)


def _read(path: Path) -> list[_Line]:
    """The whole lines of a file; a torn one is left out, and its dialogue written again."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found.append(_lines.validate_json(line))
        except ValidationError:
            continue
    return found
