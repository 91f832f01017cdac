"""A split as a stream for torch's DataLoader: every dialogue once an epoch over all ranks and workers, and exact resume."""

from collections.abc import Iterator
from itertools import count
from typing import Any, Protocol

from datagen.errors import UserError
from datagen.load.order import WINDOW, Share, Uneven
from datagen.load.state import State
from datagen.load.with_torch import torch_module

torch: Any = torch_module("torch")
torch_data: Any = torch_module("torch.utils.data")

_EPOCH, _START, _TAKEN, _WORKERS = range(4)


class Source(Protocol):
    """What a stream reads: a `DialogDataset`, or a mix of several builds."""

    def order(self, seed: int | None, batch_size: int, lanes: int) -> Any:
        """What comes where: an `Order`, or what has its `n`, `index` and `chunks_at_once`."""
        ...

    def shelf(self, n_groups: int) -> Any:
        """What `made` reads from, one a pass."""
        ...

    def made(self, shelf: Any, place: int) -> Any:
        """The item of a place."""
        ...

    def identity(self) -> dict[str, Any]:
        """What it consists of, as JSON types."""
        ...


class IterableDialogs(torch_data.IterableDataset):
    """What `DialogDataset.iterable` gives. Worker w of W takes batches w, w + W, w + 2 W … of its rank.

    Of an epoch that was resumed, a pass gives what was left of it; before another pass `set_epoch` has to say which. A
    `DialogLoader` does that by itself: each of its passes is the next epoch.
    """

    def __init__(
        self,
        source: Source,
        *,
        batch_size: int | None,
        seed: int | None,
        epoch: int,
        rank: int | None,
        world_size: int | None,
        uneven: Uneven,
        endless: bool,
        lanes: int,
    ) -> None:
        from datagen.load.dataset import ranks

        self.source, self.batch_size = source, 1 if batch_size is None else batch_size
        self.is_batched = batch_size is not None
        self._order = source.order(seed, self.batch_size, lanes)
        self._rank, self._world_size = ranks(rank, world_size)
        self._uneven, self.endless, self._lanes = uneven, endless, lanes
        self._share(0)  # its errors now, not in a worker
        # Shared memory: persistent workers see what set_epoch says in the main process, and it, that there are workers.
        self._cursor = torch.tensor([epoch, 0, 0, 0], dtype=torch.int64).share_memory_()
        self._given = 0
        self._resumed: tuple[list[int], State] | None = None
        self._finished: list[int] | None = None

    def set_epoch(self, epoch: int) -> None:
        """The next pass is of this epoch: from its start, or, for the epoch of a loaded state, from where that is."""
        self._go_to(epoch, anew=epoch != self.epoch)

    def begin_epoch(self, epoch: int) -> None:
        """The next pass is of this epoch, from its start whatever state was loaded."""
        self._go_to(epoch, anew=True)

    def _go_to(self, epoch: int, anew: bool) -> None:
        if epoch < 0:
            raise UserError(f"set_epoch({epoch}): epochs count from 0.")
        if anew:
            self._cursor[:_WORKERS] = torch.tensor([epoch, 0, 0])
        self._given = 0

    @property
    def epoch(self) -> int:
        return int(self._cursor[_EPOCH])

    def __len__(self) -> int:
        """How many dialogues this rank's next pass gives (TypeError where endless)."""
        return len(self._share(int(self._cursor[_START]))) - int(self._cursor[_TAKEN])

    def __iter__(self) -> Iterator[Any]:
        info = torch_data.get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        if info is not None:
            self._cursor[_WORKERS] = workers
        at = self._cursor[:_WORKERS].tolist()
        if self._finished == at and at[_START] + at[_TAKEN]:
            raise UserError(
                f"epoch {at[_EPOCH]} was resumed, and what was left of it has been given. set_epoch({at[_EPOCH] + 1}) begins the "
                "next one; endless=True needs none."
            )
        given = 0
        if self._resumed is not None and self._resumed[0] == at:  # nobody has set another epoch since
            state = self._resumed[1]
            at, given = [state.epoch, state.start, state.taken], state.given
        yield from self._pass(at, given, worker, workers)
        self._finished = at

    def _pass(self, at: list[int], given: int, worker: int, workers: int) -> Iterator[Any]:
        epoch, start, taken = at
        share = self._share(start)
        last = None if share.endless else len(share)
        shelf = self.source.shelf(self._order.chunks_at_once(self._world_size * workers))
        self._given = given
        for k in count(given):
            turn, offset = divmod(k, self.batch_size)
            number = taken + (turn * workers + worker) * self.batch_size + offset
            if last is not None and number >= last:
                return
            item = self.source.made(shelf, self._order.index(*share.place(number, epoch)))
            self._given = k + 1
            yield item

    def _share(self, start: int) -> Share:
        return Share(self._order.n, self.batch_size, self._rank, self._world_size, self._uneven, self.endless, start)

    def state_dict(self, given: int | None = None) -> dict[str, Any]:
        """Where this rank is, as JSON types, the same on every rank that has had as many.

        Without `given` it is what this object has given since its pass began. The workers of a DataLoader give in processes
        of their own: then say how many dialogues its batches have held since the pass began, as `DialogLoader` does (UserError
        where that is missing). In a worker, where torchdata's StatefulDataLoader asks, it is the worker's own place.
        """
        info = torch_data.get_worker_info()
        epoch, start, taken, workers = self._cursor.tolist()
        place = State(epoch, start, taken, self._world_size, self._identity())
        if info is not None:
            of_worker = {"worker": info.id, "workers": info.num_workers, "given": self._given}
            if self._resumed is not None and self._resumed[0] == [epoch, start, taken]:
                return self._resumed[1].to_dict() | of_worker
            return place.to_dict() | of_worker
        if given is None and workers:
            raise UserError(
                "state_dict: the DataLoader's workers give the dialogues, so this process does not know how many. Use "
                "DialogDataset.loader, torchdata's StatefulDataLoader, or state_dict(given=dialogues since the pass began)."
            )
        return place.to_dict() | {"taken": taken + (self._given if given is None else given)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The next pass goes on where `state` was taken; UserError where it is of another order. Any number of workers will do.

        A worker's state (StatefulDataLoader's) needs the same number of workers; another number of ranks needs whole batches.
        """
        found = State.from_dict(state).on(self._identity(), self._world_size)
        if not self.endless and found.taken > (left := len(self._share(found.start))):
            raise UserError(
                f"load_state_dict: {found.taken} dialogues were taken of epoch {found.epoch}, and a rank has {left} of it."
            )
        info = torch_data.get_worker_info()
        if found.workers:
            here = (0, 0) if info is None else (info.id, info.num_workers)
            if here != (found.worker, found.workers):
                raise UserError(
                    f"load_state_dict: the state of worker {found.worker} of {found.workers}, and this is worker {here[0]} of "
                    f"{here[1]}. StatefulDataLoader resumes with as many workers as before; DialogDataset.loader with any."
                )
            self._resumed = (self._cursor[:_WORKERS].tolist(), found)
        else:
            self._cursor[:] = torch.tensor([found.epoch, found.start, found.taken, 0])
        self._given, self._finished = found.given, None

    def _identity(self) -> dict[str, Any]:
        """What the order depends on."""
        return {
            **self.source.identity(),
            "seed": self._order.seed,
            "batch_size": self.batch_size,
            "lanes": self._lanes,
            "window": WINDOW,
            "uneven": "keep" if self.endless else self._uneven,
            "endless": self.endless,
        }
