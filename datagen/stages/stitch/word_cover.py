"""How much of the beginnings and ends of turns is words: what part of two overlapping turns is heard as overlap."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datagen.records.speech import SAMPLE_RATE_HZ

PER_S = 100
"""Steps a second."""
_STEPS = 5 * PER_S
_SIZE = SAMPLE_RATE_HZ // PER_S

Ints = NDArray[np.int64]


@dataclass(slots=True)
class Cover:
    """For each hundredth of a second from a turn's edge: how many turns reach it, and how many have a word there."""

    words: Ints = field(default_factory=lambda: np.zeros(_STEPS, np.int64))
    turns: Ints = field(default_factory=lambda: np.zeros(_STEPS, np.int64))

    def add(self, from_: Ints, to: Ints, lengths: Ints) -> None:
        """Words at these distances from their turns' edge, in samples, and the lengths of the turns."""
        self.words += np.cumsum(_counts(from_) - _counts(to))
        self.turns += len(lengths) - np.cumsum(_counts(lengths))

    def shares(self) -> NDArray[np.float64]:
        """The share of turns with a word at each step, of those that reach it; 0 where none does."""
        return np.divide(self.words, self.turns, out=np.zeros(_STEPS), where=self.turns > 0)


def common_s(tails: Cover, heads: Cover) -> NDArray[np.float64]:
    """Seconds in which both are heard saying words, by the overlap of their turns: 0, 0.01, 0.02 … s.

    In an overlap of k steps the step i of the later turn meets the step k - 1 - i from the end of the earlier.
    """
    earlier, later = tails.shares(), heads.shares()
    # Not np.convolve: BLAS adds in an order that depends on its threads.
    return np.array([np.sum(earlier[:k][::-1] * later[:k]) for k in range(_STEPS + 1)]) / PER_S


def _counts(at: Ints) -> Ints:
    """How many lie in each step; what lies beyond the last step is left out."""
    steps = np.clip((at + _SIZE // 2) // _SIZE, 0, _STEPS)
    return np.bincount(steps, minlength=_STEPS + 1)[:_STEPS].astype(np.int64)
