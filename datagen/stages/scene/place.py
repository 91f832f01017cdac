"""Where the user is: a room, a device with its microphone in it, and a mouth."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagen.stages.scene.acoustics import Point, Response, response

MARGIN_M = 0.2
"""No source comes nearer to a wall."""


@dataclass(frozen=True, slots=True)
class Place:
    """A box of a room and what stands in it, in metres from one corner; `rt60_s` is the asked reverberation time.

    There is one for every dialogue, even where the user's own voice is taken as dry: what is farther off has its room.
    """

    room_m: Point
    rt60_s: float
    device: str
    microphone_m: Point
    mouth_m: Point

    def point_at(self, distance_m: float, rng: np.random.Generator) -> Point:
        """A point at about that distance from the microphone, in any direction, nearer where a wall is in the way."""
        azimuth = rng.uniform(0, 2 * math.pi)
        rise = rng.uniform(-0.3, 0.3)
        flat = distance_m * math.sqrt(1 - rise**2)
        step = (flat * math.cos(azimuth), flat * math.sin(azimuth), distance_m * rise)
        return self._inside([m + d for m, d in zip(self.microphone_m, step, strict=True)])

    def _inside(self, point: list[float]) -> Point:
        x, y, z = (
            round(min(max(at, MARGIN_M), side - MARGIN_M), 3) for at, side in zip(point, self.room_m, strict=True)
        )
        return x, y, z

    def recorded(self, source_m: Point) -> dict[str, Any]:
        """A source's place and what it makes of its sound: enough for `heard_from` to make it again."""
        heard = response(self.room_m, self.rt60_s, source_m, self.microphone_m)
        return {
            "room_m": list(self.room_m),
            "rt60_s": self.rt60_s,
            "rt60_measured_s": round(heard.rt60_s, 4),
            "drr_db": round(heard.drr_db, 2),
            "microphone_m": list(self.microphone_m),
            "source_m": list(source_m),
            "distance_m": round(math.dist(source_m, self.microphone_m), 3),
        }


def heard_from(parameters: Mapping[str, Any]) -> Response:
    """The response that `Place.recorded` was measured on."""
    room_m, source_m, microphone_m = (tuple(parameters[key]) for key in ("room_m", "source_m", "microphone_m"))
    return response(room_m, parameters["rt60_s"], source_m, microphone_m)


TYPICAL = Place((4.0, 3.0, 2.5), 0.3, "handset", (2.0, 1.4, 1.2), (2.0, 1.48, 1.2))
"""A living room and a telephone at the ear."""
