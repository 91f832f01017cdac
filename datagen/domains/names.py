"""Names of people, streets and companies: composed from parts, company names hashed into split pools."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any

from pydantic import Field

from datagen import resources
from datagen.config import Options, read_options
from datagen.domains.files import read_toml
from datagen.domains.phrasing import Dice
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.store.pools import Shares, pools

SHARED = "_shared"
MOST_NAMES = 1_000_000
"""Of a pool: parts multiply, and a pattern of eight of them would fill any memory."""


class PeopleSpec(Options):
    """_shared/names.toml."""

    first_names: tuple[str, ...] = Field(min_length=40, description="given names")
    female_names: tuple[str, ...] = Field(description="the given names that are women's")
    either_names: tuple[str, ...] = Field(default=(), description="the given names that are both women's and men's")
    last_names: tuple[str, ...] = Field(min_length=40, description="family names")
    streets: tuple[str, ...] = Field(min_length=10, description="street names, with their Street or Avenue")
    mail_hosts: tuple[str, ...] = Field(min_length=1, description="hosts of e-mail addresses, reserved ones")


class People:
    """Draws names of people, street addresses and mail hosts from the shared lists."""

    __slots__ = ("_either", "_female", "_first", "_last", "_streets", "mail_hosts")

    def __init__(self, spec: PeopleSpec) -> None:
        self._first, self._last = spec.first_names, spec.last_names
        self._streets, self.mail_hosts = spec.streets, spec.mail_hosts
        self._female, self._either = frozenset(spec.female_names), frozenset(spec.either_names)

    @staticmethod
    @cache
    def shared() -> "People":
        path: Path = resources.prompts() / SHARED / "names.toml"
        return People(read_options(PeopleSpec, read_toml(path, "_shared/names.toml"), "_shared/names.toml"))

    def first(self, dice: Dice) -> str:
        name: str = dice.pick(self._first)
        return name

    def sex(self, first_name: str) -> str:
        """`female` or `male`, as a listener expects of the name; empty where it may be both or is not one of the list's."""
        if first_name in self._either or first_name not in self._first:
            return ""
        return "female" if first_name in self._female else "male"

    def person(self, dice: Dice) -> str:
        return f"{dice.pick(self._first)} {dice.pick(self._last)}"

    def address(self, dice: Dice) -> str:
        return f"{dice.between(11, 989)} {dice.pick(self._streets)}"


def compose(patterns: Sequence[str], parts: Mapping[str, Sequence[str]], where: str) -> list[str]:
    """Every name that the patterns and parts make, sorted, without names that say a word twice; UserError on an unknown part."""
    names: set[str] = set()
    for pattern in patterns:
        used = _used(pattern, where)
        for name in used:
            if name not in parts:
                raise UserError(
                    f"{where}.patterns: {pattern!r} uses the part {name!r}. There are: {', '.join(parts) or 'none'}."
                )
        if (made := math.prod(len(parts[name]) for name in used)) > MOST_NAMES:
            raise UserError(
                f"{where}.patterns: {pattern!r} makes {made} names, and may make {MOST_NAMES}. Use fewer parts in it."
            )
        for words in product(*(parts[name] for name in used)):
            name = pattern.format(**dict(zip(used, words, strict=True)))
            pieces = name.lower().split()
            if len(set(pieces)) == len(pieces):
                names.add(name)
    return sorted(names)


def _used(pattern: str, where: str) -> list[str]:
    """The parts that a pattern uses; UserError where it is none, or asks for more than to put them there ({noun:>9})."""
    try:
        fields = [(name, spec, how) for _, name, spec, how in Formatter().parse(pattern) if name is not None]
    except ValueError as error:
        raise UserError(f"{where}.patterns: {pattern!r}: {error}.") from None
    if any(spec or how or not name for name, spec, how in fields):
        raise UserError(f"{where}.patterns: {pattern!r}: a part stands as {{name}} alone, without ':' or '!'.")
    return [name for name, _, _ in fields]


class NamePool:
    """Composed names with their attributes; each split sees only its own."""

    __slots__ = ("_by_shares", "all")

    def __init__(self, patterns: Sequence[str], parts: Mapping[str, Sequence[str]], where: str) -> None:
        self.all: tuple[str, ...] = tuple(compose(patterns, parts, where))
        if not self.all:
            raise UserError(f"{where}: patterns and parts make no name.")
        self._by_shares: dict[Shares, dict[Split, list[str]]] = {}

    def names(self, split: Split, shares: Shares) -> list[str]:
        """The names of a split's pool; all of them where there are too few for pools."""
        found = self._by_shares.get(shares)
        if found is None:
            found = self._by_shares[shares] = by_split(self.all, shares, "name")
        return found[split] or list(self.all)


def by_split(names: Sequence[str], shares: Shares, salt: str) -> dict[Split, list[Any]]:
    """The names of every split, in sorted order."""
    owner = pools(names, shares, salt)
    return {split: sorted(n for n, s in owner.items() if s is split) for split in Split}
