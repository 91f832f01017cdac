"""Shares of a whole with a cap on each: one rule for the mix that a build plans and the mix that a training run draws."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from datagen.errors import UserError

Name = TypeVar("Name", bound=Hashable)


def capped(weight: Mapping[Name, float], cap: Mapping[Name, float], where: str) -> dict[Name, float]:
    """Each name's share of 1, in proportion to its weight and at most its cap (1 where none is named), in the order of `weight`.

    What a capped name may not take goes to the others in proportion. UserError where the caps of all together leave some of
    the whole to nobody; `where` begins that message. Weights are above zero.
    """
    limit = {name: cap.get(name, 1.0) for name in weight}
    most = sum(limit.values())
    if most < 1 - 1e-9:
        raise UserError(
            f"{where}: the caps add up to {most:.2f}, so {1 - most:.2f} of the whole has no domain. Raise a cap."
        )
    full: dict[Name, float] = {}
    while True:
        free = {n: w for n, w in weight.items() if n not in full}
        room = 1 - sum(full.values())
        scale = room / sum(free.values()) if free else 0.0
        over = [n for n, w in free.items() if w * scale > limit[n] + 1e-12]
        if not over:
            shares = {**full, **{n: w * scale for n, w in free.items()}}
            return {n: shares[n] for n in weight}
        full.update({n: limit[n] for n in over})
