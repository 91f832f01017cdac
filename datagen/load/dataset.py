"""A build's split as torch datasets: by number, and as a stream that resumes exactly.

data = DialogDataset(OUT, "train", partial(personaplex.sequence, tokenizer=tokenizer), codec="mimi")
loader = data.loader(batch_size=8, num_workers=4, seed=0, collate_fn=collate)
for epoch in range(3):
    loader.set_epoch(epoch)
    for batch in loader: ...             # loader.state_dict() belongs into the checkpoint
"""

import operator
import os
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DataError, UserError
from datagen.load import remote
from datagen.load.builds import OpenBuild, open_build
from datagen.load.dialog import Dialog
from datagen.load.order import LANES, Order, Uneven
from datagen.load.places import SwapRoles, find_places, frames_of
from datagen.load.reading import ShardReader
from datagen.load.shelf import Shelf
from datagen.load.spec import ModelSpec
from datagen.load.with_torch import torch_module

torch_data: Any = torch_module("torch.utils.data")

if TYPE_CHECKING:
    from datagen.load.iterable import IterableDialogs
    from datagen.load.loader import DialogLoader

GROUPS_KEPT = 16
"""Decoded row groups that `__getitem__` keeps at hand, some 2 MB each."""


class DialogDataset(torch_data.Dataset):
    """The dialogues of a split by number, in the order of the files; each as `transform` makes it, else as a `Dialog`.

    A random order over all of them decodes a row group of 64 for every dialogue: take `loader` or `iterable`, whose order
    goes easy on that. Pickles, and works in workers that were forked or spawned.
    """

    def __init__(
        self,
        out: "str | os.PathLike[str] | OpenBuild",
        split: str = "train",
        transform: Callable[[Dialog], Any] | None = None,
        *,
        codec: "str | ModelSpec | None" = None,
        swap_roles: SwapRoles = False,
        needs_role: bool = True,
        domains: Collection[str] | None = None,
        groups_kept: int = GROUPS_KEPT,
        verify: bool = True,
        version: str = "",
        options: Mapping[str, Any] | None = None,
        timeout_s: float = remote.TIMEOUT_S,
    ) -> None:
        """
        Args:
            out: a build's folder, its URL (whatever fsspec reads), or what `open_build` gave.
            split: train, valid or test.
            transform: what makes an item of a dialogue, one of one, such as a `functools.partial` of `personaplex.sequence`.
            codec: the codec engine, or the model, whose tokens are expected; a build with others is refused. None takes any.
            swap_roles: True gives each dialogue with the user's side as the one to learn, "both" each dialogue both ways.
            needs_role: what has no role context for its user's side is not swapped, and counted in `left_out`.
            domains: only these.
            groups_kept: row groups that stay decoded.
            verify: holds each shard to its checksum in build.json when it is first read: of bits that have changed on a disk,
                parquet itself lets most through.
            version: an older one's id, or the beginning of it, as `datagen log` lists them; "" takes the newest.
            options: for fsspec's file system (keys, endpoints).
            timeout_s: how long a URL may take for one answer.

        Raises:
            UserError: no build there, a split without dialogues, an option that cannot be met.
            EngineError: a URL that does not answer, a package that lacks.
            DataError: another codec's tokens, a damaged build.
        """
        self.build = open_build(out, version=version, options=options, timeout_s=timeout_s)
        self.split, self.transform = split, transform
        _check_codec(self.build, codec)
        reader = ShardReader(self.build, verify=verify)
        self.places = find_places(
            self.build, split, reader.labels, swap_roles=swap_roles, needs_role=needs_role, domains=domains
        )
        self._shelf = Shelf(reader, self.places, groups_kept)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Any:
        """Item `number`; IndexError beyond the last, DataError with file and row where the shard is not what it must be."""
        number = operator.index(number)
        if not -len(self) <= number < len(self):
            raise IndexError(f"dialogue {number} of {len(self)}")
        return self.made(self._shelf, number % len(self))

    def made(self, shelf: Shelf, place: int) -> Any:
        """The item of a place, read from `shelf`."""
        dialog = shelf.dialog(place)
        return dialog if self.transform is None else self.transform(dialog)

    def identity(self) -> dict[str, Any]:
        """Which dialogues these are, as JSON types: a state of their stream is of no use for others."""
        places = self.places
        which = {"dialogs": len(places), "swapped": int(places.is_swapped.sum()), "places": places.key}
        return {"build": self.build.summary.id, "split": self.split, **which}

    def shelf(self, n_groups: int) -> Shelf:
        """Another shelf on the same dialogues."""
        return Shelf(self._shelf.reader, self.places, n_groups)

    @property
    def left_out(self) -> int:
        """Dialogues that would be swapped and have no role context for their user's side."""
        return self.places.left_out

    @cached_property
    def n_frames(self) -> NDArray[np.int32]:
        """The frames of each dialogue by the manifest, int32 [len], without reading a shard: for buckets by length."""
        return frames_of(self.build, self.places)

    def order(self, seed: int | None, batch_size: int = 1, lanes: int = LANES) -> Order:
        """The order in which the stream gives these dialogues: `order.index(epoch, position)` is the number of one."""
        return Order(self.places.chunk_sizes, seed, batch_size, lanes)

    def iterable(
        self,
        *,
        batch_size: int | None,
        seed: int | None = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        uneven: Uneven = "keep",
        endless: bool = False,
        lanes: int = LANES,
    ) -> "IterableDialogs":
        """The same dialogues as a torch IterableDataset, shuffled with a seed, shared by ranks and workers.

        Args:
            batch_size: that of the DataLoader (None or 1 where it makes no batches). Batches go to the workers in turn,
                so with it the order is the same for any number of workers.
            seed: the order is a function of seed and epoch; None leaves the dialogues as they lie.
            epoch: the first; `set_epoch` sets another.
            rank: this rank of `world_size`; None asks torch.distributed, then RANK and WORLD_SIZE, else there is one rank.
            world_size: over how many ranks the batches are dealt.
            uneven: a last round of batches that does not go around: "keep" leaves some ranks with fewer (distributed training
                waits for them for ever), "drop" leaves it out, "pad" fills it with dialogues of the epoch's beginning.
            endless: epochs follow each other; all ranks have the same, nothing is dropped or doubled. There is no length.
            lanes: between how many windows of 256 dialogues the order goes around. A multiple of ranks x workers reads each
                row group once.
        """
        from datagen.load.iterable import IterableDialogs

        return IterableDialogs(
            self,
            batch_size=batch_size,
            seed=seed,
            epoch=epoch,
            rank=rank,
            world_size=world_size,
            uneven=uneven,
            endless=endless,
            lanes=lanes,
        )

    def loader(
        self,
        *,
        batch_size: int | None,
        seed: int | None = 0,
        rank: int | None = None,
        world_size: int | None = None,
        uneven: Uneven = "keep",
        endless: bool = False,
        lanes: int = LANES,
        **options: Any,
    ) -> "DialogLoader":
        """A DataLoader over `iterable` with `state_dict` and `load_state_dict`, exact for any number of workers.

        `options` are the DataLoader's (num_workers, collate_fn, pin_memory …); the others are those of `iterable`.
        """
        from datagen.load.loader import DialogLoader

        source = self.iterable(
            batch_size=batch_size,
            seed=seed,
            rank=rank,
            world_size=world_size,
            uneven=uneven,
            endless=endless,
            lanes=lanes,
        )
        return DialogLoader(source, **options)


def _check_codec(build: OpenBuild, wanted: "str | ModelSpec | None") -> None:
    has = build.codec
    engine = wanted.codec if isinstance(wanted, ModelSpec) else wanted
    if engine and has.engine != engine:
        raise DataError(
            f"{build.root}: its tokens are {has.engine}'s ({has.model}), and {engine}'s are expected. Build with "
            f'codec.engine={engine}; to try these anyway: codec="{has.engine}", or dataclasses.replace(spec, codec="{has.engine}").'
        )
    if isinstance(wanted, ModelSpec) and (has.n_books < wanted.n_books or has.book_size > wanted.book_size):
        raise DataError(
            f"{build.root}: its tokens are {has.n_books} books of {has.book_size}, and {wanted.name} takes {wanted.n_books} of "
            f"{wanted.book_size}. Build with codec.books={wanted.n_books}."
        )


def ranks(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """(rank, world_size) as given, else torch.distributed's, else what a launcher put into RANK and WORLD_SIZE, else (0, 1)."""
    if (rank is None) != (world_size is None):
        raise UserError(f"rank={rank}, world_size={world_size}: give both, or neither.")
    if rank is not None and world_size is not None:
        return rank, world_size
    dist = torch_module("torch.distributed")
    if dist.is_available() and dist.is_initialized():
        return int(dist.get_rank()), int(dist.get_world_size())
    told = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if None in told:
        return 0, 1
    try:
        return int(told[0] or ""), int(told[1] or "")
    except ValueError:
        raise UserError(f"RANK={told[0]!r}, WORLD_SIZE={told[1]!r}: no numbers. Give rank and world_size.") from None
