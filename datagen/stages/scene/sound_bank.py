"""Every sound that there is: those that ship with the project, made by code, and the clips of the user's own folders."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from datagen.errors import DataError, UserError
from datagen.records.speech import Audio
from datagen.stages.scene import synth_bells, synth_knocks, synth_street, synth_throats
from datagen.stages.scene.sound_file import frame_energies, read_clip
from datagen.stages.scene.sound_folder import OwnClip, OwnSounds, read_folders
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
SHIPPED = "shipped"
"""The source of a sound that is made by code; one of the user's own has the SHA-256 of its file."""


class Bank:
    """The shipped sounds and some folders' clips; where both have a name, the user's own are taken."""

    def __init__(self, own: OwnSounds) -> None:
        self.own = own

    @property
    def digest(self) -> str:
        """What a scene's bytes depend on beside the recipe and the code: the user's own clips."""
        return self.own.digest

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every sound's name, sorted."""
        return tuple(sorted({*SYNTHS, *self.own.clips}))

    def pick(self, name: str, seed: int) -> dict[str, Any]:
        """The variant of a sound that a seed takes: its source, licence and length, to be had from `clip_of`."""
        if name not in self.own.clips:
            return {"source": SHIPPED, "licence": "", "n_samples": len(_shipped(name, seed))}
        clips = self.own.clips[name]
        clip = clips[seed % len(clips)]
        return {"source": clip.sha256, "licence": clip.licence, "n_samples": clip.n_samples}

    def by_chance(self, names: Sequence[str], weights: Mapping[str, float]) -> tuple[list[str], list[float]]:
        """The names that come by chance, and the probability of each: its weight, 1 where it has none. Weight 0 never comes."""
        sizes = {name: size for name in sorted(set(names or self.names)) if (size := weights.get(name, 1.0)) > 0}
        return list(sizes), [size / sum(sizes.values()) for size in sizes.values()]

    def hint(self, name: str) -> str:
        """What to say to somebody who asked for a sound that there is not."""
        near = [n for n in self.names if name in n.split("_")] or difflib.get_close_matches(name, self.names, n=3)
        there = f"Did you mean {', '.join(near)}?" if near else f"There are: {', '.join(self.names)}."
        return f"{there} Add one of your own as {name}.wav in a folder of scene.sounds.folders."


_CLIPS: dict[str, OwnClip] = {}
"""Every clip of the folders that this process has read, by its content: recorded parameters hold no paths."""


_BANKS: dict[tuple[str, ...], Bank] = {}


def read_bank(folders: tuple[str, ...]) -> Bank:
    """The bank with these folders as they are now; UserError for a folder or file that will not do. A build reads it once,
    before any work, and its scenes take it from `bank_of`."""
    own = read_folders(folders)
    _CLIPS.update(own.by_sha256)
    bank = _BANKS[folders] = Bank(own)
    return bank


def bank_of(folders: tuple[str, ...]) -> Bank:
    """The bank with these folders as they were last read in this process."""
    return _BANKS.get(folders) or read_bank(folders)


def check_names(bank: Bank, names: Sequence[str], weights: Mapping[str, float]) -> None:
    """Raises UserError for a name in the recipe that no sound has, and for weights that leave nothing to draw."""
    for key, given in (("names", names), ("weights", weights)):
        for name in given:
            if name not in bank.names:
                raise UserError(f"scene.sounds.{key}: there is no sound {name!r}. {bank.hint(name)}")
    if not any(weights.get(name, 1.0) for name in names or bank.names):
        raise UserError(
            "scene.sounds.weights: every sound that may come has weight 0. Set scene.sounds.share = 0 instead."
        )


def clip_of(source: str, name: str, seed: int) -> Audio:
    """A sound by what was recorded of it, mono float32 [n_samples] at 24 kHz, read-only.

    The same three give the same samples. DataError where a file has changed or gone since the build began.
    """
    return _shipped(name, seed) if source == SHIPPED else _own(source)


@lru_cache(maxsize=32)
def _shipped(name: str, seed: int) -> Audio:
    clip = SYNTHS[name](ids.rng("sound", name, seed))
    clip.setflags(write=False)
    return clip


@lru_cache(maxsize=32)
def _own(sha256: str) -> Audio:
    known = _CLIPS[sha256]
    try:
        read = read_clip(known.path)
    except UserError as error:
        raise DataError(f"{error} It was whole when the build began.") from None
    if read.sha256 != sha256:
        raise DataError(f"{known.path}: has changed since the build began. Run the same command again.")
    read.audio.setflags(write=False)
    return read.audio


def active_power(clip: Audio) -> float:
    """How strong a sound is while it sounds: the mean square over those of its 20 ms frames that come within 20 dB of the
    loudest. Rests between rings and long tails make no sound weaker. 0 for silence and for no samples."""
    powers = frame_energies(clip, LEVEL_FRAME).astype(np.float64) / LEVEL_FRAME
    if not len(powers) or powers.max() == 0:
        return 0.0
    return float(powers[powers >= powers.max() / 10 ** (LEVEL_RANGE_DB / 10)].mean())
