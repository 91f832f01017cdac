"""Discrete sounds of the user's surroundings: a telephone rings, a dog barks, a door falls shut; by chance, or on cue."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from datagen.audio.levels import fade
from datagen.config import Options, knob
from datagen.protocols import Failure
from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.records.timeline import Event
from datagen.stages.scene.acoustics import through
from datagen.stages.scene.effects import Parameters, Span, Surroundings
from datagen.stages.scene.loudness import speech_power
from datagen.stages.scene.place import heard_from
from datagen.stages.scene.ranges import DecibelRange, Pair, within
from datagen.stages.scene.sound_bank import Bank, active_power, bank_of, clip_of
from datagen.store import ids

GAP_S = 0.25
"""Between two sounds that do not overlap."""
LEAST_S = 0.3
"""Of a sound by chance there is at least so much before the dialogue ends (all of a shorter one)."""
END_FADE_S = 0.03
"""Of a sound or of its reverberation, where the dialogue ends before it."""

Weight = Annotated[float, Field(ge=0)]


class SoundOptions(Options):
    """Discrete sounds. Rate and levels by chance are tau-voice's; cues are the sounds that a transcript speaks of."""

    share: float = knob(
        0.3, "share of dialogues with sounds by chance; cues are in every dialogue that has them", "share", ge=0, le=1
    )
    per_min: float = knob(
        1.0, "sounds a minute in those dialogues, at least one in each; they may begin anywhere", "1/min", gt=0, le=60
    )
    snr_db: DecibelRange = knob(
        (-5.0, 10.0), "how far the user's speech is above a sound while it sounds, lowest and highest", "dB"
    )
    cue_snr_db: DecibelRange = knob(
        (-5.0, 5.0), "the same of a cue, which the agent has to notice: about as loud as the speech", "dB"
    )
    distance_m: Annotated[Pair, within(0.3, 10, "m")] = knob(
        (1.0, 4.0), "from the sound to the microphone, within the room", "m"
    )
    overlap_share: float = knob(
        0.0, "share of sounds by chance that may begin while another one sounds", "share", ge=0, le=1
    )
    names: tuple[str, ...] = knob((), "which sounds come by chance; without any, all of them (`datagen sounds list`)")
    weights: dict[str, Weight] = knob(
        {"alarm_clock": 0.3, "baby_cry": 0.5, "glass_break": 0.2, "siren": 0.5},
        "how often a sound comes by chance, by its name, against 1 of the others",
    )
    folders: tuple[str, ...] = knob(
        (), "folders of your own clips, each with a licence; one of a shipped sound's name takes its place",
        changes_output=False,
    )  # fmt: skip


class Sounds:
    """Sounds by chance and on cue, each at its level, in the user's room."""

    name = "sounds"

    def draw(self, options: SoundOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """Where the sounds are, and of each its name, source, seed, onset, length and SNR; None where there are none.

        Every cue has to be in the bank: see `refusal`.
        """
        base, bank = int(rng.integers(2**63)), bank_of(options.folders)
        drawn = [_cue(bank, options, around, i, ids.rng(base, "cue", i)) for i in range(len(around.cues))]
        drawn += _by_chance(bank, options, around, drawn, ids.rng(base, "chance"))
        if not drawn:
            return None
        where = ids.rng(base, "place")
        source_m = around.place.point_at(where.uniform(*options.distance_m), where)
        return {**around.place.recorded(source_m), "sounds": sorted(drawn, key=lambda s: (s["onset_s"], s["name"]))}

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The sounds alone, as the microphone gets them. A sound's level is its mean power over the 20 ms frames within
        20 dB of its loudest, so no rest between rings makes it weaker; speech is measured over the user's words."""
        stem, heard = np.zeros_like(user), heard_from(dict(parameters))
        speech = speech_power(user, around)
        for sound in parameters["sounds"]:
            start, end = _span(sound)
            clip = clip_of(sound["source"], sound["name"], sound["seed"])[: end - start]
            tail = min(len(heard.taps) - heard.lead, len(user) - end)
            wet = fade(through(np.concatenate([clip, np.zeros(tail, np.float32)]), heard), out_s=END_FADE_S)
            now, wanted = active_power(wet), speech / 10 ** (sound["snr_db"] / 10)
            if now > 0:  # a cue at the very end may have no sample left that is not 0
                stem[start : start + len(wet)] += wet * np.float32(math.sqrt(wanted / now))
        return stem

    def events(self, parameters: Parameters, around: Surroundings) -> tuple[Event, ...]:
        """A SOUND event a sound, on the user's channel, from its onset to where it ends or is cut."""
        return tuple(_event(sound, around) for sound in parameters["sounds"])


def refusal(options: SoundOptions, around: Surroundings) -> Failure | None:
    """Why a dialogue cannot be had: its text speaks of a sound that no bank has, and would make no sense without it."""
    bank = bank_of(options.folders)
    for cue in around.cues:
        if (name := str(cue.attrs["sound"])) not in bank.names:
            return Failure(
                "unknown_sound",
                f"turn {cue.target_turn}: its text asks for the sound {name!r}, which there is not. {bank.hint(name)}",
            )
    return None


def _event(sound: Mapping[str, Any], around: Surroundings) -> Event:
    attrs = {key: sound[key] for key in ("name", "snr_db", "source", "cue", "cut")}
    start_s, end_s = sound["onset_s"], sound["onset_s"] + sound["duration_s"]
    return Event(EventType.SOUND, Speaker.USER.channel, start_s, end_s, around.turn_at(start_s), attrs)


def _cue(bank: Bank, options: SoundOptions, around: Surroundings, i: int, rng: np.random.Generator) -> dict[str, Any]:
    cue = around.cues[i]
    onset = min(round(cue.start_s * SAMPLE_RATE_HZ), around.n_samples - 1)
    found = _drawn(bank, str(cue.attrs["sound"]), options.cue_snr_db, rng)
    return _placed(found, onset, around.n_samples, cue=True)


def _by_chance(
    bank: Bank, options: SoundOptions, around: Surroundings, cues: Sequence[Mapping[str, Any]], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """The sounds by chance: one, and beyond it a Poisson number, so that the mean is the asked rate. One that finds no room
    between the others is left out."""
    if around.n_samples == 0 or rng.random() >= options.share:
        return []
    asked = options.per_min * around.n_samples / SAMPLE_RATE_HZ / 60
    count = 1 + int(rng.poisson(max(asked - 1, 0.0)))
    # What the text speaks of is heard once: a second ring would leave open which of them the agent means.
    names, weights = bank.by_chance(options.names, {**options.weights, **{c["name"]: 0.0 for c in cues}})
    if not names:
        return []
    taken, made = [_span(c) for c in cues], []
    for _ in range(count):
        found = _drawn(bank, str(rng.choice(names, p=weights)), options.snr_db, rng)
        others = [] if rng.random() < options.overlap_share else taken
        onset = _onset(found["n_samples"], around.n_samples, others, float(rng.random()))
        if onset is not None:
            made.append(_placed(found, onset, around.n_samples, cue=False))
            taken.append(_span(made[-1]))
    return made


def _drawn(bank: Bank, name: str, snr_db: Pair, rng: np.random.Generator) -> dict[str, Any]:
    seed = int(rng.integers(2**63))
    return {"name": name, **bank.pick(name, seed), "seed": seed, "snr_db": float(rng.uniform(*snr_db))}


def _placed(found: dict[str, Any], onset: int, n_samples: int, *, cue: bool) -> dict[str, Any]:
    length = found.pop("n_samples")
    kept = min(length, n_samples - onset)
    return {
        **found, "onset_s": onset / SAMPLE_RATE_HZ, "duration_s": kept / SAMPLE_RATE_HZ, "cut": kept < length, "cue": cue,
    }  # fmt: skip


def _onset(length: int, n_samples: int, taken: Sequence[Span], at: float) -> int | None:
    """The onset at a share `at` of all places where the sound is clear of the others; None where there is none."""
    gap, least = round(GAP_S * SAMPLE_RATE_HZ), min(length, round(LEAST_S * SAMPLE_RATE_HZ))
    free, start = [], 0
    for a, b in [*sorted(taken), (n_samples + length + gap, 0)]:
        end = min(a - gap - length, n_samples - least)
        if end >= start:
            free.append((start, end + 1))
        start = max(start, b + gap)
    place = int(at * sum(b - a for a, b in free))
    for a, b in free:
        if place < b - a:
            return a + place
        place -= b - a
    return None


def _span(sound: Mapping[str, Any]) -> Span:
    start = round(sound["onset_s"] * SAMPLE_RATE_HZ)
    return start, start + round(sound["duration_s"] * SAMPLE_RATE_HZ)
