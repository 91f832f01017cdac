"""In which order dialogues come: a pure function of seed and epoch, and who of ranks and workers takes which.

Shuffling keeps near what lies near, since the rows of a row group are read at once: the row groups are put into a random
order, the rows of every `WINDOW` of them are shuffled together, and what results is cut into `lanes` of equal length, from which
batches are dealt in turn. So a worker that takes every n-th batch meets n times fewer row groups (as long as ranks x workers
divides `lanes`), and memory holds a window a lane. The order does not depend on the number of ranks and workers: whoever
takes the k-th batch takes the same dialogues.
"""

from dataclasses import dataclass, field
from functools import cached_property
from math import gcd
from numbers import Integral
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.errors import UserError
from datagen.store.ids import rng

Uneven: TypeAlias = Literal["keep", "drop", "pad"]
UNEVEN: tuple[Uneven, ...] = ("keep", "drop", "pad")
LANES = 16
WINDOW = 4
"""Row groups that are shuffled together: 256 dialogues, of which a batch is a sample. LANES windows are under way at once."""
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """The order of `sum(sizes)` rows that are read in chunks of `sizes` rows. `seed` None keeps them as they lie.

    `batch_size` dialogues in a row come of one lane, that is of one window.
    """

    sizes: tuple[int, ...] = field(repr=False)
    seed: int | None
    batch_size: int = 1
    lanes: int = LANES
    _epochs: dict[int, "_Epoch"] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least_one(batch_size=self.batch_size, lanes=self.lanes)

    @cached_property
    def n(self) -> int:
        return sum(self.sizes)

    @cached_property
    def n_lanes(self) -> int:
        """How many lanes there are: no more than windows, and 1 without a seed."""
        return 1 if self.seed is None else max(1, min(self.lanes, len(self.sizes) // WINDOW))

    def chunks_at_once(self, takers: int = 1) -> int:
        """How many chunks one of `takers` (ranks x workers) has to keep so that it reads each once in a lane: a window a lane.

        Two windows more, since the last used first go: the lanes come to new windows at different times.
        """
        return 2 if self.seed is None else (self.n_lanes // gcd(self.n_lanes, takers) + 2) * WINDOW

    def index(self, epoch: int, position: int) -> int:
        """Which row (as they lie, from 0) comes at `position` of an epoch."""
        return position if self.seed is None else self._epoch(epoch).index(position)

    def indices(self, epoch: int) -> Indices:
        """The rows of a whole epoch in their order, int64 [n]."""
        return np.array([self.index(epoch, p) for p in range(self.n)], np.int64)

    def _epoch(self, epoch: int) -> "_Epoch":
        if epoch not in self._epochs:
            for old in [e for e in self._epochs if e < epoch - 1]:  # the next may begin before the last has ended
                del self._epochs[old]
            self._epochs[epoch] = _Epoch.of(self, epoch)
        return self._epochs[epoch]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_epochs": {}}


@dataclass(frozen=True)
class _Epoch:
    """One epoch of an order: the chunks as drawn, where each window of them begins in it, and where the lanes do."""

    order: Order
    epoch: int
    chunks: Indices
    begins: Indices
    first_row: Indices
    lane_begins: Indices
    _rows: dict[int, Indices] = field(default_factory=dict)

    @classmethod
    def of(cls, order: Order, epoch: int) -> "_Epoch":
        sizes = np.asarray(order.sizes, np.int64)
        chunks = rng(order.seed or 0, "load", "chunks", epoch).permutation(len(sizes))
        begins = np.concatenate([[0], np.cumsum(sizes[chunks])])[::WINDOW]
        first_row = np.concatenate([[0], np.cumsum(sizes)])
        return cls(order, epoch, chunks, begins, first_row, _lane_begins(order))

    def index(self, position: int) -> int:
        batch, offset = divmod(position, self.order.batch_size)
        turn, lane = divmod(batch, self.order.n_lanes)
        at = int(self.lane_begins[lane]) + turn * self.order.batch_size + offset
        window = int(np.searchsorted(self.begins, at, "right")) - 1
        return int(self._window(window)[at - int(self.begins[window])])

    def _window(self, window: int) -> Indices:
        """The rows of a window, shuffled."""
        if window not in self._rows:
            while len(self._rows) >= 2 * self.order.n_lanes:
                del self._rows[next(iter(self._rows))]
            chunks = self.chunks[window * WINDOW : (window + 1) * WINDOW]
            rows = np.concatenate([np.arange(self.first_row[c], self.first_row[c + 1]) for c in chunks])
            self._rows[window] = rng(self.order.seed or 0, "load", "rows", self.epoch, window).permutation(rows)
        return self._rows[window]


def _lane_begins(order: Order) -> Indices:
    n_batches, lanes = -(-order.n // order.batch_size), order.n_lanes
    rows = np.array([-(-(n_batches - lane) // lanes) * order.batch_size for lane in range(lanes)], np.int64)
    rows[(n_batches - 1) % lanes] -= n_batches * order.batch_size - order.n  # the last batch may be short
    return np.concatenate([[0], np.cumsum(rows)[:-1]])


@dataclass(frozen=True, slots=True)
class Share:
    """What one rank takes of an order: from batch `start` on every `world_size`-th batch.

    `uneven` says what becomes of a last round that does not go around: "keep" leaves some ranks a batch shorter, "drop"
    leaves it out, "pad" fills it with the first dialogues of the epoch again. Endless, epochs follow each other without a
    seam, all ranks have the same, and nothing is dropped or doubled.
    """

    n: int
    batch_size: int = 1
    rank: int = 0
    world_size: int = 1
    uneven: Uneven = "keep"
    endless: bool = False
    start: int = 0

    def __post_init__(self) -> None:
        at_least_one(batch_size=self.batch_size, world_size=self.world_size)
        if not isinstance(self.rank, Integral) or not 0 <= self.rank < self.world_size:
            raise UserError(
                f"rank={self.rank!r} of world_size={self.world_size}: ranks are 0 to {self.world_size - 1}."
            )
        if self.uneven not in UNEVEN:
            raise UserError(f"uneven={self.uneven!r}, and it is one of {', '.join(UNEVEN)}.")
        if self.uneven == "drop" and not self.endless and self.n < self.world_size * self.batch_size:
            raise UserError(
                f'uneven="drop" leaves nothing of {self.n} dialogues for {self.world_size} ranks with batches of {self.batch_size}. '
                'Take "pad", smaller batches or fewer ranks.'
            )

    @property
    def total(self) -> int:
        """Dialogues of an epoch over all ranks, with what is dropped or doubled: what is left from `start` on goes around."""
        around = self.world_size * self.batch_size
        if self.uneven == "keep" or self.endless:
            return self.n
        done = min(self.start * self.batch_size, self.n)
        left = self.n - done
        return done + (left if self.uneven == "drop" else left + around - 1) // around * around

    def __len__(self) -> int:
        """How many this rank takes, from `start` to the end of the epoch."""
        if self.endless:
            raise TypeError("endless: it has no length")
        first, n_batches = self.start + self.rank, -(-self.total // self.batch_size)
        if first >= n_batches:
            return 0
        is_last = (n_batches - 1 - first) % self.world_size == 0
        missing = n_batches * self.batch_size - self.total if is_last else 0
        return -(-(n_batches - first) // self.world_size) * self.batch_size - missing

    def place(self, k: int, epoch: int = 0) -> tuple[int, int]:
        """(epoch, position) of the k-th that this rank takes, counted from `epoch`."""
        turn, offset = divmod(k, self.batch_size)
        at = (self.start + self.rank + turn * self.world_size) * self.batch_size + offset
        further, position = divmod(at, self.n)
        return (epoch + further, position) if self.endless else (epoch, position)


def at_least_one(**numbers: int) -> None:
    """UserError that names the first of `numbers` that is no whole number from 1 on."""
    for name, number in numbers.items():
        if not isinstance(number, Integral):
            raise UserError(f"{name}={number!r}, and it has to be a whole number.")
        if number < 1:
            raise UserError(f"{name}={number}, and it is at least 1.")
