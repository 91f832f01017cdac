"""The scene stage's unit: a stitched dialogue in, the channels as a model gets them out."""

from typing import Any

import numpy as np

from datagen.audio.files import quantise
from datagen.records.enums import EventType, Heard, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.records.timeline import SceneDialog, StitchedDialog, Timeline
from datagen.stages.scene.effects import Effect, Others, Parameters, Span, Surroundings, no_others
from datagen.stages.scene.noise import RoomNoise
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.telephone import Telephone
from datagen.store import ids

VERSION = 2

AIR: tuple[Effect[Any], ...] = (RoomNoise(),)
"""What the air adds to the speech at the microphone: each gives its own sound alone, its stem. Order is of no matter."""

DEVICE: tuple[Effect[Any], ...] = (
    # The microphone: muffling, gain, clipping.
    # The line: telephone.
    Telephone(),
    # The network: packet loss.
)
"""What becomes of the microphone's signal on its way, in the physical order."""

CHAIN: tuple[Effect[Any], ...] = (*AIR, *DEVICE)
"""Every effect, in the order in which sound goes from the mouth to the far end."""


def apply(
    stitched: StitchedDialog, options: SceneOptions, rng: np.random.Generator, others: Others = no_others
) -> SceneDialog:
    """The dialogue with the user's channel as it is heard, in 16-bit steps, and what was done to it.

    The agent's channel is the clean one to the bit; without effects so is the user's. An effect draws from a
    generator of its own, so switching one on or off leaves the others as they were. `snr_db` holds at the
    microphone, before the line takes its part of both. Nothing is scaled to fit: what is over full scale is clipped.
    """
    base = int(rng.integers(2**63))
    around = surroundings(stitched, others)
    drawn = {e.name: e.draw(getattr(options, e.name), around, ids.rng(base, e.name)) for e in CHAIN}
    effects = {name: parameters for name, parameters in drawn.items() if parameters is not None}
    if not effects:
        return SceneDialog(stitched.channels, {})
    stems = air_stems(stitched.channels[1], effects, around)
    user = microphone(stems)
    for effect in DEVICE:
        if effect.name in effects:
            user = effect.apply(user, effects[effect.name], around)
    channels = np.empty_like(stitched.channels)
    channels[0], channels[1] = stitched.channels[0], quantise(user)
    snr_db = effects.get("noise", {}).get("snr_db")
    return SceneDialog(
        channels, {name: dict(p) for name, p in effects.items()}, snr_db, stems=stems if options.stems else {}
    )


def air_stems(user: Audio, effects: dict[str, Parameters], around: Surroundings) -> dict[str, Audio]:
    """What reaches the microphone, each float32 [n_samples] by itself: "speech", and the effects of the air that are on."""
    added = {e.name: e.apply(user, effects[e.name], around) for e in AIR if e.name in effects}
    return {"speech": user, **added}


def microphone(stems: dict[str, Audio]) -> Audio:
    """The sum of the stems, in their order."""
    first, *rest = stems.values()
    total = first.copy()
    for stem in rest:
        total += stem
    return total


def surroundings(stitched: StitchedDialog, others: Others = no_others) -> Surroundings:
    """What the effects of this dialogue may look at."""
    timeline = stitched.timeline
    cues = [e for t in timeline.turns for e in t.events if e.type is EventType.SOUND]
    agent, user = (word_spans(timeline, side) for side in (Speaker.AGENT, Speaker.USER))
    return Surroundings(stitched.channels, user, agent, cues, timeline.turns, others)


def word_spans(timeline: Timeline, speaker: Speaker) -> list[Span]:
    """Where a speaker's words are heard, in turns and beside them, as spans of samples by start."""
    heard = [
        (w.start_s, min(w.end_s, t.end_s))
        for t in timeline.turns
        if t.speaker is speaker
        for w in t.words
        if w.heard is not Heard.NO
    ]
    heard += [(w.start_s, w.end_s) for w in timeline.aside_words[speaker.channel]]
    return sorted((round(a * SAMPLE_RATE_HZ), round(b * SAMPLE_RATE_HZ)) for a, b in heard)
