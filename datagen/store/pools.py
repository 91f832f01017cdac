"""Split pools: which voices, businesses and scenarios belong to train, valid and test."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from datagen.records.enums import Split
from datagen.store.ids import unit_hash

Shares = tuple[float, float, float]
"""The shares of train, valid and test."""


def split_of(share: float, shares: Shares) -> Split:
    """The split at `share` (0…1): test lowest, then valid, then train."""
    _, valid, test = shares
    return Split.TEST if share < test else Split.VALID if share < test + valid else Split.TRAIN


def pools(keys: Iterable[str], shares: Shares, salt: str) -> Mapping[str, Split]:
    """Each key's split, by hash, so that adding a key moves no other one.

    A split with a share above zero never stays empty while there are keys enough: it takes the key whose hash lies
    nearest to its range, which is the one case in which a new key can move an old one.
    """
    return _pools(tuple(sorted(keys)), shares, salt)


@lru_cache(maxsize=256)
def _pools(keys: tuple[str, ...], shares: Shares, salt: str) -> dict[str, Split]:
    ranked = sorted(keys, key=lambda k: (unit_hash("pool", salt, k), k))
    result = {key: split_of(unit_hash("pool", salt, key), shares) for key in ranked}
    wanted = [
        s
        for s, share in zip((Split.TEST, Split.VALID, Split.TRAIN), (shares[2], shares[1], shares[0]), strict=True)
        if share > 0
    ]
    for split in wanted:
        members = Counter(result.values())
        free = [k for k in ranked if members[result[k]] > 1]
        if not members[split] and free:
            # train's range is the highest, the others' the lowest
            result[free[-1] if split is Split.TRAIN else free[0]] = split
    return result
