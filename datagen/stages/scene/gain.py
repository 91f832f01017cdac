"""The microphone's gain: how near the user holds it, and how far the preamplifier is turned up."""

import math
from typing import Annotated

import numpy as np

from datagen.config import Options, knob
from datagen.records.speech import Audio
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.ranges import Pair, within

MARGIN_DB = 1.0
"""What is kept free above the speech's peak for the room and the noises on top of it."""


class GainOptions(Options):
    """The gain of the microphone, over the whole dialogue."""

    share: float = knob(0.5, "share of dialogues whose user is louder or softer (Moshi: 0.5)", "share", ge=0, le=1)
    gain_db: Annotated[Pair, within(-60, 40, "dB")] = knob(
        (-24.0, 15.0),
        "gain, lowest and highest (Moshi: -24 to 15); never more than leaves the user's clean speech 1 dB under full scale",
        "dB",
    )


class Gain:
    """One factor on all that the microphone hears.

    A talker sets the gain for the own voice: it is drawn between the lowest asked and the highest that leaves the
    clean speech's peak 1 dB under full scale, so that it alone never spoils a word. What is louder than the speech
    (a siren beside the phone) may then still pass full scale, and is clipped as a converter does. Distorted speech is
    `clipping`'s to make, which works on whatever level there is.
    """

    name = "gain"

    def draw(self, options: GainOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The gain and the most that there was room for, or None. Of a range wholly above that room, the room."""
        if rng.random() >= options.share:
            return None
        low, high = options.gain_db
        room = headroom_db(around.clean[1])
        gain = float(rng.uniform(min(low, room), min(high, room)))
        return {"gain_db": gain, "headroom_db": room if math.isfinite(room) else None}

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The channel times the gain: its loudness (BS.1770) changes by just as many dB."""
        louder: Audio = user * np.float32(10 ** (parameters["gain_db"] / 20))
        return louder


def headroom_db(speech: Audio) -> float:
    """How many dB the speech can be raised until its peak is MARGIN_DB under full scale; infinite for silence.

    Negative where it is nearer than that already.
    """
    peak = float(max(speech.max(), -speech.min())) if len(speech) else 0.0
    return -20 * math.log10(peak) - MARGIN_DB if peak > 0 else math.inf
