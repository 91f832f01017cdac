"""Lines of the qa and casual files: `It's <really|quite> big, {{ place }}.` compiled once, at load, and said many times.

The syntax is that of the service domains' phrasings without Jinja's logic: `<a|b|>` a choice (it does not nest), `{{ name }}`
a slot. Two thousand of these compile in a few milliseconds, which as Jinja templates would take seconds.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from datagen.config import describe
from datagen.domains.files import read_toml
from datagen.domains.phrasing import Dice, tidy
from datagen.errors import UserError

_TOKEN = re.compile(r"<([^<>]*)>|\{\{ *([a-z][a-z_]*) *\}\}")
_STRAY = re.compile(r"[<>{}]")
_SMALL = frozenset(
    "what what's how how's can could do does did is are will would when when's where where's where why which who who's whose if it's it the my your "
    "you we we're we'd that's that there's there should at in on have has am this a an for to let's was were they they're some does then "
    "so one with as of not no yes all most he she his her its every each because think imagine picture stand put take try usually mostly "
    "about only never always here and but or from by more much many people nobody somebody sure".split()
)
"""First words that lose their capital when something comes before them in the same sentence; any other may be a name."""


class Table(BaseModel):
    """The base of every table in these files: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=Table)


def read_table(model: type[T], path: Path, label: str) -> T:
    """The file as a `model`; a UserError names the file and the key where it does not fit."""
    values = read_toml(path, label)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{label}: {describe(error, model, '')}") from None


@dataclass(frozen=True, slots=True)
class Slot:
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A compiled line: plain text, choices (tuples) and slots, in order."""

    source: str
    parts: tuple[str | tuple[str, ...] | Slot, ...]

    def draw(self, dice: Dice, slots: Mapping[str, str] | None = None) -> str:
        """One way to say it as it stands inside a sentence, spaces and capitals not yet put right."""
        out = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
            elif isinstance(part, tuple):
                out.append(part[dice.index(len(part))])
            else:
                out.append((slots or {})[part.name])
        return "".join(out)

    def say(self, dice: Dice, slots: Mapping[str, str] | None = None) -> str:
        """One way to say it, with single spaces and capitals at the starts of sentences."""
        return tidy(self.draw(dice, slots))

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parts if isinstance(p, Slot))

    def forms(self, limit: int = 512) -> list[str]:
        """The ways to say it, slots left as `{{ name }}`, up to `limit`."""
        sides = [(f"{{{{ {p.name} }}}}",) if isinstance(p, Slot) else (p,) if isinstance(p, str) else p for p in self.parts]
        return [tidy("".join(c)) for c in itertools.islice(itertools.product(*sides), limit)]

    @property
    def n_forms(self) -> int:
        count = 1
        for part in self.parts:
            count *= len(part) if isinstance(part, tuple) else 1
        return count


Lines = tuple[Line, ...]


def compile_line(source: str) -> Line:
    """The line, or a ValueError that says which bracket has no partner."""
    parts: list[str | tuple[str, ...] | Slot] = []
    end = 0
    for match in _TOKEN.finditer(source):
        parts.append(source[end : match.start()])
        end = match.end()
        parts.append(Slot(match[2]) if match[2] else tuple(match[1].split("|")))
    parts.append(source[end:])
    if any(isinstance(p, str) and _STRAY.search(p) for p in parts):
        raise ValueError(f"a bracket without its partner, or brackets in brackets, in {source!r}.")
    return Line(source, tuple(p for p in parts if p != ""))


def compile_all(sources: Iterable[str]) -> Lines:
    return tuple(compile_line(s) for s in sources)


def check_lines(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts as they are (a pydantic validator), or a ValueError that names the one whose brackets do not pair."""
    compile_all(texts)
    return texts


def lead_in(lead: str, text: str) -> str:
    """`text` after `lead` in one sentence or two: its first word loses its capital after a lead that does not end a sentence."""
    if not lead or not text:
        return lead or text
    if lead[-1] in ".?!":
        return f"{lead} {text}"
    small = text.split(" ", 1)[0].rstrip(",").lower() in _SMALL
    return f"{lead} {text[:1].lower() + text[1:] if small else text}"
