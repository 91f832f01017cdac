"""Steps of the batch, as CUDA graphs on a GPU: hundreds of small kernels become one launch.

A graph is kept for each size of batch and of window. Sizes are rounded up, so that there are few of them and a step costs
little more than what is in use.
"""

from collections.abc import Callable
from typing import Any

import torch

Work = Callable[[], None]
WINDOW_POSITIONS = 64
"""Windows of attention are multiples of this."""


class Steps:
    """Runs `advance(rows, window)`: at once, or with `capture` recorded on its second use and replayed from then on."""

    def __init__(self, advance: Callable[[int, int], None], rows: int, capture: Callable[[Work], Work] | None) -> None:
        self._advance = advance
        self._rows = rows
        self._capture = capture
        self._warm: set[tuple[int, int]] = set()
        self._recorded: dict[tuple[int, int], Work] = {}

    def __call__(self, rows: int, window: int) -> None:
        """One step of the first `rows` slots, or of a few more that have ended."""
        if self._capture is None:
            self._advance(rows, window)
            return
        size = (bucket(rows, self._rows), window)
        if size not in self._warm:  # a graph needs its kernels loaded: the first use is a step like any other
            self._advance(*size)
            self._warm.add(size)
            return
        if size not in self._recorded:  # recording runs nothing, so the step is still to be made
            self._recorded[size] = self._capture(lambda: self._advance(*size))
        self._recorded[size]()


def bucket(rows: int, most: int) -> int:
    """The next of 1, 2, 4, 8, 16, 24, 32, 40, …: at most 7 rows too many; never above `most`."""
    rounded = 1 << (rows - 1).bit_length() if rows <= 8 else -(-rows // 8) * 8
    return min(rounded, most)


def window(positions: int, most: int) -> int:
    """`positions` rounded up to a multiple of WINDOW_POSITIONS, never above `most`."""
    return min(-(-positions // WINDOW_POSITIONS) * WINDOW_POSITIONS, most)


def cuda_capture(device: torch.device) -> Callable[[Work], Work]:
    """A recorder of CUDA graphs that share one pool of memory. Each is of `device`, whichever the current one is."""
    pool: Any = torch.cuda.graph_pool_handle()

    def capture(work: Work) -> Work:
        on_device: Any = torch.cuda.device(device)
        with on_device:  # else a stream of GPU 0 is recorded, where nothing happens
            torch.cuda.synchronize()
            graph: Any = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                work()
        replay: Work = graph.replay
        return replay

    return capture
