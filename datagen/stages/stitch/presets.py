"""The timing presets, read from presets.toml beside this file."""

import difflib
import tomllib
from functools import cache
from importlib.resources import files

from pydantic import Field

from datagen.config import Options, knob, read_options
from datagen.records.enums import TurnType


class ShiftOptions(Options):
    """Seconds added to the FTO of a turn by what the turn does; None leaves it to the preset (0 where it has none)."""

    greeting_s: float | None = knob(None, "added before a greeting", "s", ge=-2, le=10)
    question_s: float | None = knob(None, "added before a question", "s", ge=-2, le=10)
    answer_s: float | None = knob(None, "added before an answer", "s", ge=-2, le=10)
    confirmation_s: float | None = knob(None, "added before a confirmation", "s", ge=-2, le=10)
    after_lookup_s: float | None = knob(None, "added before a turn that needed something looked up", "s", ge=-2, le=10)
    statement_s: float | None = knob(None, "added before a statement", "s", ge=-2, le=10)
    objection_s: float | None = knob(None, "added before an objection", "s", ge=-2, le=10)
    closing_s: float | None = knob(None, "added before a closing", "s", ge=-2, le=10)

    def of(self, kind: TurnType) -> float | None:
        """The shift of one type of turn."""
        value: float | None = getattr(self, f"{kind.value}_s")
        return value


class Preset(Options):
    """A named timing: the numbers, where they come from, and how far they can be leaned on."""

    source: str = knob(..., "where the numbers come from")
    quality: str = knob(..., "published, second-hand or assumed, by number")
    overlap_share: float = knob(..., "share of floor transfers that overlap", "share", ge=0, lt=1)
    gap_median_s: float = knob(..., "median of the gaps", "s", gt=0)
    gap_sigma: float = knob(..., "spread of the gaps' logarithm", ge=0)
    overlap_median_s: float = knob(..., "median length of the overlaps", "s", gt=0)
    overlap_sigma: float = knob(..., "spread of the overlaps' logarithm", ge=0)
    pair_share: float = knob(..., "share of the latent variance that the pair explains", "share", ge=0, lt=1)
    speaker_share: float = knob(..., "share that the speaker explains", "share", ge=0, lt=1)
    shift: ShiftOptions = Field(default_factory=ShiftOptions, description="by type of turn")


@cache
def presets() -> dict[str, Preset]:
    """Every preset by name, in the file's order."""
    tables = tomllib.loads(files("datagen.stages.stitch").joinpath("presets.toml").read_text("utf-8"))
    return {name: read_options(Preset, values, f"presets.toml {name}") for name, values in tables.items()}


def preset(name: str) -> Preset:
    """The preset of that name, or a ValueError that names the nearest and all."""
    found = presets().get(name)
    if found is None:
        near = difflib.get_close_matches(name, list(presets()), n=2)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"there is no preset {name!r}.{hint} There are: {', '.join(presets())}.")
    return found
