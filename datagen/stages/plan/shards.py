"""Which dialogues travel together: shards of one split, in the order of the dialogues' indices."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from datagen.records.enums import Split


@dataclass(frozen=True, slots=True)
class Shard:
    """Some dialogues of one split, by index; `number` counts within the split."""

    split: Split
    number: int
    indices: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.split}-{self.number:05d}"


def shards(
    n_dialogs: int, split: Callable[[int], Split], size: int, sealed: Mapping[Split, Sequence[int]]
) -> Iterator[Shard]:
    """All shards of a build of `n_dialogs`, ordered by split and number.

    `sealed` holds the sizes of the shards that were published before: they keep their members, and what is new
    goes to new shards. Without any, every shard but a split's last has `size` dialogues.
    """
    members: dict[Split, list[int]] = {s: [] for s in Split}
    for index in range(n_dialogs):
        members[split(index)].append(index)
    for name, indices in members.items():
        at, number = 0, 0
        before = iter(sealed.get(name, ()))
        while at < len(indices):
            take = next(before, size)
            yield Shard(name, number, tuple(indices[at : at + take]))
            at, number = at + take, number + 1
