"""Where a rank is in an order, as JSON types: what a checkpoint keeps, and what refuses to go on in another order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datagen.errors import UserError

FORMAT = 1
_PLACE = ("epoch", "start", "taken")
_OF_WORKER = ("worker", "workers", "given")
_MOST = 1 << 62


@dataclass(frozen=True, slots=True)
class State:
    """The batches of `epoch` before number `start` are done over all ranks, and `taken` dialogues of each rank since.

    `order` is what the order depends on (build, split, seed, batch_size …); `world_size` is by how many ranks it is shared.
    A worker process of a StatefulDataLoader keeps besides which of `workers` it is and how many it has `given` itself.
    """

    epoch: int
    start: int
    taken: int
    world_size: int
    order: Mapping[str, Any] = field(default_factory=dict)
    worker: int = 0
    workers: int = 0
    given: int = 0

    def to_dict(self) -> dict[str, Any]:
        found = {"format": FORMAT, **{n: getattr(self, n) for n in _PLACE}, "world_size": self.world_size}
        if self.workers:
            found |= {n: getattr(self, n) for n in _OF_WORKER}
        return found | {"order": dict(self.order)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "State":
        """The state; UserError where `data` is none."""
        if not isinstance(data, Mapping) or data.get("format") != FORMAT or not isinstance(data.get("order"), Mapping):
            raise UserError("load_state_dict: this is no state of a dataset of datagen, or one of another version.")
        numbers = (*_PLACE, "world_size", *(_OF_WORKER if "workers" in data else ()))
        for name in numbers:
            least = int(name == "world_size")
            if type(data.get(name)) is not int or not least <= data[name] < _MOST:
                raise UserError(
                    f"load_state_dict: {name} is {data.get(name)!r}, and has to be a number from {least} on."
                )
        return cls(order=dict(data["order"]), **{n: data[n] for n in numbers})

    def on(self, order: Mapping[str, Any], world_size: int) -> "State":
        """The same place for `world_size` ranks; UserError where `order` is another, or the ranks are within a batch."""
        for name in sorted({*order, *self.order}):
            if order.get(name) != self.order.get(name):
                raise UserError(
                    f"load_state_dict: the state is of {name}={self.order.get(name)!r}, and this dataset has "
                    f"{order.get(name)!r}: another order, which cannot be gone on with."
                )
        if world_size == self.world_size:
            return self
        batches, within = divmod(self.taken, int(order["batch_size"]))
        if within:
            raise UserError(
                f"load_state_dict: {self.taken} dialogues a rank are no whole number of batches of {order['batch_size']}, so "
                f"{world_size} ranks cannot go on from the state of {self.world_size}. Save it between batches."
            )
        if self.workers:
            raise UserError(
                f"load_state_dict: a worker's state of {self.world_size} ranks, and there are {world_size}."
            )
        return State(self.epoch, self.start + batches * self.world_size, 0, world_size, self.order)
