"""The voices that a family's [grid] asks for, before any of them is measured: bases times formants times pitch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagen.audio.pitch import pitch_of
from datagen.engines.speakers.espeak import DOWN, UP
from datagen.engines.speakers.espeak_library import RATE_HZ, EspeakLibrary, Tone
from datagen.records.plan import Voice
from datagen.store.ids import unit_hash

PITCH_SETTINGS = (0, 15, 30, 45, 60, 75, 90, 99)
LANGUAGE = "en-us"
MALE_BASE = {"male": (0.80, 1.10), "female": (1.03, 1.22)}
FEMALE_BASE = {"male": (0.80, 0.93), "female": (0.88, 1.12)}
"""Formant ratios that go with the wanted sex, by what the base sounds like: outside them a voice is not taken for a person's."""


@dataclass(frozen=True, slots=True)
class PitchCurve:
    """The median F0 of a base at each of PITCH_SETTINGS, in Hz."""

    f0_hz: tuple[float, ...]

    def setting(self, f0_hz: float) -> float:
        """espeak-ng's pitch setting for an F0; the nearest end where it is out of reach."""
        return float(np.interp(np.log(f0_hz), np.log(self.f0_hz), PITCH_SETTINGS))

    def reaches(self, f0_hz: float) -> bool:
        return self.f0_hz[0] <= f0_hz <= self.f0_hz[-1]

    def nearest(self, f0_hz: float) -> float:
        return min(max(f0_hz, self.f0_hz[0]), self.f0_hz[-1])


def pitch_curve(library: EspeakLibrary, base: str, text: str) -> PitchCurve:
    """A base's pitch curve, measured on one text. ValueError: there is no such variant, or it has no pitch."""
    medians = []
    for setting in PITCH_SETTINGS:
        raw = library.say(text, Tone(f"{LANGUAGE}+{base}", setting, 50, 175, 1))
        hz = pitch_of(np.frombuffer(raw.pcm, dtype=np.int16) / 32768, RATE_HZ) if raw else np.zeros(0)
        if len(hz) < 50:
            raise ValueError(f"base {base}: espeak-ng has no such variant, or it is not voiced")
        medians.append(float(np.median(hz)))
    return PitchCurve(tuple(np.maximum.accumulate(medians).tolist()))


def candidates(family: Mapping[str, Any], name: str, curves: Mapping[str, PitchCurve]) -> Iterator[Voice]:
    """Every voice of the grid that its base can speak, unmeasured (F0 as wanted, formants zero)."""
    grid = family["grid"]
    options: Sequence[Any] = grid["shifts"] if grid["kind"] == "shift" else grid["formant_ratios"]
    for base in grid["bases"]:
        limits = FEMALE_BASE if base in grid["female_bases"] else MALE_BASE
        for option in options:
            ratio = UP * option[1] / (DOWN * option[0]) if grid["kind"] == "shift" else float(option)
            for sex, (low, high) in limits.items():
                for f0_hz in grid[f"{sex}_f0_hz"] if low <= ratio <= high else ():
                    transform = _transform(grid, option, ratio, f0_hz, curves[base], (name, base, str(option), f0_hz))
                    if transform is not None:
                        yield Voice(
                            id=f"{base}-{sex[0]}{f0_hz}-{grid['kind'][0]}{round(100 * ratio)}",
                            engine=family["engine"],
                            base=f"{LANGUAGE}+{base}",
                            transform=transform,
                            sex=sex,
                            f0_hz=f0_hz,
                            formants_hz=(0.0, 0.0, 0.0),
                            licence=family["licence"],
                            family=name,
                        )


def _transform(
    grid: Mapping[str, Any],
    option: Any,
    ratio: float,
    f0_hz: float,
    curve: PitchCurve,
    key: tuple[str, str, str, float],
) -> dict[str, float] | None:
    def pick(name: str) -> float:
        values = grid[name]
        return float(values[int(unit_hash("voices", name, *map(str, key)) * len(values))])

    rate = pick("rates_wpm")
    if grid["kind"] == "shift":
        if not curve.reaches(f0_hz / ratio):
            return None
        up, down = option
        setting = round(curve.setting(f0_hz / ratio), 1)
        return {
            "shift_up": up,
            "shift_down": down,
            "pitch": setting,
            "range": pick("ranges"),
            "rate_wpm": round(rate / ratio, 1),
        }
    source_hz = curve.nearest(f0_hz)
    return {
        "formant_ratio": ratio,
        "pitch_median_hz": float(f0_hz),
        "pitch_range_ratio": pick("range_ratios"),
        "duration_ratio": 1.0,
        "floor_hz": round(0.62 * source_hz, 0),
        "ceiling_hz": round(2.2 * source_hz, 0),
        "pitch": round(curve.setting(source_hz), 1),
        "range": 50.0,
        "rate_wpm": rate,
    }
