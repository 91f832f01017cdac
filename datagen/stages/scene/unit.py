"""The scene stage's unit: a stitched dialogue in, the channels as a model gets them out."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from datagen.audio.files import quantise
from datagen.protocols import Failure
from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.records.timeline import SceneDialog, StitchedDialog, Timeline
from datagen.stages.scene.babble import Babble
from datagen.stages.scene.clipping import Clipping
from datagen.stages.scene.echo import Echo
from datagen.stages.scene.effects import Effect, Eventful, Others, Parameters, Span, Surroundings, no_others
from datagen.stages.scene.gain import Gain
from datagen.stages.scene.masking import masked_word_share
from datagen.stages.scene.muffling import Muffling
from datagen.stages.scene.noise import RoomNoise
from datagen.stages.scene.off_talk import OffTalk
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.packet_loss import PacketLoss
from datagen.stages.scene.place import Place
from datagen.stages.scene.room import Room, draw_place
from datagen.stages.scene.sounds import Sounds, refusal
from datagen.stages.scene.telephone import Telephone
from datagen.store import ids

VERSION = 2

ROOM: Effect[Any] = Room()

AIR: tuple[Effect[Any], ...] = (RoomNoise(), Babble(), Sounds(), Echo(), OffTalk())
"""What the air adds to the speech at the microphone: each gives its own sound alone, its stem. Order is of no matter."""

DEVICE: tuple[Effect[Any], ...] = (
    # The microphone.
    Muffling(),
    Gain(),
    Clipping(),
    # The line and the network.
    Telephone(),
    PacketLoss(),
)
"""What becomes of the microphone's signal on its way, in the physical order."""

BACKGROUND = ("noise", "babble")
"""The effects that go on throughout: `SceneDialog.snr_db` is of these."""

Effects = Mapping[str, Parameters]

CHAIN: tuple[Effect[Any], ...] = (ROOM, *AIR, *DEVICE)
"""Every effect, in the order in which sound goes from the mouth to the far end."""


def apply(
    stitched: StitchedDialog, options: SceneOptions, rng: np.random.Generator, others: Others = no_others
) -> SceneDialog | Failure:
    """The dialogue with the user's channel as it is heard, in 16-bit steps, and what was done to it.

    The agent's channel is the clean one to the bit; without effects so is the user's. An effect draws from a
    generator of its own, so switching one on or off leaves the others as they were. `snr_db` holds at the
    microphone, before the line takes its part of both. Nothing is scaled to fit: what is over full scale is clipped.
    A dialogue whose text asks for a sound that there is not is a Failure.
    """
    base = int(rng.integers(2**63))
    around = surroundings(stitched, draw_place(options.room, ids.rng(base, "place")), others)
    refused = refusal(options.sounds, around)
    if refused:
        return replace(refused, detail=f"{stitched.timeline.dialog_id} {refused.detail}")
    drawn = {e.name: _drawn(e, getattr(options, e.name), around, base) for e in CHAIN}
    effects = {name: parameters for name, parameters in drawn.items() if parameters is not None}
    stems = air_stems(effects, around)
    channels = stitched.channels
    if effects:
        channels = np.empty_like(stitched.channels)
        channels[0], channels[1] = stitched.channels[0], quantise(line(microphone(stems), effects, around))
    return SceneDialog(
        channels,
        {name: dict(parameters) for name, parameters in effects.items()},
        background_snr_db(effects),
        tuple(
            e
            for effect in AIR
            if effect.name in effects and isinstance(effect, Eventful)
            for e in effect.events(effects[effect.name], around)
        ),
        masked_word_share(stems, around.user_words),
        stems if options.stems else {},
    )


def _drawn(effect: Effect[Any], options: Any, around: Surroundings, base: int) -> Parameters | None:
    """The effect's parameters, drawn from a generator of its own. One that is off gets none: to make it costs more than all its draws."""
    if options.share == 0 and not around.cues:  # a cue in the text is answered whatever the share
        return None
    return effect.draw(options, around, ids.rng(base, effect.name))


def air_stems(effects: Effects, around: Surroundings) -> dict[str, Audio]:
    """What reaches the microphone, each float32 [n_samples] by itself: "speech", and the effects of the air that are on."""
    user = around.clean[1]
    speech = ROOM.apply(user, effects[ROOM.name], around) if ROOM.name in effects else user
    return {"speech": speech, **{e.name: e.apply(speech, effects[e.name], around) for e in AIR if e.name in effects}}


def microphone(stems: dict[str, Audio]) -> Audio:
    """The sum of the stems, in their order."""
    first, *rest = stems.values()
    total = first.copy()
    for stem in rest:
        total += stem
    return total


def line(user: Audio, effects: Effects, around: Surroundings) -> Audio:
    """The microphone's signal after what the device, the line and the network do to it."""
    for effect in DEVICE:
        if effect.name in effects:
            user = effect.apply(user, effects[effect.name], around)
    return user


def background_snr_db(effects: Effects) -> float | None:
    """The asked SNR of noise and babble together: each has its own against the speech, and their powers add."""
    asked = [effects[name]["snr_db"] for name in BACKGROUND if name in effects]
    return -10 * math.log10(sum(10 ** (-snr_db / 10) for snr_db in asked)) if asked else None


def surroundings(stitched: StitchedDialog, place: Place, others: Others = no_others) -> Surroundings:
    """What the effects of this dialogue may look at."""
    timeline = stitched.timeline
    cues = [e for t in timeline.turns for e in t.events if e.type is EventType.SOUND]
    agent, user = (word_spans(timeline, side) for side in (Speaker.AGENT, Speaker.USER))
    return Surroundings(stitched.channels, user, agent, cues, timeline.turns, others, place)


def word_spans(timeline: Timeline, speaker: Speaker) -> list[Span]:
    """Where a speaker's words are heard, in turns and beside them, as spans of samples by start."""
    return [(round(a * SAMPLE_RATE_HZ), round(b * SAMPLE_RATE_HZ)) for a, b in timeline.heard_spans(speaker)]
