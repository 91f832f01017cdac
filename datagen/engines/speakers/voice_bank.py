"""The voices of an engine, read from voices/*.toml: a family a file. Nothing is measured here."""

import itertools
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from datagen import resources
from datagen.errors import UserError
from datagen.records.plan import Voice

SEXES = ("female", "male")


@cache
def voices_of(engine: str, folder: Path | None = None) -> tuple[Voice, ...]:
    """Every voice of an engine, sorted by id, `split` as it comes. UserError: a file that cannot be read, or an id given twice."""
    found = [voice for path in sorted((folder or resources.voices()).glob("*.toml")) for voice in _family(path, engine)]
    found.sort(key=lambda v: v.id)
    for one, other in itertools.pairwise(found):
        if one.id == other.id:
            raise UserError(
                f"voices/: {one.id} is in {one.family}.toml and in {other.family}.toml. An id names one voice: rename one."
            )
    return tuple(found)


def _family(path: Path, engine: str) -> list[Voice]:
    try:
        family = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"voices/{path.name}: not a TOML file: {error}.") from None
    if family.get("engine") != engine:
        return []
    return [_voice(entry, family, path) for entry in family.get("measured", {}).get("voices", [])]


def _voice(entry: Mapping[str, Any], family: Mapping[str, Any], path: Path) -> Voice:
    try:
        f1, f2, f3 = (float(f) for f in entry["formants_hz"])
        voice = Voice(
            id=entry["id"],
            engine=family["engine"],
            base=entry["base"],
            transform={name: float(value) for name, value in entry["transform"].items()},
            sex=entry["sex"],
            f0_hz=float(entry["f0_hz"]),
            formants_hz=(f1, f2, f3),
            licence=family["licence"],
            family=path.stem,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"voices/{path.name}: voice {entry.get('id', '?')}: {type(error).__name__} at {error}. Make the file anew with its script."
        ) from None
    if voice.sex not in SEXES:
        raise UserError(
            f"voices/{path.name}: voice {voice.id}: sex is {voice.sex!r}, and has to be {' or '.join(SEXES)}."
        )
    return voice
