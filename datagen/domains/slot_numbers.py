"""Numeric slot types: counts, money, shares, durations, and what is derived of them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field

from datagen.config import Options, knob, read_options
from datagen.domains.slots import Draw, Slot
from datagen.errors import UserError

Number = float | str
"""A number, or the name of a numeric slot."""


def show_text(value: Any) -> str:
    return str(value)


def show_int(value: int) -> str:
    return f"{value:,}"


def show_money(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}${whole:,}.{rest:02d}" if rest else f"{sign}${whole:,}"


def show_percent(basis_points: int) -> str:
    return f"{basis_points / 100:g}%"


SCALE = {"cents": 100.0, "bp": 100.0}
"""How many raw units one unit of the file is: money is kept in cents, percent in basis points."""


class NumberSpec(Options):
    min: Number = Field(description="lowest value, or a numeric slot")
    max: Number = Field(description="highest value, or a numeric slot")
    step: float = knob(0, "grid of the values; 0 is the type's own", ge=0)


MOST = 1e12
"""The largest number that a slot may hold."""


class DurationSpec(NumberSpec):
    unit: Literal["minute", "hour", "day", "week", "month", "year", "business day"] = Field(
        description="what is counted"
    )


def bound(value: Number, unit: str, slots: Mapping[str, Slot], where: str) -> Callable[[Draw], int]:
    if isinstance(value, str):
        if slots[value].unit not in ("cents", "bp", "int"):
            raise UserError(f"{where}: {value} is not a numeric slot.")
        factor = SCALE.get(unit, 1.0) / SCALE.get(slots[value].unit, 1.0)
        return lambda draw: round(draw.raw[value] * factor)
    fixed = round(_countable(value, where) * SCALE.get(unit, 1.0))
    return lambda draw: fixed


def _countable(value: float, where: str) -> float:
    """The number; UserError for one that cannot be counted to: nan, inf (TOML has both), or of hundreds of digits."""
    if not abs(value) <= MOST:
        raise UserError(f"{where}: {str(value)[:20]} is no number for a slot; it may be {MOST:g} at most.")
    return value


def _number(
    spec: NumberSpec, unit: str, step: float, show: Callable[[int], str], slots: Mapping[str, Slot], where: str
) -> Slot:
    low, high = bound(spec.min, unit, slots, where), bound(spec.max, unit, slots, where)
    grid = max(1, round(_countable(spec.step or step, where) * SCALE.get(unit, 1.0)))
    needs = tuple(v for v in (spec.min, spec.max) if isinstance(v, str))
    if not needs and low(None) > high(None):  # type: ignore[arg-type]
        raise UserError(f"{where}: min {spec.min:g} is above max {spec.max:g}.")

    def draw(d: Draw) -> int:
        a, b = low(d), high(d)
        return a + grid * d.dice.index(max(0, b - a) // grid + 1)

    return Slot(draw, show, needs, unit)


def int_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    return _number(read_options(NumberSpec, table, where), "int", 1, show_int, slots, where)


def money_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    return _number(read_options(NumberSpec, table, where), "cents", 0.01, show_money, slots, where)


def percent_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    return _number(read_options(NumberSpec, table, where), "bp", 0.05, show_percent, slots, where)


def duration_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(DurationSpec, table, where)

    def show(n: int) -> str:
        return f"{n:,} {spec.unit}" if n == 1 else f"{n:,} {spec.unit}s"

    return _number(spec, "int", 1, show, slots, where)


class SumSpec(Options):
    of: tuple[str, ...] = Field(min_length=2, description="numeric slots")


class ScaleSpec(Options):
    of: str = Field(description="numeric slot")
    by: Number = Field(description="a number or a numeric slot; a percent slot counts as a share")


def summed(sign: int) -> Callable[..., Slot]:
    def make(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
        names = read_options(SumSpec, table, where).of
        units = {slots[n].unit for n in names}
        if len(units) > 1 or units & {"", "day"}:
            raise UserError(f"{where}.of: {', '.join(names)} are not numeric slots of one type.")
        first = slots[names[0]]
        rest = names[1:]
        return Slot(
            lambda d: d.raw[names[0]] + sign * sum(d.raw[n] for n in rest), first.show, names, first.unit, varied=False
        )

    return make


def scale_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(ScaleSpec, table, where)
    source = slots[spec.of]
    if source.unit not in ("cents", "bp", "int"):
        raise UserError(f"{where}.of: {spec.of} is not a numeric slot.")
    if isinstance(spec.by, str):
        by, factor = spec.by, 10_000.0 if slots[spec.by].unit == "bp" else SCALE.get(slots[spec.by].unit, 1.0)
        return Slot(
            lambda d: round(d.raw[spec.of] * d.raw[by] / factor), source.show, (spec.of, by), source.unit, varied=False
        )
    fixed = spec.by
    return Slot(lambda d: round(d.raw[spec.of] * fixed), source.show, (spec.of,), source.unit, varied=False)
