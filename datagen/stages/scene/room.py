"""The room between the user's mouth and the microphone."""

import math
from typing import Annotated

import numpy as np

from datagen.config import Options, knob
from datagen.records.speech import Audio
from datagen.stages.scene.acoustics import Point, reachable_rt60_s, through
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.loudness import power
from datagen.stages.scene.place import TYPICAL, Place, heard_from
from datagen.stages.scene.ranges import Pair, within

HEIGHT_M = (2.2, 3.2)
MICROPHONE_HEIGHT_M = (0.7, 1.5)
MICROPHONE_MARGIN_M = 0.6
"""From the microphone to the nearest wall."""


class RoomOptions(Options):
    """The room that the user is in. Sizes and times are those of dwellings and offices; share as in DialogueSidon."""

    share: float = knob(0.5, "share of dialogues in which the room is heard in the user's voice", "share", ge=0, le=1)
    side_m: Annotated[Pair, within(2, 20, "m")] = knob((2.0, 8.0), "length of the walls, lowest and highest", "m")
    rt60_s: Annotated[Pair, within(0.1, 1.5, "s")] = knob(
        (0.15, 0.6), "reverberation time; a room that cannot have one of these has the nearest that it can", "s"
    )
    speakerphone_share: float = knob(
        0.4, "share of users farther from the microphone, the others hold it to the ear", "share", ge=0, le=1
    )
    near_m: Annotated[Pair, within(0.02, 3, "m")] = knob((0.05, 0.12), "mouth to microphone, handset and headset", "m")
    far_m: Annotated[Pair, within(0.02, 3, "m")] = knob((0.3, 1.5), "mouth to microphone, speakerphone", "m")


def draw_place(options: RoomOptions, rng: np.random.Generator) -> Place:
    """A room with a device and a mouth in it, its reverberation time one that it can have."""
    length, width = (round(float(side), 2) for side in rng.uniform(*options.side_m, 2))
    room_m = (length, width, round(float(rng.uniform(*HEIGHT_M)), 2))
    rt60_s = _rt60_s(room_m, options.rt60_s, float(rng.random()))
    across = [rng.uniform(MICROPHONE_MARGIN_M, side - MICROPHONE_MARGIN_M) for side in room_m[:2]]
    x, y, z = (round(float(at), 3) for at in (*across, rng.uniform(*MICROPHONE_HEIGHT_M)))
    far = rng.random() < options.speakerphone_share
    distance_m = rng.uniform(*(options.far_m if far else options.near_m))
    empty = Place(room_m, rt60_s, "speakerphone" if far else "handset", (x, y, z), TYPICAL.mouth_m)
    mouth_m = empty.point_at(distance_m, rng)
    return Place(room_m, rt60_s, empty.device, empty.microphone_m, mouth_m)


def _rt60_s(room_m: Point, asked: Pair, at: float) -> float:
    """The time at a share of the way through the part of the range that the room can have, or at the nearest end."""
    shortest, longest = reachable_rt60_s(room_m)
    low, high = (min(max(t, shortest), longest) for t in asked)
    return round(low + (high - low) * at, 4)


class Room:
    """Reflections of the user's voice."""

    name = "room"

    def draw(self, options: RoomOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The place with its asked and its measured reverberation time, and the direct-to-reverberant ratio; or None."""
        if rng.random() >= options.share:
            return None
        return {"device": around.place.device, **around.place.recorded(around.place.mouth_m)}

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The voice at the microphone, in time with the clean one, and as strong over the user's words."""
        wet = through(user, heard_from(parameters))
        before, after = power(user, around.user_words), power(wet, around.user_words)
        if before > 0 and after > 0:
            wet *= np.float32(math.sqrt(before / after))
        return wet
