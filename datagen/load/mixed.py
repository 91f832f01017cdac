"""A mix as a torch stream: what `Mixture.iterable` gives. Ranks, workers and states are those of `IterableDialogs`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datagen.errors import UserError
from datagen.load.dialog import Dialog
from datagen.load.iterable import IterableDialogs
from datagen.load.mixing import ENDLESS, Mixture, Walk


@dataclass(frozen=True)
class _Endless:
    """The order of a stream without epochs: what comes at a position is the position's own."""

    seed: int
    n: int = ENDLESS

    def index(self, epoch: int, position: int) -> int:
        return position

    def chunks_at_once(self, takers: int) -> int:
        return 0  # a mix's shelves are the mix's


@dataclass(frozen=True)
class MixedSource:
    """A mix and what makes an item of a dialogue, as `IterableDialogs` reads them."""

    mixture: Mixture
    transform: Callable[[Dialog], Any] | None = None

    def order(self, seed: int | None, batch_size: int, lanes: int) -> _Endless:
        return _Endless(self.mixture.seed)

    def shelf(self, n_groups: int) -> Walk:
        return self.mixture.walk()

    def identity(self) -> dict[str, Any]:
        return self.mixture.identity()

    def made(self, shelf: Walk, place: int) -> Any:
        dialog = shelf.dialog(place)
        return dialog if self.transform is None else self.transform(dialog)


class MixedDialogs(IterableDialogs):
    """The endless stream of a mix. Worker w of W takes batches w, w + W, w + 2 W … of its rank."""

    def __init__(
        self, source: MixedSource, *, batch_size: int | None, rank: int | None, world_size: int | None
    ) -> None:
        super().__init__(
            source,
            batch_size=batch_size,
            seed=source.mixture.seed,
            epoch=0,
            rank=rank,
            world_size=world_size,
            uneven="keep",
            endless=True,
            lanes=1,
        )

    def set_epoch(self, epoch: int) -> None:
        """UserError: a mix has no epochs, each of its sources has its own."""
        raise UserError("set_epoch: a mix has no end and no epochs; every domain of every build begins its own anew.")

    def _identity(self) -> dict[str, Any]:
        return {**self.source.identity(), "batch_size": self.batch_size}
