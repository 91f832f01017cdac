"""Values in canonical form, and the keys by which two of them are compared.

A key is a kind and a canonical text: `m:12.50` money, `t:7:30` and `t:7:30pm` time, `n:45` number, `b:45` number without a
unit, `u:45:minute` number with one, `p:3.5` percent, `d:3-3` date, `mo:3` month, `dd:3` day of the month, `do:3` day of a
full date, `w:monday`, `o:3` ordinal, `c:4417` digits or a code, `e:` an address. `needs` are the keys of which a source has
to give one, `gives` the keys that a source gives: "seven" needs a number or a time or a day, while 7:30 PM gives half past
seven with and without its half of the day.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class ValueType(StrEnum):
    MONEY = "money"
    PERCENT = "percent"
    NUMBER = "number"
    ORDINAL = "ordinal"
    TIME = "time"
    DATE = "date"
    CODE = "code"
    PHONE = "phone"
    EMAIL = "email"
    NAME = "name"


class Value(NamedTuple):
    """One value of a text: `surface` is its display text from word `word` on, `n_words` long.

    `needs`, `gives` and `parts` are keys (see the module): a source grounds the value if it gives one of `needs`, or one
    of each of `parts`. `idiom` marks counts and set phrases that state nothing ("one moment", "24/7", "two things").
    """

    type: ValueType
    canonical: str
    surface: str
    word: int
    n_words: int
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()
    idiom: bool = False

    def at(self, surface: str, word: int, n_words: int) -> "Value":
        """The same value at its place."""
        return Value(self.type, self.canonical, surface, word, n_words, self.needs, self.gives, self.parts, self.idiom)


def _value(
    type_: ValueType,
    canonical: str,
    needs: Iterable[str],
    gives: Iterable[str],
    parts: Iterable[tuple[str, ...]] = (),
    *,
    idiom: bool = False,
) -> Value:
    return Value(type_, canonical, "", 0, 0, tuple(needs), tuple(gives), tuple(parts), idiom)


def plain_number(text: str) -> str:
    """A number without leading and trailing zeros: `3.50` gives `3.5`, `1,240` gives `1240`."""
    whole, _, part = text.replace(",", "").partition(".")
    part = part.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{part}" if part else "")


def dollars(text: str) -> str:
    """A sum with two places: `12` and `12.5` give `12.00` and `12.50`."""
    whole, _, part = text.replace(",", "").partition(".")
    return f"{whole.lstrip('0') or '0'}.{part[:2].ljust(2, '0')}"


@lru_cache(maxsize=4096)
def money(text: str) -> Value:
    """A sum; `text` is a decimal number of dollars (or of another currency: the symbol is not compared)."""
    sum_ = dollars(text)
    return _value(ValueType.MONEY, sum_, (f"m:{sum_}",), (f"m:{sum_}",))


@lru_cache(maxsize=4096)
def percent(text: str, *, idiom: bool = False) -> Value:
    n = plain_number(text)
    return _value(ValueType.PERCENT, n, (f"p:{n}",), (f"p:{n}",), idiom=idiom)


@lru_cache(maxsize=4096)
def time(hour: int, minute: int, half: str = "") -> Value:
    """A time of day; `half` is `am`, `pm` or "". Hours of 13 and more, and 0, have their half from themselves."""
    if hour >= 13 or hour == 0:
        half = "pm" if 13 <= hour < 24 else "am"
    clock = f"{hour % 12 or 12}:{minute:02d}"
    needs = [f"t:{clock}{half}"]
    gives = [f"t:{clock}", f"t:{clock}{half}"] if half else [f"t:{clock}", f"t:{clock}am", f"t:{clock}pm"]
    if hour >= 13 and minute == 0:
        needs.append(f"n:{hour}")
    if minute == 0:
        gives.append(f"h:{hour % 12 or 12}")
    return _value(ValueType.TIME, clock, needs, dict.fromkeys(gives))


@lru_cache(maxsize=4096)
def month(number: int) -> Value:
    return _value(ValueType.DATE, f"{number:02d}", (f"mo:{number}",), (f"mo:{number}",))


@lru_cache(maxsize=4096)
def date(month_: int, day: int) -> Value:
    d = f"d:{month_}-{day}"
    parts = ((f"mo:{month_}",), (f"dd:{day}",))
    return _value(ValueType.DATE, f"{month_:02d}-{day:02d}", (d,), (d, f"mo:{month_}", f"do:{day}"), parts)


@lru_cache(maxsize=4096)
def weekday(name: str) -> Value:
    return _value(ValueType.DATE, name, (f"w:{name}",), (f"w:{name}",))


def weekdays(names: Sequence[str]) -> Value:
    """A group of days (`weekdays`, `weekend`): gives the range of its ends, a weekend its two days too.

    It names no day, so it states nothing.
    """
    whole = f"w:{names[0]}-{names[-1]}"
    ends = tuple(f"w:{n}" for n in (names[0], names[-1]))
    gives = (whole, *ends) if len(names) == 2 else (whole,)
    return _value(ValueType.DATE, "+".join(names), (whole,), gives, idiom=True)


def weekday_range(first: str, last: str) -> Value:
    """`Monday to Friday`: gives its ends, not the days between, and needs both of them or the group that it is."""
    whole, ends = f"w:{first}-{last}", (f"w:{first}", f"w:{last}")
    return _value(ValueType.DATE, f"{first}-{last}", (whole,), (whole, *ends), tuple((e,) for e in ends))


@lru_cache(maxsize=4096)
def year(text: str) -> Value:
    return _value(ValueType.DATE, text, (f"n:{text}",), (f"n:{text}",))


@lru_cache(maxsize=4096)
def ordinal(n: int, *, idiom: bool = False) -> Value:
    return _value(
        ValueType.ORDINAL, str(n), (f"o:{n}", f"dd:{n}", f"do:{n}", f"n:{n}"), (f"o:{n}", f"dd:{n}"), idiom=idiom
    )


def code(text: str, groups: Sequence[str] = (), *, phone: bool = False) -> Value:
    """Digits or a code, letters in capitals; `groups` are the parts in which it is written, each given on its own."""
    tails = [text[-k:] for k in (4, 3) if len(text) > k and text.isdigit()]
    gives = [f"c:{t}" for t in dict.fromkeys([text, *tails, *groups])]
    if text.isdigit() and len(text) < 10:
        gives.append(f"n:{plain_number(text)}")
    needs = [f"c:{text}"] + ([f"n:{plain_number(text)}"] if text.isdigit() and text[0] != "0" and len(text) < 7 else [])
    return _value(ValueType.PHONE if phone else ValueType.CODE, text, needs, gives)


@lru_cache(maxsize=4096)
def email(text: str) -> Value:
    address = text.lower()
    return _value(ValueType.EMAIL, address, (f"e:{address}",), (f"e:{address}",))


def name(text: str) -> Value:
    return _value(ValueType.NAME, text, (), ())


@lru_cache(maxsize=4096)
def quantity(text: str, unit: str = "", *, idiom: bool = False) -> Value:
    """A number; with the `unit` that follows (`45 minutes`: `minute`) it is no time, sum or day, and no other unit's."""
    n = plain_number(text)
    if unit:
        return _value(ValueType.NUMBER, n, (f"u:{n}:{unit}", f"b:{n}"), (f"n:{n}", f"u:{n}:{unit}"), idiom=idiom)
    whole = text.replace(",", "")
    keys = [f"n:{n}", f"m:{dollars(n)}", f"p:{n}", f"c:{whole}"]
    gives = [*keys, f"b:{n}"]
    if n.isdigit() and len(n) < 3:
        day_or_hour = int(n)
        if 1 <= day_or_hour <= 31:
            keys += [f"dd:{n}", f"do:{n}", f"o:{n}"]
            gives += [f"dd:{n}", f"o:{n}"]
        if 1 <= day_or_hour <= 12:
            keys += [f"t:{n}:00", f"h:{n}"]
            gives += [f"t:{n}:00", f"t:{n}:00am", f"t:{n}:00pm"]
    if whole.isdigit() and len(whole) > 4:
        gives += [f"c:{whole[-4:]}"]
    return _value(ValueType.NUMBER, n, keys, gives, idiom=idiom)


def series(cards: Sequence[str]) -> Value:
    """Several numbers in a row without a pause: a time, a sum, a year or digits one by one (`twelve fifty`, `four four one seven`)."""
    joined = "".join(cards)
    parts = tuple(quantity(c).needs for c in cards)
    keys = [f"c:{joined}"]
    if joined[0] != "0" and len(joined) < 10:
        keys += [f"n:{joined}", f"b:{joined}"]
    split = _two(cards)
    type_, canonical = ValueType.NUMBER, joined
    gives = list(keys)
    if split:
        head, tail = split
        sums = [f"m:{head}.{tail}", f"m:{joined}.00"]
        keys += sums
        gives += sums
        if 1 <= int(head) <= 24 and int(tail) < 60:
            clock = time(int(head), int(tail))
            year_like = head in ("19", "20") and len(cards) == 2
            type_, canonical = (ValueType.DATE, joined) if year_like else (ValueType.TIME, clock.canonical)
            keys += clock.needs
            gives += clock.gives
    elif len(cards) == 3 and [len(c) for c in cards] == [1, 2, 2]:  # "two fourteen seventy-five"
        sum_ = f"m:{cards[0]}{cards[1]}.{cards[2]}"
        keys.append(sum_)
        gives.append(sum_)
    elif all(len(c) == 1 for c in cards) and len(cards) > 1:
        whole = code(joined, phone=len(joined) in (7, 10, 11))
        type_, gives = whole.type, [*gives, *whole.gives]
    return _value(type_, canonical, dict.fromkeys(keys), dict.fromkeys(gives), parts)


def _two(cards: Sequence[str]) -> tuple[str, str] | None:
    """The two halves of `twelve fifty` or `seven oh five`."""
    if len(cards) == 2 and len(cards[1]) == 2 and len(cards[0]) <= 2 and cards[0] != "0":
        return cards[0], cards[1]
    if len(cards) == 3 and cards[1] == "0" and len(cards[2]) == 1 and len(cards[0]) <= 2 and cards[0] != "0":
        return cards[0], "0" + cards[2]
    return None


@lru_cache(maxsize=4096)
def duration(hours: float) -> Value:
    """`half an hour`, `an hour and a half`: found as so many hours or as so many minutes."""
    minutes, n = f"{hours * 60:g}", f"{hours:g}"
    keys = (f"u:{minutes}:minute", f"u:{n}:hour")
    return _value(ValueType.NUMBER, f"{minutes} minutes", keys, keys)
