"""Mimi through rustymimi: on the CPU, without torch."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs.mimi_weights import FETCH
from datagen.errors import EngineError
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, Audio

POSITIONS = 2
"""Of the transformer a frame: it works at 25 Hz."""
USUAL_FRAMES = 2_048
"""A model of the Moshi family sees no more columns. rustymimi makes room for 4096 (5.5 minutes) unless told; longer clips get theirs."""


class RustMimi:
    """Encodes and decodes one frame a step, a fresh tokenizer a clip; a backend of datagen.engines.codecs.mimi."""

    def __init__(self, path: Path, books: int) -> None:
        self._path, self._books = path, books

    @property
    def version(self) -> str:
        return f"rustymimi-{version('rustymimi')}"

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[Codes]:
        """Codes [books, n_frames] a clip of frames [n_frames, 1920]."""
        return [self._encode(frames) for frames in clips]

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono audio, 1920 samples a frame, of codes [books, n_frames]."""
        return [self._decode(one) for one in codes]

    def _encode(self, frames: NDArray[np.float32]) -> Codes:
        codes = np.empty((self._books, len(frames)), np.int16)
        tokenizer = self._fresh(len(frames))
        for index, frame in enumerate(frames):
            codes[:, index] = tokenizer.encode_step(frame[None, None])[0, :, 0]
        return codes

    def _decode(self, codes: Codes) -> Audio:
        audio = np.empty((codes.shape[1], FRAME_SAMPLES), np.float32)
        tokenizer = self._fresh(codes.shape[1])
        for index, frame in enumerate(np.ascontiguousarray(codes.T, np.uint32)):
            audio[index] = tokenizer.decode_step(frame[None, :, None])[0, 0]
        return audio.reshape(-1)

    def _fresh(self, frames: int) -> Any:
        """A Mimi that has heard nothing, with room for `frames`.

        A new one a clip, which takes 0.06 s: reset() of rustymimi 0.4.1 keeps the position in the transformer, whose
        table ends, and the last clip's end in the downsampling layer, which the next clip's first codes then bear.
        """
        import rustymimi

        positions = POSITIONS * max(frames, USUAL_FRAMES)
        try:
            return rustymimi.Tokenizer(str(self._path), num_codebooks=self._books, max_seq_len=positions)
        except ValueError as error:
            said = str(error).splitlines()[0]
            raise EngineError(
                f"codec.weights: rustymimi cannot use {self._path}: {said}. Fetch it with: {FETCH}"
            ) from None
