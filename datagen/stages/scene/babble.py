"""Babble: several other voices at once, far off, none of which can be followed."""

import math
from collections.abc import Sequence

import numpy as np
from pydantic import field_validator

from datagen.config import Options, knob
from datagen.records.speech import SAMPLE_RATE_HZ, Audio, Clip
from datagen.stages.scene.acoustics import Response, coloured, through
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.fourier import rise
from datagen.stages.scene.loudness import power, set_snr
from datagen.stages.scene.place import heard_from
from datagen.stages.scene.ranges import DecibelRange

DISTANCE_M = (2.0, 4.0)
GAP_S = (0.0, 0.6)
"""Between two clips of a talker: shorter than in talk, so that four talkers seldom fall silent together."""
TALKER_DB = 2.0
"""How far talkers differ in level, standard deviation."""
DULL_HZ = (1_500.0, 4_000.0)
"""Where what comes from far off and from behind begins to lose its consonants: a talker faces away, and the air and
the furniture take the highs."""


class BabbleOptions(Options):
    """Talk of others in the background."""

    share: float = knob(0.1, "share of dialogues with babble, where the speaker has other voices", "share", ge=0, le=1)
    snr_db: DecibelRange = knob(
        (10.0, 25.0), "signal-to-noise ratio of the babble alone, at the microphone over the user's words", "dB"
    )
    talkers: tuple[int, int] = knob((4, 8), "how many talk at once, fewest and most", "talkers")

    @field_validator("talkers")
    @classmethod
    def _some(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 2 <= value[0] <= value[1] <= 32:
            raise ValueError(f"needs 2 <= fewest <= most <= 32 talkers, got {value[0]} and {value[1]}.")
        return value


class Babble:
    """Loops of other voices' clips, each talker in an order and at a level of its own, from the far side of the room.

    Of what a talker says, a recogniser that knows all the clips' sentences finds 96 % when the talker is alone, 50 % of
    two at once, and of four to eight no more than of sentences that nobody said.
    """

    name = "babble"

    def draw(self, options: BabbleOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """SNR, number of talkers, their seed and place; None also where there are no other voices."""
        if rng.random() >= options.share or not around.others(1):
            return None
        fewest, most = options.talkers
        return {
            "snr_db": float(rng.uniform(*options.snr_db)),
            "n_talkers": int(rng.integers(fewest, most + 1)),
            "dull_hz": float(rng.uniform(*DULL_HZ)),
            "seed": int(rng.integers(2**63)),
            **around.place.recorded(around.place.point_at(rng.uniform(*DISTANCE_M), rng)),
        }

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The babble alone, measured over the user's words. Voices are used again where there are fewer than talkers."""
        voices = around.others(parameters["n_talkers"])
        talk = np.zeros_like(user)
        for i in range(parameters["n_talkers"]):
            rng = np.random.default_rng([parameters["seed"], i])
            level = 10 ** (rng.normal(0, TALKER_DB) / 20)
            add_talker(talk, voices[i % len(voices)], level, rng)
        heard = through(talk, dull(heard_from(parameters), parameters["dull_hz"]))
        return set_snr(heard, parameters["snr_db"], user, around)


def add_talker(talk: Audio, clips: Sequence[Clip], level: float, rng: np.random.Generator) -> None:
    """Adds one voice's clips to `talk`, all at power `level` squared, in random order without an end.

    The first begins before the start, so that a talker is in the middle of something there.
    """
    audios = [clip.speech.audio for clip in clips]
    sizes = [math.sqrt(power(a, [(0, len(a))])) for a in audios]
    audible = [(a, np.float32(level / size)) for a, size in zip(audios, sizes, strict=True) if size > 0]
    if not audible:
        return
    at = -int(rng.integers(max(len(a) for a, _ in audible)))
    while at < len(talk):
        for i in rng.permutation(len(audible)):
            audio, gain = audible[i]
            part = audio[max(-at, 0) : max(len(talk) - at, 0)]
            start = max(at, 0)
            talk[start : start + len(part)] += part * gain
            at += len(audio) + round(rng.uniform(*GAP_S) * SAMPLE_RATE_HZ)


def dull(heard: Response, corner_hz: float) -> Response:
    """The response falling smoothly from the corner to nothing two octaves above it, without delay."""
    return coloured(heard, lambda hz: 1 - rise(hz, corner_hz, 4 * corner_hz))
