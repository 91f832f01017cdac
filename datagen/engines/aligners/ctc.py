"""Forced alignment by a CTC model: wav2vec 2.0 and its kin, batched, on a GPU or a processor."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from datagen.config import knob
from datagen.engines.aligners.ctc_model import FILES, CtcModel
from datagen.engines.aligners.edges import grown
from datagen.engines.aligners.trellis import Path as CtcPath
from datagen.engines.aligners.trellis import best_paths, least_frames
from datagen.engines.speech_models import (
    OfFiles,
    SpeechModelOptions,
    at_16_khz,
)
from datagen.protocols import AlignRequest, Failure
from datagen.records.speech import SAMPLE_RATE_HZ, Word
from datagen.text.wer import words_of

MODEL = "facebook/wav2vec2-base-960h"
REVISION = "22aad52d435eb6dbaf354bdad9b0da84ce7d6156"
VERSION = "1"
"""Raised when the same request and model give other times."""


class CtcOptions(SpeechModelOptions):
    """The knobs of the CTC aligner."""

    model: str = knob(
        MODEL,
        "folder of a CTC model (Wav2Vec2ForCTC, HubertForCTC …), or a hub's id",
        changes_output=False,  # the digest of the files is in the engine's revision
    )
    revision: str = knob(REVISION, "the hub's commit, 40 hex digits", changes_output=False)
    half: bool = knob(False, "half precision on a GPU; moves some edges by a frame")
    batch: int = knob(8, "texts at once", "texts", changes_output=False, ge=1, le=256)
    reach_s: float = knob(
        0.15, "by how much a word may grow beyond its letters' frames over sound that no word has", "s", ge=0, le=2
    )
    min_confidence: float = knob(
        0.0, "least probability of a word's letters, their geometric mean; a text with a lower word fails. 0: none does", "",
        ge=0, le=1,
    )  # fmt: skip


class CtcAligner(OfFiles):
    """Word times to the model's frame (20 ms), grown to where the sound ends. The model is loaded when first needed.

    Raises EngineError where the model's folder lacks a file or is of another kind, UserError where there is no such device.
    """

    kind: ClassVar[str] = "aligner"
    name: ClassVar[str] = "ctc"
    Options: ClassVar[type[CtcOptions]] = CtcOptions
    version: ClassVar[str] = VERSION
    files: ClassVar[tuple[str, ...]] = FILES
    default: ClassVar[tuple[str, str]] = (MODEL, "Apache-2.0")

    def __init__(self, options: CtcOptions) -> None:
        self.options: CtcOptions = options

    @cached_property
    def _model(self) -> CtcModel:
        return CtcModel(self._folder, self._device, self.options.half)

    def align(self, requests: Sequence[AlignRequest]) -> list[tuple[Word, ...] | Failure]:
        """A word a display word. Failures: `unsayable`, `too_short`, `unsure`."""
        if not requests:
            return []
        model = self._model
        texts = [[words_of(s) for s in r.spoken] for r in requests]
        symbols = [self._symbols(text) for text in texts]
        frames = model.log_probs([at_16_khz(r.audio) for r in requests], self.options.batch)
        paths: list[CtcPath | None] = []
        for at in range(0, len(requests), self.options.batch):
            end = at + self.options.batch
            paths += best_paths(list(zip(frames[at:end], symbols[at:end], strict=True)), model.blank)
        return [self._words(*given) for given in zip(requests, texts, symbols, paths, strict=True)]

    def _symbols(self, text: Sequence[Sequence[str]]) -> list[int]:
        """The letters of all words, with the model's separator between two where it has one."""
        between = [] if self._model.separator is None else [self._model.separator]
        found: list[int] = []
        for n, word in enumerate(w for part in text for w in part):
            found += (between if n else []) + self._model.symbols_of(word)
        return found

    def _words(
        self, request: AlignRequest, text: Sequence[Sequence[str]], symbols: Sequence[int], path: CtcPath | None
    ) -> tuple[Word, ...] | Failure:
        for word, spoken, part in zip(request.words, request.spoken, text, strict=True):
            if not part:
                return Failure("unsayable", f"{word!r} is said as {spoken!r}, which has no letters to align by.")
        if path is None:
            duration_s = len(request.audio) / SAMPLE_RATE_HZ
            return Failure(
                "too_short",
                f"{duration_s:.2f} s of audio for {len(request.words)} words: their letters need"
                f" {least_frames(symbols) * self._model.frame_s:.2f} s at least.",
            )
        sep = 0 if self._model.separator is None else 1
        spans, at = [], 0
        for word, part in zip(request.words, text, strict=True):
            n = sum(map(len, part)) + sep * (len(part) - 1)
            confidence = float(np.exp(path.scores[at : at + n].mean()))
            if confidence < self.options.min_confidence:
                limit = f"limit {self.options.min_confidence:g}, aligner.min_confidence"
                return Failure("unsure", f"{word!r} is found with a confidence of {confidence:.3f} ({limit}).")
            spans.append((path.starts[at] * self._model.frame_s, path.ends[at + n - 1] * self._model.frame_s))
            at += n + sep
        placed = grown(request.audio, spans, self.options.reach_s)
        return tuple(Word(w, s, a, b) for w, s, (a, b) in zip(request.words, request.spoken, placed, strict=True))
