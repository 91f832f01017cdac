"""Mimi through torch and transformers: batched, in wide steps that remember what one-frame steps remember, on a GPU or a CPU."""

import ctypes
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs import mimi_torch_model as library
from datagen.engines.codecs.mimi_weights import Weights
from datagen.errors import UserError
from datagen.records.rendered import Codes
from datagen.records.speech import Audio

BATCH = {"cpu": 1, "cuda": 16}
"""Clips a step where no number is asked for: on a CPU more are no faster."""
_BATCHES_AT_ONCE = 4

Precision = Literal["fp32", "tf32", "bf16"]
Window = Literal["step", "whole", "rust"]
"""What attention reaches: see datagen.engines.codecs.mimi_torch_steps.reach."""


class TorchMimi:
    """Encodes and decodes two seconds a step, `batch` clips at once; a backend of datagen.engines.codecs.mimi.

    Raises EngineError where torch or transformers lacks or is too old, UserError where the device is not there or cannot do
    the precision. The model is loaded with the first clip.
    """

    def __init__(
        self,
        weights: Weights,
        books: int,
        device: str = "auto",
        batch: int = 0,
        precision: Precision = "fp32",
        window: Window = "step",
    ) -> None:
        library.check()
        self._weights, self._books, self._precision, self._window = weights, books, precision, window
        self.device = device_of(device)
        self.batch = batch or BATCH[self._kind]
        if precision == "tf32" and self._kind == "cpu":
            raise UserError("codec.precision = tf32: a CPU has none. Take fp32 or bf16, or codec.device = cuda.")

    @property
    def clips_at_once(self) -> int:
        """Several batches: the places that stay empty in the last steps, when no clip is left to take them, are then few of many."""
        return self.batch * _BATCHES_AT_ONCE

    @property
    def version(self) -> str:
        """Packages, kind of device, precision and window: what a code depends on beside the weights."""
        return f"{library.versions()}+{self._kind}+{self._precision}+{self._window}"

    @property
    def deterministic(self) -> bool:
        """Whether a clip's codes are the same bit for bit in any company: on a CPU they are; on a GPU nobody has measured it."""
        return self._kind == "cpu"

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[Codes]:
        """Codes [books, n_frames] a clip of frames [n_frames, 1920]."""
        codes: list[Codes] = self._runner.encode(clips)
        return codes

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono audio, 1920 samples a frame, of codes [books, n_frames]."""
        return [self._runner.decode(one) for one in codes]

    @property
    def _kind(self) -> str:
        return self.device.partition(":")[0]

    @cached_property
    def _runner(self) -> Any:
        from datagen.engines.codecs.mimi_torch_run import STEP_FRAMES, Runner

        return Runner(
            self._weights, self._books, self.device, self.batch, self._precision, self._window, width=STEP_FRAMES
        )


def device_of(wanted: str) -> str:
    """`cpu`, `cuda` or `cuda:N`; a UserError where there is no such device. Loads torch only where there may be a GPU."""
    if wanted == "cpu" or (wanted == "auto" and not has_cuda()):
        return "cpu"
    if not has_cuda():
        raise UserError(f"codec.device = {wanted}: torch finds no CUDA device here. Take codec.device = cpu.")
    import torch

    if int(wanted.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise UserError(f"codec.device = {wanted}: torch finds {torch.cuda.device_count()} CUDA devices here.")
    return "cuda" if wanted == "auto" else wanted


def has_cuda() -> bool:
    """Whether torch is installed and finds a CUDA device; torch is not loaded where there is no driver."""
    if library.missing() or not _has_driver():
        return False
    import torch

    return bool(torch.cuda.is_available())


def _has_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
