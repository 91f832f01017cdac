"""Which positions of a padded batch belong to a row, and rows in groups of like length. torch alone; no weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that go through a network together, the longest first. `rows` are places in what was asked for."""

    rows: tuple[int, ...]
    longest: int


def groups(lengths: Sequence[int], budget: int, least_fill: float = 0.6, most_rows: int = 256) -> list[Group]:
    """Every row once, the longest first, in groups whose padded size (rows x longest) keeps within `budget` positions.

    A row shorter than `least_fill` of its group's longest opens a new group: beyond that, padding costs more than a launch saves.
    A row that is longer than the budget goes alone.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    made: list[Group] = []
    held: list[int] = []
    for row in order:
        longest = lengths[held[0]] if held else lengths[row]
        full = (len(held) + 1) * longest > budget or len(held) >= most_rows
        if held and (full or lengths[row] < least_fill * longest):
            made.append(Group(tuple(held), longest))
            held = []
        held.append(row)
    if held:
        made.append(Group(tuple(held), lengths[held[0]]))
    return made


class Tails:
    """What lies behind each row's end in a batch [rows, …, longest]. Where all rows are equally long, nothing does and all is free."""

    def __init__(self, lengths: Sequence[int], device: torch.device | str, longest: int = 0) -> None:
        self.lengths = tuple(lengths)
        self.longest = max(longest, *self.lengths)
        self._shortest = min(self.lengths)
        self.any = self._shortest < self.longest
        ends = torch.tensor(self.lengths, device=device)
        #: [rows, longest]: True where a position is the row's own.
        self.own = torch.arange(self.longest, device=device)[None] < ends[:, None]
        self._own_late = self.own[:, None, self._shortest :]

    def clear(self, x: torch.Tensor) -> torch.Tensor:
        """`x` [rows, channels, longest] itself, its tails now zero: a convolution then sees what it would see at a row's own end.

        Only the columns from the shortest row's end on are touched, so that rows of like length cost next to nothing.
        """
        if self.any:
            x[:, :, self._shortest :].masked_fill_(~self._own_late, 0.0)
        return x

    def own_up_to(self, longest: int) -> torch.Tensor:
        """[rows, longest]: True where a position is the row's own, in a batch that is longer than these rows need."""
        return torch.nn.functional.pad(self.own, (0, longest - self.longest))

    def key_bias(self, dtype: torch.dtype) -> torch.Tensor | None:
        """[rows, 1, 1, longest], added to attention's scores: minus infinity on tails. None where there are none."""
        if not self.any:
            return None
        bias = torch.zeros(self.own.shape, dtype=dtype, device=self.own.device)
        return bias.masked_fill_(~self.own, float("-inf"))[:, None, None]

    def scaled(self, factor: int, extra: int = 0) -> "Tails":
        """The same rows at `factor` times the rate, plus `extra` positions each."""
        return Tails(
            [length * factor + extra for length in self.lengths], self.own.device, self.longest * factor + extra
        )
