"""What the plan stage hands on: one DialogPlan a dialogue, and the voices that it may cast."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datagen.records.enums import Kind, Speaker, Split


@dataclass(frozen=True, slots=True)
class Voice:
    """A synthetic voice: what the speaker engine needs to make it, and what was measured of it.

    `transform` holds the parameters of the Praat `Change gender` call (formant_ratio, pitch_median_hz,
    pitch_range_ratio, duration_ratio) and of the engine (rate_wpm …); `formants_hz` are the means of F1 to F3.

    Voices of a built bank: `person` is the base speaker, whose voices share a split; `clip` the SHA-256 of the reference clip,
    BANK/clips/ID.flac; `age` child, adult or elderly; a `held_out` voice never occurs in train. `place` is where the voice lies among
    the bank's: the Euclidean distance of two places is how far apart they sound, 1 the least that is two people; () where nobody measured.
    """

    id: str
    engine: str
    base: str
    transform: Mapping[str, float]
    sex: str
    f0_hz: float
    formants_hz: tuple[float, float, float]
    licence: str
    family: str
    split: Split = Split.TRAIN
    person: str = ""
    age: str = "adult"
    clip: str = ""
    held_out: bool = False
    place: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class DialogPlan:
    """One dialogue before a word of it is written.

    `instance` is the grounded scenario: slot name to its value as the writer's templates see it (JSON types
    only). `traits` are how the caller behaves (JSON types). `seed` is what every later draw derives from.
    """

    index: int
    dialog_id: str
    kind: Kind
    domain: str
    scenario: str
    split: Split
    seed: int
    first_speaker: Speaker
    agent_voice: str
    user_voice: str
    instance: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
