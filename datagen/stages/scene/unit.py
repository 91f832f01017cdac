"""The scene stage's unit: a stitched dialogue in, the channels as a model gets them out."""

from typing import Any

import numpy as np

from datagen.audio.files import quantise
from datagen.records.enums import Heard, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import SceneDialog, StitchedDialog, Timeline
from datagen.stages.scene.effects import Effect, Surroundings
from datagen.stages.scene.noise import RoomNoise
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.telephone import Telephone
from datagen.store import ids

VERSION = 1

CHAIN: tuple[Effect, ...] = (RoomNoise(), Telephone())
"""The effects in the physical order: what the air adds before what the microphone and the line do."""


def apply(stitched: StitchedDialog, options: SceneOptions, rng: np.random.Generator) -> SceneDialog:
    """The dialogue with the user's channel as it is heard, in 16-bit steps, and what was done to it.

    The agent's channel is the clean one to the bit; without effects so is the user's. An effect draws from a
    generator of its own, so switching one on or off leaves the others as they were. `snr_db` holds at the
    microphone, before the line takes its part of both.
    """
    base = int(rng.integers(2**63))
    around = Surroundings(stitched.channels, user_words(stitched.timeline))
    user = stitched.channels[1]
    effects: dict[str, dict[str, Any]] = {}
    for effect in CHAIN:
        parameters = effect.draw(options, ids.rng(base, effect.name))
        if parameters is not None:
            user = effect.apply(user, parameters, around)
            effects[effect.name] = dict(parameters)
    if not effects:
        return SceneDialog(stitched.channels, {})
    channels = np.empty_like(stitched.channels)
    channels[0], channels[1] = stitched.channels[0], quantise(user)
    return SceneDialog(channels, effects, effects.get("noise", {}).get("snr_db"))


def user_words(timeline: Timeline) -> list[tuple[int, int]]:
    """Where the user's words are heard, turns and backchannels, as spans of samples by start."""
    heard = [
        (w.start_s, min(w.end_s, t.end_s))
        for t in timeline.turns
        if t.speaker is Speaker.USER
        for w in t.words
        if w.heard is not Heard.NO
    ]
    heard += [(w.start_s, w.end_s) for w in timeline.aside_words[Speaker.USER.channel]]
    return sorted((round(a * SAMPLE_RATE_HZ), round(b * SAMPLE_RATE_HZ)) for a, b in heard)
