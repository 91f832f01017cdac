"""What people say without having planned it: hesitations, check-ins, cue sounds and reactions, from prompts/_shared/spontaneous.toml.

A folder of one's own (`domain_folders` in the recipe) may hold another `_shared/spontaneous.toml`, which is read in its place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from datagen import resources
from datagen.config import Options, read_options
from datagen.domains.files import read_toml
from datagen.domains.lines import Lines, check_lines, compile_all
from datagen.domains.names import SHARED
from datagen.errors import UserError
from datagen.store.ids import digest
from datagen.text.values import values_of

FILE = "spontaneous.toml"

Texts = tuple[str, ...]
Weighted = dict[str, float]


def _weights(values: Weighted) -> Weighted:
    bad = next((text for text, weight in values.items() if not weight > 0 or not text.strip()), None)
    if not values or bad is not None:
        raise ValueError(f"every text needs a weight above 0, {bad!r} has none." if values else "it holds no text.")
    return values


class FillersSpec(Options):
    """Hesitations by where they stand, each with its weight."""

    start: Weighted = Field(description="what opens a sentence")
    inside: Weighted = Field(description="what stands before what is looked for")
    lookup: Weighted = Field(description="what opens an answer that holds a value")

    _weighed = field_validator("start", "inside", "lookup")(_weights)


class CheckInSpec(Options):
    """What an agent says into a long silence, and what a caller says to that before the answer."""

    kind: Literal["there", "looking"] = Field(description="looking: after a question for a value; there: after any")
    agent: Texts = Field(min_length=1, description="the check-in")
    user: Texts = Field(min_length=1, description="the caller's lead-in")

    _lines = field_validator("agent", "user")(check_lines)


class SilenceSpec(Options):
    """What a caller says after a long silence without a check-in."""

    lead_ins: Texts = Field(min_length=1, description="before the answer")

    _lines = field_validator("lead_ins")(check_lines)


class CueSpec(Options):
    """What is said about one sound."""

    react: Texts = Field(min_length=1, description="the agent, who heard it")
    mention: Texts = Field(min_length=1, description="the caller, about it")
    answer: Texts = Field(min_length=1, description="the agent, to that")

    _lines = field_validator("react", "mention", "answer")(check_lines)


class SpontaneousSpec(Options):
    """spontaneous.toml."""

    fillers: FillersSpec = Field(description="hesitations")
    repair: Weighted = Field(description="between a wrong word and the right one")
    restarts: dict[str, Texts] = Field(description="what a sentence was begun with before it was begun again")
    check_ins: tuple[CheckInSpec, ...] = Field(min_length=1, description="into a long silence")
    silence: SilenceSpec = Field(description="after a long silence")
    cues: dict[str, CueSpec] = Field(min_length=1, description="sounds, and what is said about them")

    _weighed = field_validator("repair")(_weights)


@dataclass(frozen=True)
class CheckIn:
    """Compiled lines of one kind of check-in."""

    looking: bool
    agent: Lines
    user: Lines


@dataclass(frozen=True)
class Cue:
    """Compiled lines about one sound."""

    react: Lines
    mention: Lines
    answer: Lines


@dataclass(frozen=True)
class Spontaneous:
    """The texts of the file. `digest` changes with any of them."""

    spec: SpontaneousSpec

    @cached_property
    def digest(self) -> str:
        return digest(self.spec.output_options())

    @cached_property
    def check_ins(self) -> tuple[CheckIn, ...]:
        found = self.spec.check_ins
        return tuple(CheckIn(c.kind == "looking", compile_all(c.agent), compile_all(c.user)) for c in found)

    @cached_property
    def lead_ins(self) -> Lines:
        return compile_all(self.spec.silence.lead_ins)

    @cached_property
    def cues(self) -> Mapping[str, Cue]:
        """By the sound's name, in the order of the names."""
        found = sorted(self.spec.cues.items())
        return {n: Cue(compile_all(c.react), compile_all(c.mention), compile_all(c.answer)) for n, c in found}


def spontaneous(search: Iterable[Path | str] = ()) -> Spontaneous:
    """The texts of the first folder of `search` that holds `_shared/spontaneous.toml`, else of prompts/; read once a process.

    UserError, with file and key, on an unknown or missing key, a bracket without its partner, or a value (a number, a date, a
    name) in what the agent says.
    """
    for top in (Path(s).expanduser().resolve() for s in search):
        if (top / SHARED / FILE).is_file():
            return read(top / SHARED / FILE)
    return read(resources.prompts() / SHARED / FILE)


@lru_cache(maxsize=8)
def read(path: Path) -> Spontaneous:
    """The texts of one file."""
    label = f"{SHARED}/{FILE}"
    found = Spontaneous(read_options(SpontaneousSpec, read_toml(path, label), label))
    said = [("check_ins", c.agent) for c in found.check_ins]
    said += [(f"cues.{name}", lines) for name, c in found.cues.items() for lines in (c.react, c.answer)]
    for key, lines in said:
        for form in (form for line in lines for form in line.forms()):
            stated = next((v.surface for v in values_of(form) if not v.idiom), None)
            if stated is not None:
                raise UserError(f"{label}: {key}: {form!r} states {stated!r}: an agent says what it knows alone.")
    return found
