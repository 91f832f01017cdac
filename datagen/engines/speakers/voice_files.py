"""Writes what was measured into voices/: the voices of a family below its grid, and the speaker distance with its confusion."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.records.plan import Voice

RULE = "# " + "-" * 118


@dataclass(frozen=True, slots=True)
class Distance:
    """The speaker distance as calibrated: two clips farther apart than `threshold` count as two people.

    `one_taken_for_two` and `two_taken_for_one` are the shares of wrong verdicts on texts that set neither the threshold nor the choice.
    """

    threshold: float
    one_taken_for_two: float
    two_taken_for_one: float
    n_calibration_voices: int
    n_held_out_voices: int
    matrix: NDArray[np.float64] = field(repr=False)


def write_family(path: Path, voices: Sequence[Voice]) -> None:
    """Puts the voices, a line each, below the rule of a family's file; what is above it stays as it is."""
    head = path.read_text(encoding="utf-8").split(RULE)[0]
    lines = [f"  {_voice(v)}," for v in sorted(voices, key=lambda v: v.id)]
    path.write_text(f"{head}{RULE}\n\n[measured]\nvoices = [\n" + "\n".join(lines) + "\n]\n", encoding="utf-8")


def _voice(voice: Voice) -> str:
    return _table(
        {
            "id": voice.id,
            "base": voice.base,
            "sex": voice.sex,
            "f0_hz": voice.f0_hz,
            "formants_hz": [round(f) for f in voice.formants_hz],
            "transform": {name: float(value) for name, value in voice.transform.items()},
        }
    )


def _table(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{k} = {_value(v)}" for k, v in values.items()) + "}"


def _value(value: Any) -> str:
    return _table(value) if isinstance(value, dict) else json.dumps(value)


def write_distance(path: Path, found: Distance) -> None:
    """The distance as a TOML file of its own."""
    rows = ",\n".join("  [" + ", ".join(f"{x:.6g}" for x in row) + "]" for row in found.matrix)
    path.write_text(
        f"""# The speaker distance that the voices were chosen by: datagen/engines/speakers/speaker_distance.py.
# Written by python -m datagen.engines.speakers.calibrate
#
# 1 is the root mean square distance of two clips of one voice saying different texts of about ten seconds. Two clips farther apart than
# `threshold` count as two people; it is the 99th percentile of one voice's distances over five texts ({found.n_calibration_voices} voices).
# On two texts of other sentences ({found.n_held_out_voices} voices, all pairs) that is wrong for these shares of the pairs:
threshold = {found.threshold}
one_taken_for_two = {found.one_taken_for_two:.5f}
two_taken_for_one = {found.two_taken_for_one:.5f}
matrix = [
{rows}
]
""",
        encoding="utf-8",
    )


def read_distance(path: Path) -> Distance:
    """What `write_distance` wrote; the counts of voices are in its comments alone."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    return Distance(
        values["threshold"],
        values["one_taken_for_two"],
        values["two_taken_for_one"],
        0,
        0,
        np.array(values["matrix"], dtype=np.float64),
    )
