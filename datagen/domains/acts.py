"""The phrasings of the simulator's own acts, from acts.j2 files: a header line `[act]`, then a phrasing a line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datagen.domains.phrasing import Phrase
from datagen.errors import UserError, one_line

_HEADER = re.compile(r"^\[(\+?)([a-z0-9_]+(?:\.[a-z0-9_]+)+)\]\s*$")


@dataclass(frozen=True, slots=True)
class ActFile:
    """The acts of one file: those that replace, and those (headed `[+name]`) that are added."""

    replaced: Mapping[str, tuple[Phrase, ...]]
    added: Mapping[str, tuple[Phrase, ...]]


def read_acts(path: Path, label: str) -> ActFile:
    """The acts of a file, empty where there is none; a UserError names the line of a fault."""
    replaced: dict[str, list[Phrase]] = {}
    added: dict[str, list[Phrase]] = {}
    current: list[Phrase] | None = None
    if not path.exists():
        return ActFile({}, {})
    for number, raw in enumerate(_text(path, label).splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        header = _HEADER.match(line)
        if header:
            book = added if header.group(1) else replaced
            if header.group(2) in book:
                raise UserError(f"{label}:{number}: [{header.group(2)}] stands here for the second time. Join the two.")
            current = book.setdefault(header.group(2), [])
        elif current is None:
            raise UserError(f"{label}:{number}: a phrasing before the first [act] header.")
        else:
            current.append(Phrase(line, f"{label}:{number}"))
    return ActFile({k: tuple(v) for k, v in replaced.items()}, {k: tuple(v) for k, v in added.items()})


def _text(path: Path, label: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{label}: cannot be read as UTF-8: {one_line(error)}.") from None


def merge(shared: ActFile, own: ActFile, label: str) -> dict[str, tuple[Phrase, ...]]:
    """Shared acts with a domain's own replaced and added; a UserError when `[+act]` names an act that is not shared."""
    book = {**shared.replaced, **own.replaced}
    for name, phrases in own.added.items():
        if name not in book:
            raise UserError(f"{label}: [+{name}] adds to an act that does not exist. Write [{name}] for a new one.")
        book[name] = book[name] + phrases
    return book
