"""What was given so far in a dialogue: the source that a stated value has to be found in, or be computed from."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from datagen.text.forms import Value, ValueType
from datagen.text.lexicon import OPENERS
from datagen.text.values import values_of

_WORD = re.compile(r"[a-z]+")
_JOINERS = frozenset(("of", "de", "la", "del", "van", "von", "s", "the", "and"))
_CODES = (ValueType.CODE, ValueType.PHONE, ValueType.NUMBER, ValueType.TIME)
_MAX_FACTOR = 31
"""The highest count that a price is multiplied by: the nights of a month."""
_HOUR_MINUTES = {"hour": 60, "minute": 1}


class Source:
    """What was given so far: the keys of its values, its words, and its codes in one string."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._words: set[str] = set()
        self._codes = " "
        self._money: set[int] = set()

    def add(self, text: str) -> None:
        for value in values_of(text):
            self.give(value)
        self._words |= _words_of(text)

    def give(self, value: Value) -> None:
        """One value that no text gives, such as the day that "tomorrow" is."""
        self._keys.update(value.gives)
        if value.type in _CODES and len(value.canonical) > 2:
            self._codes += value.canonical + " "
        if value.type is ValueType.MONEY:
            self._money.add(cents(value.canonical))

    def holds(self, value: Value) -> bool:
        """Whether `value` was given, in any form, or states nothing."""
        if value.idiom:
            return True
        if value.type is ValueType.NAME:
            return all(self.has_word(w) for w in _WORD.findall(value.canonical.lower()))
        if any(key in self._keys for key in value.needs):
            return True
        if value.parts and all(any(key in self._keys for key in part) for part in value.parts):
            return True
        if value.type in (ValueType.CODE, ValueType.PHONE) or _is_long_number(value):
            text = value.canonical
            return (len(text) > 2 and text in self._codes) or (text.isalpha() and self.has_word(text.lower()))
        return False

    def has_word(self, word: str) -> bool:
        """Whether a word in small letters was given, or says nothing by itself."""
        return (
            word in self._words or word in _JOINERS or word in OPENERS or (word[-1] == "s" and word[:-1] in self._words)
        )

    def adds_up_to(self, value: Value, counts: Iterable[int]) -> bool:
        """Whether `value` is the sum or difference of two given ones of its kind, or a given price times one of `counts`.

        Money, and spans in hours or minutes between two given times.
        """
        sums = {cents(k[2:]) for k in value.needs if k.startswith("m:")}
        if sums and not sums.isdisjoint(self._sums(counts)):
            return True
        spans = {int(n) * _HOUR_MINUTES[unit] for n, unit in units(value) if unit in _HOUR_MINUTES and n.isdigit()}
        return bool(spans) and not spans.isdisjoint(self._spans())

    def close_to(self, value: Value, share: float) -> bool:
        """Whether a sum was given that differs from `value` by no more than a share of it: for "almost" and "about"."""
        wanted = {cents(k[2:]) for k in value.needs if k.startswith("m:")}
        return any(abs(w - m) <= share * m for w in wanted for m in self._money)

    def holds_cents(self, value: Value) -> bool:
        """Whether a bare number was given as so many cents."""
        return any(f"m:0.{k[2:].zfill(2)}" in self._keys for k in value.needs if k.startswith("c:"))

    def days(self) -> Iterator[tuple[int, int]]:
        """The given days, month and day."""
        for key in self._keys:
            if key.startswith("d:"):
                month, _, day = key[2:].partition("-")
                yield int(month), int(day)

    def spans_days(self) -> set[int]:
        """The given spans in days."""
        found = (k[2:].split(":") for k in self._keys if k.startswith("u:"))
        return {int(n) * (7 if unit == "week" else 1) for n, unit in found if unit in ("day", "week") and n.isdigit()}

    def _sums(self, counts: Iterable[int]) -> set[int]:
        money = self._money
        found = {a + b for a in money for b in money if a != b} | {a - b for a in money for b in money}
        return found | {a * n for a in money for n in counts if 1 < n <= _MAX_FACTOR}

    def _spans(self) -> set[int]:
        times = [_minutes(k[2:]) for k in self._keys if k.startswith("t:") and k.endswith("m")]
        return {abs(a - b) for a in times for b in times}


def _is_long_number(value: Value) -> bool:
    """Whether a number may be a code that is said without its letters."""
    return value.type is ValueType.NUMBER and value.canonical.isdigit() and len(value.canonical) >= _LONG_NUMBER


_LONG_NUMBER = 5


@lru_cache(maxsize=256)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def cents(text: str) -> int:
    """`12.50` as 1250."""
    return round(float(text) * 100)


def units(value: Value) -> list[tuple[str, str]]:
    """The numbers of a value with the unit that they count."""
    return [(k.split(":")[1], k.split(":")[2]) for k in value.needs if k.startswith("u:")]


def _minutes(text: str) -> int:
    """`7:30pm` as minutes of the day."""
    hour, _, minute = text[:-2].partition(":")
    return (int(hour) % 12 + 12 * text.endswith("pm")) * 60 + int(minute)
