"""Dialogues by place, with the last decoded row groups kept at hand."""

from collections import OrderedDict
from typing import Any

from datagen.load.dialog import Dialog
from datagen.load.places import Places
from datagen.load.reading import GROUP_ROWS, Rows, ShardReader


class Shelf:
    """Reads the dialogue of any place, and keeps the last `n_groups` row groups (some 2 MB each) for those beside it.

    It holds no open file, and leaves the row groups behind when it goes to another process.
    """

    def __init__(self, reader: ShardReader, places: Places, n_groups: int) -> None:
        self.reader, self.places, self.n_groups = reader, places, n_groups
        self._groups: OrderedDict[tuple[int, int], Rows] = OrderedDict()

    def dialog(self, place: int) -> Dialog:
        """The dialogue of a place, its roles swapped where the place says so."""
        row = int(self.places.row_in_shard[place])
        found = self._group(int(self.places.shard[place]), row // GROUP_ROWS).dialog(row)
        return found.swapped() if self.places.is_swapped[place] else found

    def _group(self, shard: int, group: int) -> Rows:
        key = (shard, group)
        if key in self._groups:
            self._groups.move_to_end(key)
        else:
            while len(self._groups) >= self.n_groups:
                self._groups.popitem(last=False)
            self._groups[key] = next(self.reader.rows(self.places.shards[shard], group))
        return self._groups[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_groups": OrderedDict()}
