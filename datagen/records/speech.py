"""What the speak and align stages hand on: audio a turn, with the times of its words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datagen.records.enums import ClipKind, Heard
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
class Scores:
    """What was measured of one spoken text by the gates on it; None for what was not measured (no such engine, or not sampled).

    `wer` is the ASR's word error rate against the text, `similarity` the speaker's to the voice's reference as the embedder
    scales it, `mos` a predicted mean opinion score, 1 to 5. `head_s` and `tail_s` are sound before the first and after the last
    word before trimming, `inner_silence_s` the longest silence inside, `stray_s` the most sound between two words that is in
    neither, `edge_s_per_letter` the time of the first or last word a letter, the less of both, `noise_s` the longest noise as loud
    as speech.
    """

    wer: float | None = None
    words_per_s: float | None = None
    head_s: float | None = None
    tail_s: float | None = None
    inner_silence_s: float | None = None
    stray_s: float | None = None
    edge_s_per_letter: float | None = None
    clipped_share: float | None = None
    level_db: float | None = None
    bandwidth_hz: float | None = None
    noise_s: float | None = None
    similarity: float | None = None
    mos: float | None = None


@dataclass(frozen=True, slots=True)
class Speech:
    """One spoken text: mono audio at 24 kHz and its words, with times from the start of this audio.

    `seed` is the one that the engine was given; `attempt` counts from 0. `watermarked` says whether the engine put its watermark in.
    """

    audio: Audio = field(repr=False)
    words: tuple[Word, ...]
    engine: str
    seed: int
    attempt: int = 0
    scores: Scores = Scores()
    watermarked: bool = False

    @property
    def duration_s(self) -> float:
        return len(self.audio) / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Aside:
    """What a mark says beside the turns, spoken: see `MarkType.speaker` for the voice."""

    mark: Mark
    speech: Speech


@dataclass(frozen=True, slots=True)
class Clip:
    """A short utterance of a voice's bank, which stitch and scene may use at any place."""

    kind: ClipKind
    text: str
    speech: Speech


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn with its audio, and what else is said at its marks."""

    turn: Turn
    speech: Speech
    asides: tuple[Aside, ...] = ()


@dataclass(frozen=True, slots=True)
class SpokenDialog:
    """Every turn of a dialogue, spoken and aligned, in the order of the transcript."""

    dialog_id: str
    turns: tuple[SpokenTurn, ...]


Clips = Callable[[str, ClipKind], Sequence[Clip]]
"""The clips of one kind in a voice, by the voice's id; () where the recipe's speaker could make none. Called only where
something is to be said, so that no voice speaks clips that nobody hears."""
