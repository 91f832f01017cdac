"""Small batches of a shard, so that memory stays flat however large a shard is."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

DIALOGS = 8
"""Dialogues in hand at once: enough for an engine to batch their turns, about 20 MB of audio."""


def batches(items: Iterable[T], size: int = DIALOGS) -> Iterator[Sequence[T]]:
    """Lists of `size` items, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
