"""torch's DataLoader with a state: it counts the batches that it gave, which with a fixed order says where it is."""

from collections.abc import Iterator
from typing import Any

from datagen.errors import DatagenError, UserError
from datagen.load.iterable import IterableDialogs
from datagen.load.with_torch import torch_module

torch_data: Any = torch_module("torch.utils.data")


class DialogLoader(torch_data.DataLoader):
    """A DataLoader over `IterableDialogs` whose state is exact whatever its workers have prefetched, and however many they are.

    A pass that was heard to its end is an epoch; the next pass is the next one, in its own order, unless `set_epoch` says another.
    """

    def __init__(self, source: IterableDialogs, **options: Any) -> None:
        """`options` are the DataLoader's but `dataset`, `batch_size`, `shuffle` and samplers, which `source` decides."""
        if decided := sorted({"batch_size", "shuffle", "sampler", "batch_sampler", "dataset"} & set(options)):
            raise UserError(
                f"loader({decided[0]}=…): the dialogues' stream decides it; give it to DialogDataset.loader."
            )
        if options.get("drop_last"):
            raise UserError('loader(drop_last=True): take uneven="drop", which drops the same on every rank.')
        super().__init__(source, batch_size=source.batch_size if source.is_batched else None, **options)
        self._given, self._is_over = 0, False

    def __iter__(self) -> Iterator[Any]:
        if self._is_over:
            self.dataset.begin_epoch(self.dataset.epoch + 1)
        self._is_over = False
        self._given = 0  # at once, not with the first batch: a state asked for before it is that of the pass's start
        return self._counted(super().__iter__())

    def _counted(self, batches: Iterator[Any]) -> Iterator[Any]:
        try:
            for batch in batches:
                self._given += 1
                yield batch
        except DatagenError as error:  # a worker's comes with that process's traceback as its text
            raise type(error)(_last_line(error)) from None
        self._is_over = not self.dataset.endless

    def set_epoch(self, epoch: int) -> None:
        """The next pass is of this epoch: from its start, or, for the epoch of a loaded state, from where that is."""
        if self._is_over:
            self.dataset.begin_epoch(epoch)
        else:
            self.dataset.set_epoch(epoch)
        self._given, self._is_over = 0, False

    def state_dict(self) -> dict[str, Any]:
        """Where the training is after the batches that were given: JSON types, the same on every rank."""
        given = self._given * self.dataset.batch_size
        if not self.dataset.endless:
            given = min(given, len(self.dataset))  # the last batch of an epoch may be short
        state: dict[str, Any] = self.dataset.state_dict(given=given)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The next pass goes on after `state`; errors as `IterableDialogs.load_state_dict`."""
        self.dataset.load_state_dict(state)
        self._given, self._is_over = 0, False


def _last_line(error: DatagenError) -> str:
    last = str(error).strip().splitlines()[-1]
    return last.partition(": ")[2] if last.startswith("datagen.errors.") else last
