"""Runs the steps of Mimi on a device: who is in which step, precision, threads, CUDA graphs, the numbers' ways there and back."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datagen.engines.codecs import mimi_torch_model as library
from datagen.engines.codecs.mimi_torch_steps import FRAME, Books, Decoder, Encoder, Window
from datagen.engines.codecs.mimi_weights import Weights
from datagen.errors import EngineError
from datagen.records.rendered import Codes
from datagen.records.speech import Audio

STEP_FRAMES = 25
"""A step is two seconds of each clip: no width from 5 to 50 was faster on a CPU, and a clip's last step is half empty on the average."""

_WARM_UP = 3
_alone = threading.Lock()
"""Held while clips are worked on: the number of torch's threads and its arithmetic are the whole process's."""

Frames = NDArray[np.float32]
"""A clip as [n_frames, 1920]."""
Step = list[tuple[int, int, int]]
"""Who is in a step: its place in the batch, the clip's index, the frame of the clip that the step begins with."""


class Runner:
    """The model on its device; encodes and decodes clips, `batch` at a time."""

    def __init__(
        self, weights: Weights, books: int, device: str, batch: int, precision: str, window: Window, width: int
    ) -> None:
        self._device, self._precision, self._window = torch.device(device), precision, window
        self._batch, self._width, self._n_books = batch, width, books
        self._type = torch.bfloat16 if precision == "bf16" else torch.float32
        model = library.load(weights).to(self._device)
        try:
            self._books = Books(model, books)
            self._model = library.in_precision(model, self._type)
            self._lanes = [self._lane()]
            self._decoder()
        except AttributeError as error:
            raise EngineError(f"codec.backend = torch: {library.versions()} has another MimiModel ({error}).") from None

    def encode(self, clips: Sequence[Frames]) -> list[Codes]:
        """Codes [books, n_frames] a clip. On a CPU, clips run side by side in torch's threads, each of them in one."""
        codes = [np.zeros((self._n_books, len(clip)), np.int16) for clip in clips]
        ranked = sorted(range(len(clips)), key=lambda index: -len(clips[index]))
        with self._settings() as threads:
            n = min(threads, -(-len(clips) // self._batch))
            while len(self._lanes) < n:
                self._lanes.append(self._lane())
            dealt = [[(clips[i], codes[i]) for i in ranked[k::n]] for k in range(n)]
            if n == 1:
                self._lanes[0].encode(dealt[0])
            elif n > 1:
                with ThreadPoolExecutor(n) as pool:
                    list(pool.map(lambda lane, part: lane.encode(part), self._lanes, dealt))
        return codes

    def decode(self, codes: Codes) -> Audio:
        """Mono audio of codes [books, n_frames], from a fresh state, in steps of the same width."""
        if codes.shape[1] == 0:
            return np.zeros(0, np.float32)
        with self._settings(), torch.no_grad():
            latents = self._books.latents(torch.from_numpy(codes.astype(np.int64)).to(self._device)[None])
            audio = self._decoder()(latents.to(self._type), self._width)
            samples: Audio = audio[0].float().cpu().numpy()
        return samples

    def _lane(self) -> "Lane":
        encoder = Encoder(self._model, self._batch, self._window)
        return Lane(encoder, self._books, self._device, self._type, self._batch, self._width)

    def _decoder(self) -> Decoder:
        return Decoder(self._model, self._window)

    @contextlib.contextmanager
    def _settings(self) -> Iterator[int]:
        """How many lanes may run: on a GPU one; on a CPU torch's threads, each of which then computes alone.

        Two threads on one product sum in another order than one does, and codes are not to hang on that.
        """
        cuda: Any = torch.cuda
        with _alone:
            if self._device.type == "cuda":
                with cuda.device(self._device), arithmetic(self._precision):
                    yield 1
                return
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                yield threads
            finally:
                torch.set_num_threads(threads)


class Lane:
    """The state of `batch` clips, and the steps that they take."""

    def __init__(
        self, encoder: Encoder, books: Books, device: torch.device, kind: torch.dtype, batch: int, width: int
    ) -> None:
        self._encoder, self._books, self._device, self._type = encoder, books, device, kind
        self._batch, self._width = batch, width
        self._audio = torch.zeros(batch, width * FRAME, device=device)
        self._fresh = torch.ones(batch, dtype=torch.bool, device=device)
        self._graph: Any = None
        self._made: Tensor | None = None

    def encode(self, clips: Sequence[tuple[Frames, Codes]]) -> None:
        """Fills in the codes of each clip, as if it were alone and heard frame by frame.

        A place in the batch that a clip leaves is taken by the next one, whose past is empty. Zeros fill what is left of a
        clip's last step, and come after all that counts.
        """
        steps = list(plan([len(clip) for clip, _ in clips], self._batch, self._width))
        with torch.no_grad():
            made = [self._stepped(step, clips) for step in steps]
            # One transfer: until here nothing has waited for the device.
            found: Any = torch.stack(made).cpu().numpy() if made else []
        for step, codes in zip(steps, found, strict=True):
            for place, index, start in step:
                rest = clips[index][1][:, start : start + self._width]
                rest[:] = codes[place, :, : rest.shape[1]]

    def _stepped(self, step: Step, clips: Sequence[tuple[Frames, Codes]]) -> Tensor:
        audio = np.zeros((self._batch, self._width, FRAME), np.float32)
        fresh = np.ones(self._batch, np.bool_)
        for place, index, start in step:
            part = clips[index][0][start : start + self._width]
            audio[place, : len(part)] = part
            fresh[place] = start == 0
        self._put(self._audio, audio.reshape(self._batch, -1))
        if self._device.type == "cuda" and self._graph is None:
            self._capture()
        self._put(self._fresh, fresh)
        if self._graph is None:
            return self._step()
        assert self._made is not None
        self._graph.replay()
        return self._made.clone()

    def _step(self) -> Tensor:
        return self._books(self._encoder(self._audio.to(self._type), self._fresh))

    def _capture(self) -> None:
        """The step as a CUDA graph: one launch instead of several hundred. What this leaves behind no clip hears."""
        cuda: Any = torch.cuda
        aside = cuda.Stream(self._device)
        aside.wait_stream(cuda.current_stream(self._device))
        with cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._step()
        cuda.current_stream(self._device).wait_stream(aside)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            self._made = self._step()
        self._graph = graph

    def _put(self, place: Tensor, value: NDArray[Any]) -> None:
        """`value` in its place on the device; to a GPU from pinned memory, which nothing waits for."""
        given = torch.from_numpy(value)
        place.copy_(given.pin_memory() if self._device.type == "cuda" else given, non_blocking=True)


def plan(lengths: Sequence[int], batch: int, width: int) -> Iterator[Step]:
    """The steps that hear every clip once, from its first frame on, in the order given, in `batch` places.

    A clip without frames is in no step.
    """
    waiting = [index for index, length in enumerate(lengths) if length][::-1]
    places: dict[int, tuple[int, int]] = {}
    while True:
        for place in range(batch):
            if place not in places and waiting:
                places[place] = (waiting.pop(), 0)
        if not places:
            return
        yield [(place, index, start) for place, (index, start) in sorted(places.items())]
        places = {p: (index, start + width) for p, (index, start) in places.items() if start + width < lengths[index]}


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
