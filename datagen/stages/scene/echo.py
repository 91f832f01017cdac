"""The agent's echo: its voice out of the user's loudspeaker, through the room, into the microphone."""

import math
from typing import Annotated

import numpy as np

from datagen.config import Options, knob
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.acoustics import Response, coloured, through
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.fourier import rise
from datagen.stages.scene.loudness import power
from datagen.stages.scene.place import heard_from
from datagen.stages.scene.ranges import Pair, within

LOUDSPEAKER_M = (0.08, 0.3)
"""From the device's loudspeaker to its microphone."""
LOW_HZ = (200.0, 500.0)
HIGH_HZ = (5_000.0, 8_000.0)
"""Where a small loudspeaker begins and ceases to sound in full."""


class EchoOptions(Options):
    """The agent's voice in the user's microphone, as Moshi's training had it (30 %, gain 0-0.2, 100-500 ms, with reverb)."""

    share: float = knob(0.3, "share of dialogues with an echo of the agent", "share", ge=0, le=1)
    gain: Annotated[Pair, within(0, 1, "")] = knob((0.0, 0.2), "the echo's level as a factor on the agent's", "factor")
    delay_s: Annotated[Pair, within(0, 2, "s")] = knob((0.1, 0.5), "from the agent's voice to its echo", "s")


class Echo:
    """A delayed, thinner copy of the agent's channel."""

    name = "echo"

    def draw(self, options: EchoOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """Gain, delay, the loudspeaker's band and its place, or None."""
        if rng.random() >= options.share:
            return None
        delay = round(rng.uniform(*options.delay_s) * SAMPLE_RATE_HZ)
        return {
            "gain": float(rng.uniform(*options.gain)),
            "delay_s": delay / SAMPLE_RATE_HZ,
            "low_hz": float(rng.uniform(*LOW_HZ)),
            "high_hz": float(rng.uniform(*HIGH_HZ)),
            **around.place.recorded(around.place.point_at(rng.uniform(*LOUDSPEAKER_M), rng)),
        }

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The echo alone. Its power over the agent's words, so much later, is the agent's times the gain squared."""
        agent = around.clean[0]
        delay = round(parameters["delay_s"] * SAMPLE_RATE_HZ)
        echo = through(agent, loudspeaker(heard_from(parameters), parameters["low_hz"], parameters["high_hz"]), delay)
        later = [(start + delay, end + delay) for start, end in around.agent_words]
        now = power(echo, later)
        if now > 0:
            echo *= np.float32(parameters["gain"] * math.sqrt(power(agent, around.agent_words) / now))
        return echo


def loudspeaker(heard: Response, low_hz: float, high_hz: float) -> Response:
    """The response with a loudspeaker's band: an octave of slope below `low_hz`, a third of one above `high_hz`; no delay."""
    return coloured(heard, lambda hz: rise(hz, low_hz / 2, low_hz) * (1 - rise(hz, high_hz, high_hz * 1.25)))
