"""Runs the steps of Mimi on a device: precision, CUDA graphs, and the ways of the numbers there and back."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datagen.engines.codecs import mimi_torch_model as library
from datagen.engines.codecs.mimi_torch_steps import FRAME, Books, Decoder, Encoder, Window
from datagen.engines.codecs.mimi_weights import Weights
from datagen.records.rendered import Codes
from datagen.records.speech import Audio

_WARM_UP = 3


class Runner:
    """The model on its device, with the state of `batch` clips in steps of `width` frames."""

    def __init__(
        self, weights: Weights, books: int, device: str, batch: int, width: int, precision: str, window: Window
    ) -> None:
        self._device, self._precision, self._width, self._window = torch.device(device), precision, width, window
        model = library.load(weights).to(self._device)
        self._books = Books(model, books)
        if precision == "bf16":
            model = model.to(torch.bfloat16)
        self._model, self._type = model, torch.bfloat16 if precision == "bf16" else torch.float32
        self._encoder = Encoder(model, batch, window)
        self._audio = torch.zeros(batch, width * FRAME, device=self._device)
        self._fresh = torch.ones(batch, dtype=torch.bool, device=self._device)
        self._graph: Any = None
        self._codes: Tensor | None = None

    def encode(self, steps: Iterable[tuple[NDArray[np.float32], NDArray[np.bool_]]]) -> Iterator[NDArray[np.int16]]:
        """Codes [batch, books, width] a step of audio [batch, width * 1920] and of what begins in it, bool [batch]."""
        with torch.no_grad(), arithmetic(self._precision):
            made = [self._stepped(audio, fresh) for audio, fresh in steps]
        if not made:
            return iter(())
        return iter(torch.stack(made).cpu().numpy())  # one transfer: until here nothing has waited for the device

    def _stepped(self, audio: NDArray[np.float32], fresh: NDArray[np.bool_]) -> Tensor:
        self._put(self._audio, torch.from_numpy(audio))
        self._put(self._fresh, torch.from_numpy(fresh))
        if self._device.type != "cuda":
            return self._step()
        if self._graph is None:
            self._capture()
            self._put(self._fresh, torch.from_numpy(fresh))
        assert self._codes is not None
        self._graph.replay()
        return self._codes.clone()

    def _step(self) -> Tensor:
        return self._books(self._encoder(self._audio.to(self._type), self._fresh))

    def _capture(self) -> None:
        """The step as a CUDA graph: one launch instead of several hundred. What the warm-up leaves behind no clip hears."""
        cuda: Any = torch.cuda
        aside = cuda.Stream(self._device)
        aside.wait_stream(cuda.current_stream(self._device))
        with cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._step()
        cuda.current_stream(self._device).wait_stream(aside)
        graph = cuda.CUDAGraph()
        self._fresh.fill_(True)
        with cuda.graph(graph):
            self._codes = self._step()
        self._graph = graph

    def _put(self, place: Tensor, value: Tensor) -> None:
        """`value` in its place on the device; to a GPU from pinned memory, which nothing waits for."""
        place.copy_(value.pin_memory() if self._device.type == "cuda" else value, non_blocking=True)

    def decode(self, codes: Codes) -> Audio:
        """Mono audio of codes [books, n_frames], from a fresh state, in steps of the same width."""
        if codes.shape[1] == 0:
            return np.zeros(0, np.float32)
        with torch.no_grad(), arithmetic(self._precision):
            latents = self._books.latents(torch.from_numpy(codes.astype(np.int64)).to(self._device)[None])
            audio = Decoder(self._model, self._window)(latents.to(self._type), self._width)
        samples: Audio = audio[0].float().cpu().numpy()
        return samples


@contextlib.contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """Single precision without TF32 unless it is asked for, and no algorithm that a clock chose; as it was afterwards.

    torch takes TF32 for convolutions on its own, and that changes codes.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    wish = precision == "tf32"
    try:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = wish, wish, False, True
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before
