"""What the speak and align stages hand on: audio a turn, with the times of its words."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datagen.records.enums import Heard
from datagen.records.transcript import Mark, Turn

Audio = NDArray[np.float32]
"""Mono float32 samples in -1…1 at 24 kHz, shape [n_samples]; or stereo [2, n_samples], agent first."""

SAMPLE_RATE_HZ = 24_000
FRAME_SAMPLES = 1_920
FRAME_RATE_HZ = 12.5


def n_frames(n_samples: int) -> int:
    """How many 80 ms frames hold `n_samples` samples at 24 kHz: the last, partial one counts."""
    return -(-n_samples // FRAME_SAMPLES)


@dataclass(frozen=True, slots=True)
class Word:
    """A display word (`$12.50`), how it is spoken (`twelve dollars and fifty cents`), and when, in seconds."""

    word: str
    spoken: str
    start_s: float
    end_s: float
    heard: Heard = Heard.YES


@dataclass(frozen=True, slots=True)
class Speech:
    """One spoken text: mono audio at 24 kHz and its words, with times from the start of this audio.

    `seed` is the one that the engine was given; `attempt` counts from 0.
    """

    audio: Audio = field(repr=False)
    words: tuple[Word, ...]
    engine: str
    seed: int
    attempt: int = 0

    @property
    def duration_s(self) -> float:
        return len(self.audio) / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Backchannel:
    """A backchannel's audio, in the voice of the speaker who listens while the marked turn goes on."""

    mark: Mark
    speech: Speech


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn with its audio, and the backchannels that fall into it."""

    turn: Turn
    speech: Speech
    backchannels: tuple[Backchannel, ...] = ()


@dataclass(frozen=True, slots=True)
class SpokenDialog:
    """Every turn of a dialogue, spoken and aligned, in the order of the transcript."""

    dialog_id: str
    turns: tuple[SpokenTurn, ...]
