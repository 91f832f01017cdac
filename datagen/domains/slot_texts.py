"""Slot types that are drawn from lists, patterns and names, or taken from other slots."""

import operator
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, Literal

from pydantic import Field

from datagen.config import Options, knob, read_options
from datagen.domains.names import NamePool, People
from datagen.domains.slot_numbers import SCALE, show_int, show_money, show_text
from datagen.domains.slots import Draw, Slot
from datagen.errors import UserError

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O, which are taken for 1 and 0 on the telephone."""


class ChoiceSpec(Options):
    values: tuple[str, ...] = Field(min_length=1, description="the values, equally likely")


class WeightedSpec(Options):
    values: dict[str, float] = Field(min_length=1, description="value to weight")


class MapSpec(Options):
    of: str = Field(description="the slot that decides")
    values: dict[str, str] = Field(min_length=1, description="display of that slot to the value of this one")


class ChanceSpec(Options):
    p: float = Field(ge=0, le=1, description="share of true")


class TestSpec(Options):
    of: tuple[str | float, str | float] = Field(description="two slots, or a slot and a number")
    op: Literal["<", "<=", ">", ">=", "==", "!="] = Field(description="the comparison")


def choice_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    values = read_options(ChoiceSpec, table, where).values
    return Slot(lambda d: d.dice.pick(values), show_text, varied=len(set(values)) > 1)


def weighted_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(WeightedSpec, table, where)
    values, weights = list(spec.values), list(spec.values.values())
    if min(weights) < 0 or sum(weights) <= 0:
        raise UserError(f"{where}.values: weights must not be negative and not all zero, got {weights}.")
    return Slot(lambda d: d.dice.weighted(values, weights), show_text, varied=len(values) > 1)


def map_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(MapSpec, table, where)
    source = slots[spec.of]
    unit, show, values = parse_values(spec.values)

    def draw(d: Draw) -> Any:
        key = str(source.show(d.raw[spec.of]))
        if key not in values:
            raise UserError(
                f"{where}.values: there is no value for {spec.of} = {key!r}. There are: {', '.join(values)}."
            )
        return values[key]

    return Slot(draw, show, (spec.of,), unit, varied=False)


def parse_values(values: Mapping[str, str]) -> tuple[str, Callable[[Any], str], dict[str, Any]]:
    """Unit, display and raw values: money if all read as "$12.50", int if all are digits, else text."""
    texts = list(values.values())
    if all(t.startswith("$") and t[1:].replace(",", "").replace(".", "", 1).isdigit() for t in texts):
        return "cents", show_money, {k: round(float(v[1:].replace(",", "")) * 100) for k, v in values.items()}
    if all(t.isdigit() for t in texts):
        return "int", show_int, {k: int(v) for k, v in values.items()}
    return "", show_text, dict(values)


def chance_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    p = read_options(ChanceSpec, table, where).p
    return Slot(lambda d: d.dice.chance(p), bool, varied=False)


def test_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(TestSpec, table, where)
    compare = {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
    }[spec.op]
    sides = [_side(s, slots) for s in spec.of]
    needs = tuple(s for s in spec.of if isinstance(s, str))
    return Slot(lambda d: compare(sides[0](d), sides[1](d)), bool, needs, varied=False)


def _side(side: str | float, slots: Mapping[str, Slot]) -> Callable[[Draw], float]:
    if isinstance(side, str):
        factor = SCALE.get(slots[side].unit, 1.0)
        return lambda d: d.raw[side] / factor
    return lambda d: side


class DigitsSpec(Options):
    n: int = Field(ge=1, le=20, description="how many digits")


class CodeSpec(Options):
    pattern: str = Field(min_length=1, description="A a letter, # a digit, the rest as is")


class NoKeys(Options):
    pass


class OfSpec(Options):
    of: str = Field(description="the slot that it is taken of")


class EmailSpec(Options):
    of: str = knob("customer", "a person slot")


class LastSpec(Options):
    of: str = Field(description="the slot that it is taken of")
    n: int = knob(4, "how many digits", ge=1)


class NameSpec(Options):
    patterns: tuple[str, ...] = Field(min_length=1, description="patterns over parts")
    parts: dict[str, tuple[str, ...]] = Field(description="words by part name")


def digits_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    n = read_options(DigitsSpec, table, where).n
    return Slot(
        lambda d: "".join(str(d.dice.index(10 if i else 9) + (0 if i else 1)) for i in range(n)),
        show_text,
        slip=slip_digit,
    )


def code_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    pattern = read_options(CodeSpec, table, where).pattern

    def draw(d: Draw) -> str:
        return "".join(d.dice.pick(LETTERS) if c == "A" else str(d.dice.index(10)) if c == "#" else c for c in pattern)

    return Slot(draw, show_text, slip=slip_digit, varied="#" in pattern or "A" in pattern)


def slip_digit(draw: Draw, value: str) -> str:
    """The code with two neighbouring digits swapped, or one digit another, as people misread them."""
    at = [i for i, c in enumerate(value) if c.isdigit()]
    swaps = [i for i in at if i + 1 in at and value[i] != value[i + 1]]
    if swaps and draw.dice.chance(0.5):
        i = draw.dice.pick(swaps)
        return value[:i] + value[i + 1] + value[i] + value[i + 2 :]
    if not at:
        return value
    i = draw.dice.pick(at)
    return value[:i] + str((int(value[i]) + draw.dice.between(1, 9)) % 10) + value[i + 1 :]


def _slip_phone(draw: Draw, value: str) -> str:
    return value[:6] + slip_digit(draw, value[6:])


def phone_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    read_options(NoKeys, table, where)
    return Slot(lambda d: f"555-01{d.dice.index(100):02d}", show_text, slip=_slip_phone)


def of_people(
    draw_name: Callable[[People, Draw], str], slip: Callable[[Draw, str], str] | None = None
) -> Callable[..., Slot]:
    def make(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
        read_options(NoKeys, table, where)
        people = People.shared()
        return Slot(lambda d: draw_name(people, d), show_text, slip=slip)

    return make


def email_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    of = read_options(EmailSpec, table, where).of
    hosts = People.shared().mail_hosts

    def draw(d: Draw) -> str:
        first, last = d.raw[of].lower().split()[0], d.raw[of].lower().split()[-1]
        form = d.dice.index(3)
        name = (
            f"{first}.{last}" if form == 0 else f"{first[0]}{last}" if form == 1 else f"{first}{d.dice.between(10, 99)}"
        )
        return f"{name}@{d.dice.pick(hosts)}"

    return Slot(draw, show_text, (of,))


def words_at(index: int) -> Callable[..., Slot]:
    def make(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
        of = read_options(OfSpec, table, where).of
        show = slots[of].show
        return Slot(lambda d: str(show(d.raw[of])).split()[index], show_text, (of,), varied=False)

    return make


def last_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(LastSpec, table, where)
    show = slots[spec.of].show

    def draw(d: Draw) -> str:
        digits = "".join(c for c in str(show(d.raw[spec.of])) if c.isdigit())
        return digits[-spec.n :]

    return Slot(draw, show_text, (spec.of,), varied=False)


def name_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(NameSpec, table, where)
    pool = NamePool(spec.patterns, spec.parts, where)
    return Slot(lambda d: d.dice.pick(pool.names(d.split, d.shares)), show_text)


class TextSpec(Options):
    text: str = Field(description="slots in braces")


def other_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    of = read_options(OfSpec, table, where).of
    source = slots[of]
    if not source.varied:
        raise UserError(f"{where}.of: {of} has no second value.")
    return Slot(lambda d: another(source, d, d.raw[of]), source.show, (of, *source.needs), source.unit, varied=False)


def mistaken(slot: Slot, draw: Draw, value: Any) -> Any:
    """What someone says by mistake for `value`: a slip where the type has one, else another value of the slot."""
    return slot.slip(draw, value) if slot.slip is not None else another(slot, draw, value)


def another(slot: Slot, draw: Draw, value: Any) -> Any:
    """A second raw value of a slot that shows differently from `value`, which comes back after 12 vain tries."""
    shown = slot.show(value)
    for _ in range(12):
        candidate = slot.draw(draw)
        if slot.show(candidate) != shown:
            return candidate
    return value


def text_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    text = read_options(TextSpec, table, where).text
    pieces = [(literal, name) for literal, name, _, _ in Formatter().parse(text)]
    needs = tuple(name for _, name in pieces if name)

    def draw(d: Draw) -> str:
        return "".join(literal + (str(slots[name].show(d.raw[name])) if name else "") for literal, name in pieces)

    return Slot(draw, show_text, needs, varied=False)
