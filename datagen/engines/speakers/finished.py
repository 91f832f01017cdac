"""What synthesisers in process hand on: samples in steps of 16 bits, and words from spans of samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datagen.protocols import SpeakRequest
from datagen.records.speech import SAMPLE_RATE_HZ, Word


def to_pcm16(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32 in steps of 1/32768, as a 16-bit file holds them; what is over full scale is clipped there."""
    steps = np.clip(np.round(samples * 32768), -32768, 32767)
    return np.asarray(steps / 32768, dtype=np.float32)


def timed_words(
    request: SpeakRequest, spans: Sequence[tuple[int, int]], up: int, down: int, n_samples: int
) -> tuple[Word, ...]:
    """A Word a display word, from spans at `down / up` of 24 kHz, none past the end of `n_samples` samples at 24 kHz."""

    def seconds(sample: int) -> float:
        return min(round(sample * up / down), n_samples) / SAMPLE_RATE_HZ

    return tuple(
        Word(word, spoken, seconds(start), seconds(end))
        for word, spoken, (start, end) in zip(request.words, request.spoken, spans, strict=True)
    )
