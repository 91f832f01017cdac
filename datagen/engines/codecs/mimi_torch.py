"""Mimi through torch and transformers: batched, in wide steps that remember what one-frame steps remember, on a GPU or a CPU."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs import mimi_torch_model as library
from datagen.engines.codecs.mimi_weights import Weights
from datagen.errors import UserError
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, Audio

STEP_FRAMES = 25
"""A step is two seconds of each clip: on a CPU no width is faster, and a clip's last step is half empty on the average."""
BATCH = {"cpu": 1, "cuda": 32}
"""Clips a step where none are asked for. On a CPU more are no faster, and one alone is bit for bit the same in any company."""

Precision = Literal["fp32", "tf32", "bf16"]
Window = Literal["step", "whole", "rust"]


class TorchMimi:
    """Encodes and decodes in steps of `STEP_FRAMES`, `batch` clips at a time; a backend of datagen.engines.codecs.mimi.

    A place in the batch that a clip leaves is taken by the next one, whose past is empty: clips of any lengths cost what
    they are long, and none hears another. Zeros fill what is left of a last step, and come after all that counts.
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
        self.batch = batch or BATCH[self.device.partition(":")[0]]
        if precision == "tf32" and self.device == "cpu":
            raise UserError("codec.precision = tf32: a CPU has none. Take fp32, or bf16, or codec.device = cuda.")

    @property
    def version(self) -> str:
        """Packages, kind of device, precision and window: what a code depends on beside the weights."""
        return f"{library.versions()}+{self.device.partition(':')[0]}+{self._precision}+{self._window}"

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[Codes]:
        """Codes [books, n_frames] a clip of frames [n_frames, 1920]."""
        codes = [np.empty((self._books, len(clip)), np.int16) for clip in clips]
        steps = list(plan([len(clip) for clip in clips], self.batch, STEP_FRAMES))
        for step, made in zip(steps, self._runner.encode(self._heard(step, clips) for step in steps), strict=True):
            for place, index, start in step:
                rest = codes[index][:, start : start + STEP_FRAMES]
                rest[:] = made[place, :, : rest.shape[1]]
        return codes

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono audio, 1920 samples a frame, of codes [books, n_frames]."""
        return [self._runner.decode(one) for one in codes]

    def _heard(
        self, step: "Step", clips: Sequence[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        audio = np.zeros((self.batch, STEP_FRAMES, FRAME_SAMPLES), np.float32)
        fresh = np.ones(self.batch, np.bool_)
        for place, index, start in step:
            part = clips[index][start : start + STEP_FRAMES]
            audio[place, : len(part)] = part
            fresh[place] = start == 0
        return audio.reshape(self.batch, -1), fresh

    @cached_property
    def _runner(self) -> Any:
        from datagen.engines.codecs.mimi_torch_run import Runner

        return Runner(self._weights, self._books, self.device, self.batch, STEP_FRAMES, self._precision, self._window)


Step = list[tuple[int, int, int]]
"""Who is in a step: its place in the batch, the clip's index, the frame of the clip that the step begins with."""


def plan(lengths: Sequence[int], batch: int, width: int) -> Iterator[Step]:
    """The steps that hear every clip once, from its first frame on, the longest first, in `batch` places.

    A clip without frames is in no step.
    """
    waiting = sorted((i for i in range(len(lengths)) if lengths[i]), key=lambda i: (lengths[i], -i))
    places: dict[int, tuple[int, int]] = {}
    while True:
        for place in range(batch):
            if place not in places and waiting:
                places[place] = (waiting.pop(), 0)
        if not places:
            return
        yield [(place, index, start) for place, (index, start) in sorted(places.items())]
        places = {p: (index, start + width) for p, (index, start) in places.items() if start + width < lengths[index]}


def device_of(wanted: str) -> str:
    """`cpu`, `cuda` or `cuda:N`; a UserError where there is no such device. Loads torch only where a GPU is thought of."""
    if wanted == "cpu" or (wanted == "auto" and not has_cuda()):
        return "cpu"
    if not has_cuda():
        raise UserError(f"codec.device = {wanted}: torch finds no CUDA device here. Take codec.device = cpu.")
    import torch

    number = int(wanted.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise UserError(f"codec.device = {wanted}: there are {torch.cuda.device_count()} CUDA devices here.")
    return "cuda" if wanted == "auto" else wanted


def has_cuda() -> bool:
    """Whether torch is installed and finds a CUDA device; torch is not loaded where there is no driver."""
    if library.missing() or not _has_driver():
        return False
    import torch

    return bool(torch.cuda.is_available())


def _has_driver() -> bool:
    import ctypes
    import sys

    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
