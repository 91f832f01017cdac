"""Which dialogues of a split a dataset has, each on which side: places in shards, known before any shard is read."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DataError, UserError
from datagen.load.builds import OpenBuild
from datagen.load.labels import Labels, has_user_role, n_frames
from datagen.load.reading import GROUP_ROWS
from datagen.records.build import ShardEntry
from datagen.store.ids import digest

SwapRoles: TypeAlias = bool | Literal["both"]


@dataclass(frozen=True)
class Places:
    """The places of a dataset, in the order of the files. Place i is row `row[i]` of the build's dialogs, swapped or not.

    `left_out` counts the dialogues that would be swapped and have no role context for the user's side.
    """

    shards: tuple[ShardEntry, ...] = field(repr=False)
    row: NDArray[np.int64] = field(repr=False)
    is_swapped: NDArray[np.bool_] = field(repr=False)
    shard: NDArray[np.int32] = field(repr=False)
    row_in_shard: NDArray[np.int32] = field(repr=False)
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def key(self) -> str:
        """16 hex digits of which places these are."""
        return digest(self.row.tobytes().hex(), self.is_swapped.tobytes().hex())[:16]

    @cached_property
    def chunk_sizes(self) -> tuple[int, ...]:
        """How many places each row group has that has any, in their order."""
        group = self.shard.astype(np.int64) << 32 | self.row_in_shard // GROUP_ROWS
        _, counts = np.unique(group, return_counts=True)
        return tuple(counts.tolist())


def find_places(
    build: OpenBuild,
    split: str,
    labels: Labels,
    *,
    swap_roles: SwapRoles = False,
    needs_role: bool = True,
    domains: Collection[str] | None = None,
) -> Places:
    """The places of a split: all its dialogues, or those of `domains`; as they are, with roles swapped, or both ways.

    With `needs_role`, what has no role context for the user's side is not swapped, and counted. UserError where no dialogue
    is left.
    """
    shards = build.need_shards(split)
    if swap_roles not in (False, True, "both"):
        raise UserError(f'swap_roles={swap_roles!r}, and it is False, True or "both".')
    where = [labels.rows[s.name] for s in shards]
    row = np.concatenate([np.arange(r.start, r.stop) for r in where])
    shard = np.repeat(np.arange(len(shards), dtype=np.int32), [len(r) for r in where])
    first = np.array([r.start for r in where], np.int64)
    keep = _of_domains(build, split, labels, where, domains)
    both = np.repeat(row[keep], 2), np.repeat(shard[keep], 2), np.tile([False, True], int(keep.sum()))
    rows, of_shard, swapped = both
    wanted = np.ones(len(rows), np.bool_) if swap_roles == "both" else swapped == swap_roles
    lacking = swapped & wanted & ~has_user_role(build)[rows] if swap_roles and needs_role else np.zeros_like(wanted)
    wanted &= ~lacking
    if not wanted.any():
        raise UserError(
            f"{build.root}: none of the {int(keep.sum())} dialogues in {split} has a role context for its user, so no roles can be "
            "swapped. needs_role=False swaps them without one, for a model that takes no prompt."
        )
    rows, of_shard, swapped = rows[wanted], of_shard[wanted], swapped[wanted]
    return Places(shards, rows, swapped, of_shard, (rows - first[of_shard]).astype(np.int32), int(lacking.sum()))


def _of_domains(
    build: OpenBuild, split: str, labels: Labels, where: list[range], domains: Collection[str] | None
) -> NDArray[np.bool_]:
    n = sum(len(r) for r in where)
    if domains is None:
        return np.ones(n, np.bool_)
    if isinstance(domains, str):
        raise UserError(f"domains={domains!r}: a list of domains is needed, as [{domains!r}].")
    found = np.concatenate([labels.domains(r) for r in where])
    there = sorted(set(found.tolist()))
    if unknown := sorted(set(domains) - set(there)):
        raise UserError(f"{build.root}: no dialogue of {', '.join(unknown)} in {split}. There are: {', '.join(there)}.")
    if not domains:
        raise UserError(f"domains is empty. There are: {', '.join(there)}.")
    return np.isin(found, list(domains))


def frames_of(build: OpenBuild, places: Places) -> NDArray[np.int32]:
    """The frames of each place, by the dialogs manifest, int32 [n]."""
    found = n_frames(build)
    if len(found) <= int(places.row.max()):
        raise DataError(
            f"{build.root}: manifests/dialogs.parquet has {len(found)} rows, too few. Copy the build again."
        )
    result: NDArray[np.int32] = found[places.row]
    return result
