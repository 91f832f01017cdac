"""Word times by Whisper: where its attention is as it is made to write the known text."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen.config import knob
from datagen.engines.aligners.edges import trimmed
from datagen.engines.speech_models import (
    OfFiles,
    SpeechModelOptions,
    at_16_khz,
)
from datagen.engines.whisper_model import FILES, FRAME_S, LICENCE, MODEL, MOST_S, REVISION, WhisperModel
from datagen.protocols import AlignRequest, Failure
from datagen.records.speech import SAMPLE_RATE_HZ, Word
from datagen.text.wer import words_of

VERSION = "1"
"""Raised when the same request and model give other times."""


class WhisperOptions(SpeechModelOptions):
    """The knobs of the Whisper aligner."""

    model: str = knob(
        MODEL,
        "folder of a Whisper model, or a hub's id",
        changes_output=False,  # the digest of the files is in the engine's revision
    )
    revision: str = knob(REVISION, "the hub's commit, 40 hex digits", changes_output=False)
    half: bool = knob(False, "half precision on a GPU; moves some edges by a frame")


class WhisperAligner(OfFiles):
    """Word times to 20 ms from cross-attention, brought to where the sound begins and ends; text by text.

    Raises EngineError where the model's folder lacks a file or is of another kind, UserError where there is no such device.
    """

    kind: ClassVar[str] = "aligner"
    name: ClassVar[str] = "whisper"
    Options: ClassVar[type[WhisperOptions]] = WhisperOptions
    version: ClassVar[str] = VERSION
    files: ClassVar[tuple[str, ...]] = FILES
    default: ClassVar[tuple[str, str]] = (MODEL, LICENCE)

    def __init__(self, options: WhisperOptions) -> None:
        self.options: WhisperOptions = options

    @cached_property
    def _model(self) -> WhisperModel:
        return WhisperModel(self._folder, self._device, self.options.half, self.kind)

    def align(self, requests: Sequence[AlignRequest]) -> list[tuple[Word, ...] | Failure]:
        """A word a display word. Failures: `unsayable`, `too_short`, `too_long`."""
        return [self._aligned(r) for r in requests]

    def _aligned(self, request: AlignRequest) -> tuple[Word, ...] | Failure:
        said = [" ".join(words_of(s)) for s in request.spoken]
        for word, spoken, text in zip(request.words, request.spoken, said, strict=True):
            if not text:
                return Failure("unsayable", f"{word!r} is said as {spoken!r}, which has no letters to align by.")
        duration_s = len(request.audio) / SAMPLE_RATE_HZ
        tokens = [self._model.tokens_of(f" {text}") for text in said]
        n_tokens = sum(map(len, tokens))
        if duration_s > MOST_S or n_tokens > self._model.most_tokens:
            return Failure(
                "too_long",
                f"{duration_s:.1f} s and {n_tokens} tokens; Whisper takes {MOST_S:g} s and {self._model.most_tokens}.",
            )
        if round(duration_s / FRAME_S) <= n_tokens:
            return Failure("too_short", f"{duration_s:.2f} s of audio for the {n_tokens} tokens of {len(said)} words.")
        weights = self._model.attention(at_16_khz(request.audio), [t for word in tokens for t in word])
        starts = monotonic(weights)
        firsts = np.cumsum([0, *map(len, tokens)])
        spans = [(starts[a] * FRAME_S, min(starts[b] * FRAME_S, duration_s)) for a, b in pairwise(firsts)]
        placed = trimmed(request.audio, spans)
        return tuple(Word(w, s, a, b) for w, s, (a, b) in zip(request.words, request.spoken, placed, strict=True))


def monotonic(weights: NDArray[np.float32]) -> NDArray[np.int64]:
    """The first frame of each row on the way through [n_rows, n_frames] that has the most weight: each frame is one row's, in order, and
    each row has one at least. A ValueError where there are fewer frames than rows."""
    n_rows, n_frames = weights.shape
    if n_frames < n_rows:
        raise ValueError(f"{n_frames} frames for {n_rows} rows: one each is needed.")
    best = np.full(n_rows, -np.inf)
    best[0] = weights[0, 0]
    entered = np.zeros((n_frames, n_rows), dtype=bool)
    for t in range(1, n_frames):
        before = np.concatenate([[-np.inf], best[:-1]])
        entered[t] = before > best
        best = np.maximum(before, best) + weights[:, t]
    starts = np.zeros(n_rows, dtype=np.int64)
    row = n_rows - 1
    for t in range(n_frames - 1, 0, -1):
        if row and entered[t, row]:
            starts[row] = t
            row -= 1
    return starts
