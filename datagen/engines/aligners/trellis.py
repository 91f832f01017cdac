"""The best way of known symbols through a CTC model's frames: Viterbi over the trellis, many texts at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]
"""Log probabilities of a text's frames, [n_frames, n_symbols]."""
_NEVER = np.float32(-1e30)


@dataclass(frozen=True, slots=True)
class Path:
    """Where each symbol of a text is: its first frame, the frame after its last, and its mean log probability there; [n_symbols]."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    scores: NDArray[np.float32]


def least_frames(symbols: Sequence[int]) -> int:
    """The fewest frames that can hold the symbols: one each, and a blank between two that are the same."""
    return len(symbols) + sum(a == b for a, b in pairwise(symbols))


def best_paths(texts: Sequence[tuple[Frames, Sequence[int]]], blank: int) -> list[Path | None]:
    """The likeliest path of each text's symbols through its frames; None where it has no symbol or too few frames for them."""
    found: list[Path | None] = [None] * len(texts)
    fit = [i for i, (frames, symbols) in enumerate(texts) if symbols and len(frames) >= least_frames(symbols)]
    if fit:
        for i, path in zip(fit, _viterbi([texts[i] for i in fit], blank), strict=True):
            found[i] = path
    return found


def _viterbi(texts: Sequence[tuple[Frames, Sequence[int]]], blank: int) -> list[Path]:
    """States are blank, first symbol, blank, second symbol … blank; a frame stays, steps, or skips a blank between two that differ."""
    n_states = 2 * max(len(symbols) for _, symbols in texts) + 1
    n_frames = max(len(frames) for frames, _ in texts)
    states = np.full((len(texts), n_states), blank)
    emitted = np.full((n_frames, len(texts), n_states), _NEVER, dtype=np.float32)
    skips = np.zeros((len(texts), n_states), dtype=bool)
    for i, (frames, symbols) in enumerate(texts):
        states[i, 1 : 2 * len(symbols) : 2] = symbols
        skips[i, 3::2] = states[i, 3::2] != states[i, 1:-2:2]
        n = 2 * len(symbols) + 1
        emitted[: len(frames), i, :n] = frames[:, states[i, :n]]
        skips[i, n:] = False
    best = np.full((len(texts), n_states), _NEVER, dtype=np.float32)
    best[:, :2] = emitted[0, :, :2]
    steps = np.zeros((n_frames, len(texts), n_states), dtype=np.int8)
    at_end = np.zeros((len(texts), n_states), dtype=np.float32)
    lengths = np.array([len(frames) for frames, _ in texts])
    at_end[lengths == 1] = best[lengths == 1]
    moves = np.full((3, len(texts), n_states), _NEVER, dtype=np.float32)
    for t in range(1, n_frames):
        moves[0] = best
        moves[1, :, 1:] = best[:, :-1]
        moves[2, :, 2:] = np.where(skips[:, 2:], best[:, :-2], _NEVER)
        steps[t] = moves.argmax(axis=0)
        best = np.maximum(moves.max(axis=0) + emitted[t], _NEVER)
        at_end[lengths == t + 1] = best[lengths == t + 1]
    return [_traced(at_end[i], steps[:, i], frames, symbols) for i, (frames, symbols) in enumerate(texts)]


def _traced(at_end: Frames, steps: NDArray[np.int8], frames: Frames, symbols: Sequence[int]) -> Path:
    last = 2 * len(symbols)
    state = last if at_end[last] >= at_end[last - 1] else last - 1
    taken = np.empty(len(frames), dtype=np.int64)
    for t in range(len(frames) - 1, -1, -1):
        taken[t] = state
        state -= int(steps[t, state]) if t else 0
    places = np.arange(1, 2 * len(symbols), 2)
    starts = np.searchsorted(taken, places)
    ends = np.searchsorted(taken, places, side="right")
    scores = [frames[a:b, s].mean() for a, b, s in zip(starts, ends, symbols, strict=True)]
    return Path(starts, ends, np.array(scores, dtype=np.float32))
