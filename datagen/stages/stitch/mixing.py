"""The two clean channels: every piece of audio at its place, with ramps where it begins and ends."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datagen.audio.files import quantise
from datagen.audio.levels import rms_db
from datagen.records.enums import EventType, Speaker
from datagen.records.speech import Audio, SpokenTurn
from datagen.stages.stitch.asides import Said
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.shapes import Placement
from datagen.stages.stitch.words import samples

MAX_GAIN_DB = 12.0
"""What is said beside the turns is not raised by more than this, so that a breath is not blown up into speech."""


def mix(
    placement: Placement,
    turns: Sequence[SpokenTurn],
    said: Sequence[Sequence[Said]],
    options: StitchOptions,
) -> Audio:
    """Float32 [2, n_samples] in 16-bit steps, agent first: pieces at their places, silence elsewhere, no clicks.

    The turns' audio is in 16-bit steps, as the speech artefact keeps it: only what is changed here is rounded again.
    """
    channels = np.zeros((2, placement.n_samples), dtype=np.float32)
    edge, fade = samples(options.edge_fade_s), samples(options.fade_s)
    levels = {side: _level(turns, side) for side in Speaker} if any(s.asides for s in placement.spots) else {}
    for spot, spoken, own in zip(placement.spots, turns, said, strict=False):
        side = spoken.turn.speaker
        for piece in spot.pieces:
            heard = channels[side.channel, piece.at : piece.end]
            heard[:] = spoken.speech.audio[slice(*piece.source)]
            _soften(heard, edge, fade if piece.cut else edge)
        for index, (start, end) in spot.asides:
            aside = own[index]
            who = aside.side
            audio = aside.speech.audio
            gain = _gain(audio, levels[who], _level_db(aside.type, options))
            heard = channels[who.channel, start:end]
            heard[:] = quantise(audio * gain)
            _soften(heard, edge, edge)
    return channels


def _level_db(kind: EventType, options: StitchOptions) -> float:
    if kind is EventType.BACKCHANNEL:
        return options.backchannel.level_db
    return options.side_talk.level_db if kind is EventType.SIDE_TALK else options.failed_barge_in.level_db


def _level(turns: Sequence[SpokenTurn], side: Speaker) -> float | None:
    """A speaker's speech level in dB, the power of all turns' audio as one; None where all is silent."""
    own = [t.speech.audio for t in turns if t.turn.speaker is side]
    # einsum and not dot: BLAS adds in an order that depends on its threads, and bytes must not.
    power = sum(float(np.einsum("i,i->", audio, audio)) for audio in own)
    return 10 * math.log10(power / sum(len(audio) for audio in own)) if power > 0 else None


def _gain(audio: Audio, speech_db: float | None, level_db: float) -> np.float32:
    """The factor that puts an aside `level_db` from its speaker's turns (from itself where the speaker has none)."""
    own_db = rms_db(audio)
    if own_db == -math.inf:
        return np.float32(1.0)
    wanted_db = level_db if speech_db is None else speech_db + level_db - own_db
    peak_db = 20 * math.log10(float(np.max(np.abs(audio))))
    return np.float32(10 ** (min(wanted_db, MAX_GAIN_DB, -peak_db) / 20))


def _soften(heard: Audio, rise: int, fall: int) -> None:
    """Raised-cosine ramps at both ends, in place; both get shorter where the audio is too short for them."""
    rise = min(rise, len(heard) // 2)
    fall = min(fall, len(heard) - rise)
    if rise:
        heard[:rise] = quantise(heard[:rise] * _ramp(rise))
    if fall:
        heard[-fall:] = quantise(heard[-fall:] * _ramp(fall)[::-1])


@lru_cache(maxsize=64)
def _ramp(n: int) -> NDArray[np.float32]:
    ramp: NDArray[np.float32] = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
    ramp.setflags(write=False)
    return ramp
