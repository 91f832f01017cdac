"""What a training step takes of one dialogue: the columns, their loss weights, and what was left out on the way."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datagen.records.speech import FRAME_RATE_HZ

Columns = NDArray[np.int64]
"""Undelayed tokens, int64 [n_rows, n_columns]: text, the agent's books, the user's books."""
Weights = NDArray[np.float32]
"""Weight of the loss of each token, float32 [n_rows, n_columns]; 0 is none."""


@dataclass(frozen=True, slots=True)
class TextCounts:
    """How a text row came to be: words and tokens laid, tokens dropped, tokens shifted, and the furthest shift in frames.

    `words` are all that were to be laid; `dropped_words` of them lost all of their tokens. `off_end` counts tokens that the
    dialogue's end left no room for (they are among `dropped`).
    """

    words: int = 0
    tokens: int = 0
    dropped: int = 0
    dropped_words: int = 0
    shifted: int = 0
    max_shift_frames: int = 0
    off_end: int = 0

    def __add__(self, other: "TextCounts") -> "TextCounts":
        return TextCounts(
            self.words + other.words,
            self.tokens + other.tokens,
            self.dropped + other.dropped,
            self.dropped_words + other.dropped_words,
            self.shifted + other.shifted,
            max(self.max_shift_frames, other.max_shift_frames),
            self.off_end + other.off_end,
        )

    def __str__(self) -> str:
        """One line for a person: what was laid, what was shifted and by how much at most, what was dropped and why."""
        made = self.tokens + self.dropped
        if not made:
            return f"text: {self.words} words, no tokens"
        furthest = f", by at most {self.max_shift_frames} frames ({self.max_shift_frames / FRAME_RATE_HZ:.2f} s)"
        lost = f" ({self.dropped_words} words whole, {self.off_end} tokens off the end)"
        return (
            f"text: {self.words} words, {self.tokens} of {made} tokens laid; "
            f"{_share(self.shifted, made)} shifted{furthest * bool(self.shifted)}; "
            f"{_share(self.dropped, made)} dropped{lost * bool(self.dropped)}"
        )


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if part else "none"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One training sequence: `codes` and `weights` [n_rows, n_columns], of which the first `n_prefix` are the prompt.

    Codes are undelayed (`delays.apply` shifts them as the model does). It holds the frames `first_frame` to `last_frame`
    (exclusive) of the dialogue's `n_frames`: all of them, unless it was longer than the model's columns. `is_swapped` says that
    the user's side is the one to learn.
    """

    dialog_id: str
    codes: Columns = field(repr=False)
    weights: Weights = field(repr=False)
    n_prefix: int
    text: TextCounts
    first_frame: int
    last_frame: int
    n_frames: int
    is_swapped: bool = False

    @property
    def n_columns(self) -> int:
        return int(self.codes.shape[1])

    @property
    def is_cut(self) -> bool:
        return self.last_frame - self.first_frame < self.n_frames
