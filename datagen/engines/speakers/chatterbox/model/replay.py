"""The flow's step on a GPU as one launch: its thousand small kernels recorded once for each size of batch, and replayed.

Sizes are rounded up, so that there are few of them; what is rounded up counts as tails.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from datagen.engines.speakers.chatterbox.model.estimator import Estimator
from datagen.engines.speakers.chatterbox.model.masks import Tails
from datagen.engines.speakers.chatterbox.model.steps import Work, bucket

#: A multiple of 8 keeps the mask's rows aligned for the fused attention; 64 frames are 1.3 s.
WINDOW_FRAMES = 64
#: Above this many positions (rows x frames) kernels are long enough to hide their launch, and a recording would hold much memory.
MOST_POSITIONS = 65_536


@dataclass(slots=True)
class _Recorded:
    """Memory that a recording reads and writes, and how often it was used."""

    x: torch.Tensor
    led_by: torch.Tensor
    time: torch.Tensor
    bias: torch.Tensor
    velocity: torch.Tensor | None = None
    replay: Work | None = None


class Replayed:
    """Estimator.velocity by replay: `capture` records what a function does on its second use for a size."""

    def __init__(self, velocity: Estimator, capture: Callable[[Work], Work]) -> None:
        self._velocity, self._capture = velocity, capture
        self._recorded: dict[tuple[int, int], _Recorded] = {}

    def __call__(self, x: torch.Tensor, led_by: torch.Tensor, time: torch.Tensor, tails: Tails) -> torch.Tensor:
        """As Estimator's; the tensor that comes back is overwritten by the next call."""
        rows, _, frames = x.shape
        size = (bucket(rows, max(rows, 1 << 16)), -(-frames // WINDOW_FRAMES) * WINDOW_FRAMES)
        if size[0] * size[1] > MOST_POSITIONS:
            return self._velocity(x, led_by, time, tails)
        held = self._recorded.get(size)
        if held is None:
            held = self._recorded[size] = self._room(size, time)
        for room, given in ((held.x, x), (held.led_by, led_by)):
            room.zero_()  # what an earlier batch left could be NaN, and a masked NaN still spreads
            room[:rows, :, :frames] = given
        held.time.copy_(time)
        # Rows that are not there see all their frames, which are 0: a row that sees nothing would be NaN.
        held.bias.zero_()
        held.bias[:rows, 0, 0].masked_fill_(~tails.own_up_to(size[1]), float("-inf"))
        if held.velocity is None:  # a recording needs its kernels loaded: the first use is a step like any other
            held.velocity = self._velocity.at(held.x, held.led_by, held.time, held.bias)
        else:
            if held.replay is None:
                held.replay = self._capture(lambda: self._once(held))
            held.replay()
        return held.velocity[:rows, :, :frames]

    def _once(self, held: _Recorded) -> None:
        held.velocity = self._velocity.at(held.x, held.led_by, held.time, held.bias)

    def release(self) -> None:
        """Gives all recordings and their memory back."""
        self._recorded.clear()

    def _room(self, size: tuple[int, int], time: torch.Tensor) -> _Recorded:
        rows, frames = size

        def zeros(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, dtype=self._velocity.dtype, device=time.device)

        return _Recorded(
            zeros(rows, 80, frames), zeros(rows, 240, frames), torch.zeros_like(time), zeros(rows, 1, 1, frames)
        )
