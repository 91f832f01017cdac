"""Dialogues one after the other, with numpy alone: shards streamed from disk or a URL, shuffled with a seed, shared by ranks."""

import os
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from typing import Any

from datagen.errors import UserError
from datagen.load import remote
from datagen.load.builds import OpenBuild, open_build
from datagen.load.dialog import Dialog
from datagen.load.order import LANES, Order, Share, Uneven
from datagen.load.places import SwapRoles, find_places
from datagen.load.reading import ShardReader
from datagen.load.shelf import Shelf


def iter_dialogs(
    out: "str | os.PathLike[str] | OpenBuild",
    split: str = "train",
    *,
    seed: int | None = None,
    epoch: int = 0,
    rank: int = 0,
    world_size: int = 1,
    start: int = 0,
    uneven: Uneven = "keep",
    endless: bool = False,
    swap_roles: SwapRoles = False,
    needs_role: bool = True,
    domains: Collection[str] | None = None,
    lanes: int = LANES,
    verify: bool = True,
    version: str = "",
    options: Mapping[str, Any] | None = None,
    timeout_s: float = remote.TIMEOUT_S,
) -> Iterator[Dialog]:
    """The dialogues of a split, each once an epoch; without `seed` in the order of the files, else shuffled.

    Args:
        out: a build's folder, its URL (whatever fsspec reads), or what `open_build` gave.
        split: train, valid or test.
        seed: the order is a function of seed and epoch alone (datagen/load/order.py).
        epoch: which one; with `endless` the first of them.
        rank: this rank of `world_size`, which takes every `world_size`-th dialogue.
        world_size: over how many ranks the dialogues are dealt, none twice and none left out.
        start: how many this rank has had; it goes on after them.
        uneven: "keep", "drop" or "pad" a last round that does not go around the ranks.
        endless: epochs follow each other without an end.
        swap_roles: True gives each dialogue with the user's side as the one to learn, "both" each dialogue both ways.
        needs_role: what has no role context for its user's side is not swapped (only dialogues of kind service have one).
        domains: only these.
        lanes: between how many windows of 256 dialogues the shuffled order goes around; each takes some 10 MB of memory.
        verify: holds each shard to its checksum in build.json when it is first read.
        version: an older one's id, or the beginning of it, as `datagen log` lists them; "" takes the newest.
        options: for fsspec's file system (keys, endpoints).
        timeout_s: how long a URL may take for one answer.

    Raises:
        UserError: no build there, a split without dialogues, an option that cannot be met.
        EngineError: a URL that does not answer, a package that lacks.
        DataError: a shard that is missing or not what it must be, with file and row.
    """
    if start < 0:
        raise UserError(f"start={start}: how many dialogues this rank has had, from 0 on.")
    build = open_build(out, version=version, options=options, timeout_s=timeout_s)
    reader = ShardReader(build, verify=verify)
    places = find_places(build, split, reader.labels, swap_roles=swap_roles, needs_role=needs_role, domains=domains)
    order = Order(places.chunk_sizes, seed, 1, lanes)
    share = Share(len(places), 1, rank, world_size, uneven, endless)
    shelf = Shelf(reader, places, order.chunks_at_once(world_size))
    return (shelf.dialog(order.index(*share.place(k, epoch))) for k in steps(share, start))


def steps(share: Share, start: int) -> Iterator[int]:
    """The numbers of a share's dialogues from `start` on, without an end where it is endless."""
    return count(start) if share.endless else iter(range(start, len(share)))
