"""Slot types of days and hours."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field

from datagen.config import Options, knob, read_options
from datagen.domains.slot_numbers import bound
from datagen.domains.slots import Draw, Slot
from datagen.errors import UserError

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def show_time(minutes: int) -> str:
    hour, minute = divmod(minutes % 1440, 60)
    clock = f"{(hour - 1) % 12 + 1}:{minute:02d}" if minute else f"{(hour - 1) % 12 + 1}"
    return f"{clock} {'AM' if hour < 12 else 'PM'}"


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th … of a number."""
    suffix = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"


def date_shower(form: str) -> Callable[[int], str]:
    """How a day (proleptic ordinal) is shown in one of the date formats."""

    def show(day: int) -> str:
        date = datetime.date.fromordinal(day)
        name = f"{MONTHS[date.month - 1]} {ordinal(date.day)}"
        if form == "weekday":
            return WEEKDAYS[date.weekday()]
        if form == "weekday_date":
            return f"{WEEKDAYS[date.weekday()]}, {name}"
        return f"{name}, {date.year}" if form == "full" else name

    return show


class DateSpec(Options):
    from_: str = Field(default="today", alias="from", description="date slot to count from")
    days: int | str | tuple[int | str, int | str] = Field(description="days after it: a number or [lo, hi]")
    weekdays: bool = knob(False, "move to Monday to Friday")
    format: Literal["date", "weekday", "weekday_date", "full"] = knob("date", "display form")


class BirthSpec(Options):
    min_age: int = knob(19, "youngest", "years", ge=0)
    max_age: int = knob(84, "oldest", "years", le=120)


class TimeSpec(Options):
    min: str = knob("", "earliest, 24 h clock")
    max: str = knob("", "latest, 24 h clock")
    step: int = knob(30, "grid", "minutes", ge=1)
    from_: str = Field(default="", alias="from", description="time slot to count from")
    minutes: int | tuple[int, int] = knob(0, "minutes after it: a number or [lo, hi]")


def date_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(DateSpec, table, where)
    if slots[spec.from_].unit != "day":
        raise UserError(f"{where}.from: {spec.from_} is not a date slot.")
    pair = spec.days if isinstance(spec.days, tuple) else (spec.days, spec.days)
    low, high = (bound(p, "int", slots, where) for p in pair)

    def draw(d: Draw) -> int:
        day: int = d.raw[spec.from_] + d.dice.between(low(d), high(d))
        weekday = (day - 1) % 7
        return day + 7 - weekday if spec.weekdays and weekday > 4 else day

    needs = (spec.from_, *(p for p in pair if isinstance(p, str)))
    return Slot(draw, date_shower(spec.format), needs, "day", varied=pair[0] != pair[1])


def _slip_day(draw: Draw, day: int) -> int:
    """A day some days off, as people mistype a date of birth."""
    shift: int = draw.dice.pick((-10, -2, -1, 1, 2, 10))
    return day + shift


def birth_date_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(BirthSpec, table, where)
    low, high = spec.min_age * 366, spec.max_age * 365
    return Slot(lambda d: d.raw["today"] - d.dice.between(low, high), date_shower("full"), ("today",), "day", _slip_day)


def time_slot(table: Mapping[str, Any], slots: Mapping[str, Slot], where: str) -> Slot:
    spec = read_options(TimeSpec, table, where)
    if spec.from_:
        source = spec.from_
        if slots[source].unit != "minutes":
            raise UserError(f"{where}.from: {source} is not a time slot.")
        low, high = spec.minutes if isinstance(spec.minutes, tuple) else (spec.minutes, spec.minutes)
        step = spec.step if high - low >= spec.step else max(1, high - low)
        return Slot(
            lambda d: (d.raw[source] + low + step * d.dice.index((high - low) // step + 1)) % 1440,
            show_time,
            (source,),
            "minutes",
            varied=low != high,
        )
    first, last = _clock(spec.min, f"{where}.min"), _clock(spec.max, f"{where}.max")
    n = (last - first) // spec.step + 1
    if n < 1:
        raise UserError(f"{where}: min {spec.min} is after max {spec.max}.")
    return Slot(lambda d: first + spec.step * d.dice.index(n), show_time, (), "minutes", varied=n > 1)


def _clock(text: str, where: str) -> int:
    try:
        hour, minute = (int(p) for p in text.split(":"))
    except ValueError:
        raise UserError(f'{where}: a time of day as "17:30" is needed, got {text!r}.') from None
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise UserError(f"{where}: {text} is not a time of day.")
    return hour * 60 + minute
