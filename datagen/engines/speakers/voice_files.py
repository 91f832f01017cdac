"""Writes what was measured into voices/: the voices of a family below its grid, and the speaker distance with its confusion."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datagen.audio.speaker_distance import Distance
from datagen.records.plan import Voice

RULE = "# " + "-" * 118


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
        f"""# The speaker distance that the voices were chosen by: datagen/audio/speaker_distance.py.
# Written by python -m datagen.engines.speakers.calibrate
#
# 1 is the root mean square distance of two clips of one voice saying different texts of about ten seconds. Two clips farther apart than
# `threshold` count as two people; it is the 99th percentile of one voice's distances over five texts.
# On two texts of other sentences (espeak's voices as they are now, all pairs) that is wrong for these shares of the pairs:
threshold = {found.threshold}
n_calibration_voices = {found.n_calibration_voices}
n_held_out_voices = {found.n_held_out_voices}
one_taken_for_two = {found.one_taken_for_two:.5f}
two_taken_for_one = {found.two_taken_for_one:.5f}
matrix = [
{rows}
]
""",
        encoding="utf-8",
    )
