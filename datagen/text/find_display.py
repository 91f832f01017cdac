"""Values written with digits or signs: `$12.50`, `7:30pm`, `3/15`, `555-0142`, `A7-4K2`, `jane@example.com`."""

import re
from collections.abc import Callable
from functools import lru_cache

from datagen.text import forms
from datagen.text.forms import Value
from datagen.text.units import unit_of

Reader = Callable[[re.Match[str]], list[Value]]

_SIZES = {"k": 1_000, "m": 1_000_000, "mm": 1_000_000, "b": 10**9, "bn": 10**9}


@lru_cache(maxsize=16384)
def display_values(core: str) -> tuple[Value, ...]:
    """The values of one display word that hold without their neighbours; () for a bare number, which needs them."""
    for pattern, reader in _READERS:
        found = pattern.fullmatch(core)
        if found:
            values = reader(found)
            if values:
                return tuple(values)
    return ()


BARE = re.compile(r"[+\-−]?(\d[\d,]*(?:\.\d+)?|\.\d+)")
"""A number without sign or unit: what it is depends on the words beside it."""


def _money(found: re.Match[str]) -> list[Value]:
    number, size = found[1], (found[2] or "").lower()
    if size:
        number = f"{float(number.replace(',', '')) * _SIZES[size]:.2f}"
    return [forms.money(number)]


def _money_range(found: re.Match[str]) -> list[Value]:
    return [forms.money(found[1]), forms.money(found[2])]


def _cents(found: re.Match[str]) -> list[Value]:
    return [forms.money(f"{int(found[1]) / 100:.2f}")]


def _percent(found: re.Match[str]) -> list[Value]:
    return [forms.percent(p) for p in found.groups() if p]


def _clock(hour: str, minute: str | None, half: str | None) -> list[Value]:
    h, m = int(hour), int(minute or 0)
    return [forms.time(h, m, (half or "").replace(".", "").lower())] if h <= 24 and m < 60 else []


def _time(found: re.Match[str]) -> list[Value]:
    return _clock(found[1], found[2], found[3])


def _hour(found: re.Match[str]) -> list[Value]:
    return _clock(found[1], None, found[2])


def _time_range(found: re.Match[str]) -> list[Value]:
    return _clock(found[1], found[2], found[3]) + _clock(found[4], found[5], found[6])


def _ordinal(found: re.Match[str]) -> list[Value]:
    return [forms.ordinal(int(found[1].replace(",", "")))]


def _iso(found: re.Match[str]) -> list[Value]:
    return [*_day(found[2], found[3]), forms.year(found[1])]


def _day(month: str, day: str) -> list[Value]:
    m, d = int(month), int(day)
    return [forms.date(m, d)] if 1 <= m <= 12 and 1 <= d <= 31 else []


def _slash_date(found: re.Match[str]) -> list[Value]:
    year = found[3] if len(found[3]) == 4 else f"20{found[3]}"
    return [*_day(found[1], found[2]), forms.year(year)]


def _slash(found: re.Match[str]) -> list[Value]:
    if found[0] == "24/7":
        return [forms.quantity("24", idiom=True)]
    return _day(found[1], found[2]) or [forms.quantity(found[1]), forms.quantity(found[2])]


def _phone(found: re.Match[str]) -> list[Value]:
    groups = re.findall(r"\d+", found[0])
    return [forms.code("".join(groups), groups, phone=True)]


def _groups(found: re.Match[str]) -> list[Value]:
    groups = re.findall(r"\d+", found[0])
    return [forms.code("".join(groups), groups)]


def _range(found: re.Match[str]) -> list[Value]:
    return [forms.quantity(found[1]), forms.quantity(found[2])]


def _counted(found: re.Match[str]) -> list[Value]:
    return [forms.quantity(found[1], unit_of(found[2]))]


def _hash(found: re.Match[str]) -> list[Value]:
    return [forms.code(found[1])]


def _code(found: re.Match[str]) -> list[Value]:
    groups = re.findall(r"[A-Za-z0-9]+", found[0])
    text = "".join(groups).upper()
    if not any(c.isalpha() for c in text):
        return [forms.code(text, groups)]
    return [forms.code(text, [g.upper() for g in groups])]


def _email(found: re.Match[str]) -> list[Value]:
    return [forms.email(found[0])]


def _spelled(found: re.Match[str]) -> list[Value]:
    return [forms.code(found[0].replace("-", "").upper())]


_NUM = r"(\d[\d,]*(?:\.\d+)?)"
_HALF = r"([aApP]\.?[mM])"
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (rf"[-−+]?[$€£]{_NUM}([kmbKMB]|mm|bn)?\+?(?:/[A-Za-z]+)?", _money),
        (rf"[$€£]{_NUM}[-–][$€£]?{_NUM}", _money_range),
        (r"(\d{1,2})¢", _cents),
        (rf"[-−+]?{_NUM}%", _percent),
        (rf"{_NUM}%?[-–]{_NUM}%", _percent),
        (rf"(\d{{1,2}}):(\d{{2}}){_HALF}?", _time),
        (rf"(\d{{1,2}}){_HALF}", _hour),
        (rf"(\d{{1,2}})(?::(\d{{2}}))?{_HALF}?[-–](\d{{1,2}})(?::(\d{{2}}))?{_HALF}", _time_range),
        (rf"(\d{{1,2}}):(\d{{2}}){_HALF}?[-–](\d{{1,2}}):(\d{{2}}){_HALF}?", _time_range),
        (r"(\d[\d,]*)(?:st|nd|rd|th)", _ordinal),
        (r"(\d{4})-(\d{2})-(\d{2})", _iso),
        (r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})", _slash_date),
        (r"(\d{1,3})/(\d{1,3})", _slash),
        (r"(?:\+?1[-. ])?(?:\(?\d{3}\)?[-. ])?\d{3}[-.]\d{4}|1-[89]\d{2}-\d{3}-\d{4}|\+\d{10,14}", _phone),
        (r"(\d{1,4})[-–](\d{1,4})", _range),
        (r"\d+(?:-\d+)+|\d+(?:\.\d+){2,}", _groups),
        (r"#(\d+)", _hash),
        (rf"{_NUM}-([a-z]+)(?:-[a-z]+)*", _counted),
        (rf"{_NUM}(°[FfCc]?|[a-z]+)", _counted),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _email),
        (r"(?=.*\d)(?=.*[A-Za-z-])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", _code),
        (r"(?:[A-Za-z]-){2,}[A-Za-z]", _spelled),
    )
)
