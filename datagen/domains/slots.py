"""Typed slots compiled into closures: what a slot's table becomes, and the order in which slots are drawn.

A slot draws a raw value (cents, minutes, an ordinal day, a text) from a Draw and shows it as display text.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from datagen.domains.phrasing import Dice
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.store.pools import Shares


@dataclass(slots=True)
class Draw:
    """One instance being drawn: its dice, the raw values so far, and the split whose pools names come from."""

    dice: Dice
    split: Split
    shares: Shares
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slot:
    """A compiled slot. `unit` says what its raw number counts: cents, bp, int, minutes, day, "" for none.

    `slip` gives what a speaker says by mistake instead of a value (None: another draw); `varied` is False where a
    second draw cannot differ (derived slots), so that nobody gets it wrong.
    """

    draw: Callable[[Draw], Any]
    show: Callable[[Any], Any]
    needs: tuple[str, ...] = ()
    unit: str = ""
    slip: Callable[[Draw, Any], Any] | None = None
    varied: bool = True


SlotMaker = Callable[[Mapping[str, Any], Mapping[str, Slot], str], Slot]
"""Takes the slot's table without `type`, the slots that it may use, and where it stands."""


def ordered(tables: Mapping[str, Mapping[str, Any]], where: str, known: Iterable[str]) -> list[str]:
    """The slots' names so that each comes after those it uses; a UserError names a circle or an unknown slot."""
    names = [*known, *tables]
    state: dict[str, int] = {}
    order: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if state.get(name) == 2 or name not in tables:
            return
        if state.get(name) == 1:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise UserError(f"{where}: slots.{name}: the slots use each other in a circle: {circle}.")
        state[name] = 1
        for used in references(tables[name]):
            if used not in names:
                near = difflib.get_close_matches(used, names, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise UserError(f"{where}: slots.{name}: there is no slot {used!r} to use.{hint}")
            visit(used, (*path, name))
        state[name] = 2
        order.append(name)

    for name in tables:
        visit(name, ())
    return order


def references(table: Mapping[str, Any]) -> list[str]:
    """The slots that a slot's table names: in of, from, by, min, max, days, and in a text's braces."""
    kind = table.get("type")
    found: list[Any] = []
    of = table.get("of", "customer" if kind == "email" else ())
    found += of if isinstance(of, list | tuple) else [of]
    found += [table.get("from", "today" if kind == "date" else None), table.get("by")]
    if kind == "birth_date":
        found.append("today")
    if kind in ("int", "money", "percent", "duration"):
        found += [table.get("min"), table.get("max")]
    if kind == "date":
        days = table.get("days")
        found += days if isinstance(days, list) else [days]
    if kind == "text":
        found += _braces(str(table.get("text", "")))
    return [f for f in found if isinstance(f, str)]


def _braces(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]
