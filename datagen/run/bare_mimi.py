"""Bare rustymimi, as one would write it without this project: what the codec bench measures against."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from datagen.engines.codecs.mimi_rust import threads
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, Audio


class BareMimi:
    """A loop over the clips in as many threads as the engine takes, a new tokenizer a clip: `width` frames a step, or None for
    the whole clip in one call."""

    def __init__(self, weights: Path, books: int, width: int | None) -> None:
        self._weights, self._books, self._width = weights, books, width

    def start(self) -> Callable[[Sequence[Audio]], list[Codes]]:
        """What encodes; there is nothing to load before the first clip."""
        return self.encode

    def encode(self, clips: Sequence[Audio]) -> list[Codes]:
        """Codes int16 [books, n_frames] a mono clip, its last frame filled up with zeros."""
        with ThreadPoolExecutor(threads()) as pool:
            return list(pool.map(self._encode, clips))

    def _encode(self, clip: Audio) -> Codes:
        import rustymimi

        heard = np.pad(clip, (0, -len(clip) % FRAME_SAMPLES))[None, None]
        tokenizer = rustymimi.Tokenizer(str(self._weights), num_codebooks=self._books)
        if self._width is None:
            return np.asarray(tokenizer.encode(heard)[0], np.int16)
        samples = self._width * FRAME_SAMPLES
        steps = [tokenizer.encode_step(heard[..., at : at + samples])[0] for at in range(0, heard.shape[-1], samples)]
        return np.concatenate(steps, axis=1).astype(np.int16)
