"""Mimi through rustymimi: on the CPU, without torch."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs.mimi_weights import FETCH
from datagen.errors import EngineError
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, Audio

STEP_FRAMES = 8
"""Frames a step. Wide steps give what steps of one frame give, to float32's rounding in the last layer, at over twice their
speed; 8 frames are 16 rows of every matrix, and no width from 5 to 96 took less time."""
POSITIONS = 2
"""Of the transformer a frame: it works at 25 Hz."""
THREADS = "RAYON_NUM_THREADS"
"""What rustymimi itself obeys, and what a build sets to 1 in its worker processes."""

T = TypeVar("T")
R = TypeVar("R")


class RustMimi:
    """Encodes and decodes in steps of `STEP_FRAMES`, a fresh tokenizer a clip; a backend of datagen.engines.codecs.mimi.

    Clips run side by side in as many threads as `threads()` says: rustymimi holds no lock of Python's while it works. A
    clip is one thread's from its first step to its last, and every step has the same shape (zeros after the clip's end
    fill the last one, and what comes of them is cut off), so a frame's codes depend on nothing but the audio up to it.
    """

    def __init__(self, path: Path, books: int) -> None:
        self._path, self._books = path, books

    clips_at_once: ClassVar[int] = 1

    @property
    def version(self) -> str:
        """Library and width of a step: what a code depends on beside the weights."""
        return f"rustymimi-{version('rustymimi')}x{STEP_FRAMES}"

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[Codes]:
        """Codes [books, n_frames] a clip of frames [n_frames, 1920]."""
        return _side_by_side(self._encode, clips)

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono audio, 1920 samples a frame, of codes [books, n_frames]."""
        return _side_by_side(self._decode, codes)

    def _encode(self, frames: NDArray[np.float32]) -> Codes:
        heard = _whole_steps(frames, np.float32)
        codes = np.empty((self._books, len(heard)), np.int16)
        tokenizer = self._fresh(len(heard))
        for start in range(0, len(heard), STEP_FRAMES):
            step = heard[start : start + STEP_FRAMES]
            codes[:, start : start + STEP_FRAMES] = tokenizer.encode_step(step.reshape(1, 1, -1))[0]
        return np.ascontiguousarray(codes[:, : len(frames)])

    def _decode(self, codes: Codes) -> Audio:
        said = _whole_steps(codes.T, np.uint32)
        audio = np.empty((len(said), FRAME_SAMPLES), np.float32)
        tokenizer = self._fresh(len(said))
        for start in range(0, len(said), STEP_FRAMES):
            step = np.ascontiguousarray(said[start : start + STEP_FRAMES].T)[None]
            audio[start : start + STEP_FRAMES] = tokenizer.decode_step(step).reshape(-1, FRAME_SAMPLES)
        return audio[: codes.shape[1]].reshape(-1)

    def _fresh(self, frames: int) -> Any:
        """A Mimi that has heard nothing, with room for `frames` (unless told, rustymimi makes room for 5.5 minutes).

        A new one a clip, which takes 0.06 s: reset() of rustymimi 0.4.1 keeps the position in the transformer, whose
        table ends, and the last clip's end in the downsampling layer, which the next clip's first codes then bear.
        """
        import rustymimi

        room = POSITIONS * max(frames, STEP_FRAMES)
        try:
            return rustymimi.Tokenizer(str(self._path), num_codebooks=self._books, max_seq_len=room)
        except ValueError as error:
            said = str(error).splitlines()[0]
            raise EngineError(
                f"codec.weights: rustymimi cannot use {self._path}: {said}. Fetch it with: {FETCH}"
            ) from None


def threads() -> int:
    """How many clips are worked on at once: RAYON_NUM_THREADS where it is set, else the processors this process may use."""
    named = os.environ.get(THREADS, "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What `work` makes of each, in order; the first error ends it once what is under way is done."""
    workers = min(threads(), len(items))
    if workers <= 1:
        return [work(item) for item in items]
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mimi")
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)


def _whole_steps(frames: NDArray[Any], kind: Any) -> NDArray[Any]:
    """`frames` [n, width] with zeros after them, so that steps of `STEP_FRAMES` come out even."""
    steps = -(-len(frames) // STEP_FRAMES)
    whole = np.zeros((steps * STEP_FRAMES, frames.shape[1]), kind)
    whole[: len(frames)] = frames
    return whole
