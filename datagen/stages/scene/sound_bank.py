"""The sounds that ship with the project: made by code, so that nothing must be fetched and nothing needs a licence."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from datagen.audio.levels import energy
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene import synth_bells, synth_knocks, synth_street, synth_throats
from datagen.store import ids

SYNTHS: Mapping[str, Callable[[np.random.Generator], Audio]] = {
    "alarm_clock": synth_bells.alarm_clock,
    "baby_cry": synth_throats.baby_cry,
    "car_horn": synth_street.car_horn,
    "cough": synth_throats.cough,
    "dishes": synth_knocks.dishes,
    "dog_bark": synth_throats.dog_bark,
    "door_knock": synth_knocks.door_knock,
    "door_slam": synth_knocks.door_slam,
    "doorbell": synth_bells.doorbell,
    "footsteps": synth_knocks.footsteps,
    "glass_break": synth_knocks.glass_break,
    "keyboard": synth_knocks.keyboard,
    "microwave_beep": synth_bells.microwave_beep,
    "phone_ring": synth_bells.phone_ring,
    "siren": synth_street.siren,
}
"""Every shipped sound by its name: what a recipe's `names` and a transcript's cue may say."""

LEVEL_FRAME = 480
"""Samples (20 ms) over which a sound's momentary level is taken."""
LEVEL_RANGE_DB = 20.0


@lru_cache(maxsize=32)
def shipped(name: str, seed: int) -> Audio:
    """A shipped sound, mono float32 [n_samples] at 24 kHz, 0.3 to 6 s, its peak at -3 dB; read-only.

    The same name and seed give the same samples; another seed another phone, dog or door.
    """
    clip = SYNTHS[name](ids.rng("sound", name, seed))
    clip.setflags(write=False)
    return clip


def active_power(clip: Audio) -> float:
    """How strong a sound is while it sounds: the mean square over those of its 20 ms frames that come within 20 dB of the
    loudest. Rests between rings and long tails make no sound weaker. 0 for silence and for no samples."""
    n = -(-len(clip) // LEVEL_FRAME)
    padded = np.zeros(n * LEVEL_FRAME, np.float32)
    padded[: len(clip)] = clip
    powers = np.array([energy(frame) for frame in padded.reshape(n, LEVEL_FRAME)]) / LEVEL_FRAME
    if not len(powers) or powers.max() == 0:
        return 0.0
    return float(powers[powers >= powers.max() / 10 ** (LEVEL_RANGE_DB / 10)].mean())


def duration_s(clip: Audio) -> float:
    return len(clip) / SAMPLE_RATE_HZ
