"""How a word with digits in it is said: the first pattern that fits, in the order of `_READERS`."""

import re
from collections.abc import Callable

from datagen.text.lexicon import CURRENCIES, MAGNITUDES, MONTH_NAMES, MONTH_SHORT, MONTHS, PER, SINGULAR, UNITS
from datagen.text.numbers import amount, cardinal, clock, decimal, digits, ordinal, pairs, plural, year
from datagen.text.reading import Around, letters
from datagen.text.wordlist import words

Reader = Callable[[re.Match[str], Around], str]

_ROOM_WORDS = words("room suite apartment apt unit flight gate bus route highway table interstate")
_STREET_WORDS = words(
    "street st avenue ave road rd lane ln drive dr boulevard blvd court way place plaza parkway square highway"
)
_YEAR_WORDS = words(
    "in since of year about around circa until by before after from during late early mid class summer winter fall spring"
)
_NOT_YEAR_NOUNS = words("people dollars miles points calories feet steps pounds members customers square")
_NO_PLURALS = words("is as was has this its it's that's yes us")
_DATE_WORDS = words("on by until from dated date before after due through since")
_PARTS_OF_TWO = {2: "half", 3: "third", 4: "quarter"}
_SPECIAL = {
    "24/7": "twenty four seven",
    "50/50": "fifty fifty",
    "20/20": "twenty twenty",
    "9/11": "nine eleven",
    "911": "nine one one",
    "401k": "four oh one K",
    "401(k": "four oh one K",
}
_LOCAL_PHONE = re.compile(r"\d{3}[-.]\d{4}")
_PAIR = re.compile(r"(.+?)[-–—](.+)")
_SIDE = re.compile(r"[$€£]?\d[\d,]*(?:\.\d+)?(?:%|[kKmM])?|\d{1,2}:\d{2}|\d+(?:st|nd|rd|th)", re.IGNORECASE)


def say(core: str, around: Around) -> str:
    """The words for `core`, which holds a digit; "" where no pattern fits (the caller then reads it part by part)."""
    if core.lower() in _SPECIAL:
        return _SPECIAL[core.lower()]
    for pattern, reader in _READERS:
        found = pattern.fullmatch(core)
        if found:
            said = reader(found, around)
            if said:
                return said
    return ""


def integer(text: str, around: Around) -> str:
    """A whole number in its context: an identifier digit by digit, a year, a day of the month, a house number, else a cardinal."""
    n, size = int(text), len(text)
    month_before = any(_is_month(w) for w in around.before[-2:])
    if text[0] == "0" and size > 1:
        return digits(text)
    if month_before and size == 4 and 1000 <= n <= 2999:
        return year(n)
    if around.before and _is_month(around.before[-1]) and 0 < n <= 31:
        return ordinal(n)
    if around.after and _is_month(around.after[0]) and 0 < n <= 31:
        return f"the {ordinal(n)} of"
    if size in (3, 4) and _before_street(around) and n % 100:
        return pairs(text)
    if around.id_context and (size >= 3 or around.previous in ("pin", "code")):
        return digits(text)
    if size == 3 and (
        around.previous in ("area", "extension") or (around.after and _LOCAL_PHONE.fullmatch(around.after[0]))
    ):
        return digits(text)
    if size in (3, 4) and around.previous in _ROOM_WORDS and n % 100:
        return pairs(text)
    if size == 5 and len(around.previous) == 2 and around.before[-1].isupper():
        return digits(text)
    if size == 4 and around.following not in _NOT_YEAR_NOUNS:
        dated = 1000 <= n <= 2099 and around.previous in _YEAR_WORDS
        if dated or 1900 <= n <= 2099:
            return year(n)
    counts = around.stop == "" and around.following.endswith("s") and around.following not in _NO_PLURALS
    return digits(text) if size >= 7 or (size >= 4 and not counts and not round_number(n)) else cardinal(n)


def round_number(n: int) -> bool:
    """Whether people say `n` as a quantity even where nothing tells what it counts: 5000, 1200."""
    return n % 100 == 0


def _is_month(word: str) -> bool:
    return word[:1].isupper() and (word.lower() in MONTHS or word.lower() in MONTH_SHORT)


def _before_street(around: Around) -> bool:
    """`1240 Maple Street`: a capital next, and a street's word within three."""
    return (
        bool(around.after)
        and around.after[0][:1].isupper()
        and any(w.lower() in _STREET_WORDS for w in around.after[:3])
    )


def _int(found: re.Match[str], around: Around) -> str:
    return integer(found[0], around)


def _grouped(found: re.Match[str], around: Around) -> str:
    return cardinal(int(found[0].replace(",", "")))


def _money(found: re.Match[str], around: Around) -> str:
    sign, symbol, whole, part, size, per = found.group("sign", "symbol", "whole", "part", "size", "per")
    one, many, small, smalls = CURRENCIES[symbol]
    if size or around.following in ("million", "billion", "trillion", "thousand", "hundred"):
        number = decimal(whole, part) if part else cardinal(int(whole.replace(",", "")))
        said = f"{number} {MAGNITUDES[size.lower()]} {many}" if size else number
    else:
        said = amount(whole or "0", part or "", one, many, small, smalls)
    if per:
        said += " a " + PER.get(per.lower(), per) if per.lower() != "each" else " each"
    return ("minus " if sign else "") + said


def _cents(found: re.Match[str], around: Around) -> str:
    return amount("0", f"{int(found[1]):02d}", "dollar", "dollars", "cent", "cents") if int(found[1]) < 100 else ""


def _percent(found: re.Match[str], around: Around) -> str:
    return f"{_plain(found[1])} percent"


def _plain(text: str) -> str:
    sign = "minus " if text[0] in "-−" else "plus " if text[0] == "+" else ""
    whole, _, part = text.lstrip("+-−").partition(".")
    return sign + (decimal(whole, part) if part else cardinal(int(whole.replace(",", "") or "0")))


def _decimal(found: re.Match[str], around: Around) -> str:
    return _plain(found[0])


def _time(found: re.Match[str], around: Around) -> str:
    hour, minute, half = int(found[1]), int(found[2]), (found[3] or "").replace(".", "").lower()
    if hour > 24 or minute > 59:
        return f"{cardinal(hour)} to {cardinal(minute)}"
    followed = around.following.replace(".", "") in ("am", "pm", "in", "o'clock", "noon")
    said = clock(hour, minute, bare=not half and not followed)
    return f"{said} {_HALVES[half]}" if half else said


def _hour(found: re.Match[str], around: Around) -> str:
    return f"{cardinal(int(found[1]))} {_HALVES[found[2].replace('.', '').lower()]}"


_HALVES = {"am": "eh m", "pm": "p m"}


def _ordinal(found: re.Match[str], around: Around) -> str:
    return ordinal(int(found[1].replace(",", "")))


def _decade(found: re.Match[str], around: Around) -> str:
    n = int(found[1])
    if n % 10 and len(found[1]) < 4:
        return ""
    return plural(year(n) if n >= 1000 else cardinal(n))


def _phone(found: re.Match[str], around: Around) -> str:
    groups = re.findall(r"\d+", found[0])
    hundreds = {"800": "eight hundred", "900": "nine hundred"}
    return ", ".join(hundreds.get(g, digits(g, "oh")) for g in groups)


def _iso_date(found: re.Match[str], around: Around) -> str:
    return _date(int(found[2]), int(found[3]), found[1])


def _slash_date(found: re.Match[str], around: Around) -> str:
    y = found[3]
    return _date(int(found[1]), int(found[2]), y if len(y) == 4 else f"20{y}")


def _date(month: int, day: int, y: str = "") -> str:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ""
    return f"{MONTH_NAMES[month]} {ordinal(day)}" + (f", {year(int(y))}" if y else "")


def _slash(found: re.Match[str], around: Around) -> str:
    """`1/2` as a fraction, `3/15` as a date, `8/10` as `eight out of ten`."""
    top, bottom = int(found[1]), int(found[2])
    if around.previous in _DATE_WORDS and 1 <= top <= 12 and 1 <= bottom <= 31:
        return _date(top, bottom)
    if 0 < top < bottom <= 10 and bottom in (2, 3, 4, 5, 8):
        part = _PARTS_OF_TWO.get(bottom) or ordinal(bottom)
        return f"{cardinal(top)} {part if top == 1 else part + 's'}"
    if bottom == 10 and top <= 10:
        return f"{cardinal(top)} out of ten"
    return _date(top, bottom) or f"{cardinal(top)} over {cardinal(bottom)}"


def _mixed_fraction(found: re.Match[str], around: Around) -> str:
    part = {"½": "a half", "¼": "a quarter", "¾": "three quarters", "⅓": "a third", "⅔": "two thirds"}[found[2]]
    return f"{cardinal(int(found[1]))} and {part}"


def _unit(found: re.Match[str], around: Around) -> str:
    number, unit = found[1], found[2].lower()
    if unit not in UNITS or (found[2].isupper() and unit in ("m", "g", "s", "l", "v", "k", "w", "x", "in")):
        return ""
    name = UNITS[unit]
    if number == "1":
        first, _, rest = name.partition(" ")
        name = (SINGULAR.get(first, first.removesuffix("s")) + " " + rest).strip()
    return f"{_plain(number)} {name}"


def _hashed(found: re.Match[str], around: Around) -> str:
    return "number " + (digits(found[1]) if len(found[1]) > 3 else integer(found[1], Around()))


def _range(found: re.Match[str], around: Around) -> str:
    """`10-15`, `$5-$10`, `7:30–9:00`, `7-9pm`, `2025-2026`; digit groups of an identifier stay one by one."""
    pair = _PAIR.fullmatch(found[0])
    if pair is None:
        return ""
    low, high = pair[1], pair[2]
    tail = re.sub(r"(?i)(?:[ap]m|°?[fc]|mg|kg|lbs?|km|mph|ft|/\w+)$", "", high)
    if not _SIDE.fullmatch(low) or not _SIDE.fullmatch(tail):
        return ""
    if low.isdigit() and tail.isdigit() and (around.id_context or len(low) > 4 or (low[0] == "0" and len(low) > 1)):
        return ""
    inner = around.inside()
    if low.isdigit() and len(low) == 4 and len(tail) == 4 and low[:2] in ("19", "20"):
        return f"{year(int(low))} to {year(int(tail))}"
    if low[0] in CURRENCIES and high[0] not in CURRENCIES:
        said_low = _plain(low[1:].rstrip("kKmM"))
        return f"{said_low} to {say(low[0] + high, inner)}"
    if low[0] in CURRENCIES:
        return f"{say(low, inner)} to {say(high, inner)}"
    bare = _range_side(low, high)
    return f"{bare} to {say(high, Around(('at',), around.after, False))}"


def _range_side(low: str, high: str) -> str:
    if ":" in low:
        hour, minute = low.split(":")
        return clock(int(hour), int(minute), bare=False)
    if low[-1].isalpha():
        return say(low, Around(("at",)))
    return _plain(low.rstrip("%")) + (" percent" if low[-1] == "%" and high[-1:] != "%" else "")


def _hyphenated(found: re.Match[str], around: Around) -> str:
    """`12-month`, `3-year-old`, `COVID-19`, `A7-4K2`."""
    head, *rest = found[0].split("-")
    if (head.isdigit() or head[:1] in CURRENCIES) and all(r.isalpha() and r.islower() for r in rest):
        return " ".join([say(head, Around(("at",))), *rest])
    if re.fullmatch(r"(?i)covid|[a-z]{4,}", head) and len(rest) == 1 and rest[0].isdigit() and len(rest[0]) <= 2:
        return f"{head.lower() if head.isupper() else head} {cardinal(int(rest[0]))}"
    if re.fullmatch(r"[A-Z0-9]+(?:-[A-Z0-9]+)+", found[0]):
        return ", ".join(_code_part(p) for p in found[0].split("-"))
    return ""


def _code(found: re.Match[str], around: Around) -> str:
    """Letters and digits of a code by their names; a letter or two with one or two digits keep the number whole (`B12`)."""
    text = found[0]
    short = re.fullmatch(r"([A-Za-z]{1,2})([1-9]\d?)", text)
    if short and not around.id_context:
        return f"{letters(short[1])} {cardinal(int(short[2]))}"
    back = re.fullmatch(r"(\d{1,3})([A-Z]{1,2})", text)
    if back and not around.id_context and back[1][0] != "0":
        return f"{integer(back[1], around)} {letters(back[2])}"
    times = re.fullmatch(r"(\d+)x(\d+)", text)
    if times:
        return f"{cardinal(int(times[1]))} by {cardinal(int(times[2]))}"
    return _code_part(text)


def _code_part(text: str) -> str:
    return " ".join(digits(r) if r.isdigit() else letters(r) for r in re.findall(r"[A-Za-z]+|\d+", text))


def _groups(found: re.Match[str], around: Around) -> str:
    """Digit groups with dashes or dots that are no phone number: an account or card number."""
    return ", ".join(digits(g) for g in re.findall(r"\d+", found[0]))


def _ordinal_hyphen(found: re.Match[str], around: Around) -> str:
    return f"{ordinal(int(found[1]))} {found[2]}"


_N = r"\d[\d,]*(?:\.\d+)?"
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"\d+", _int),
        (
            r"(?P<sign>[-−+]?)(?P<symbol>[$€£])(?P<whole>\d[\d,]*)?(?:\.(?P<part>\d+))?(?P<size>(?:mm|bn|[kmbtKMBT]))?\+?"
            r"(?:/(?P<per>[A-Za-z]+))?",
            _money,
        ),
        (r"\d{1,3}(?:,\d{3})+", _grouped),
        (r"([+\-−]?\d[\d,]*(?:\.\d+)?|\.\d+)%", _percent),
        (r"(\d{1,2}):(\d{2})([aApP]\.?[mM])?", _time),
        (r"(\d{1,2})([aApP]\.?[mM])", _hour),
        (r"(\d[\d,]*)(?:st|nd|rd|th|ST|ND|RD|TH)", _ordinal),
        (r"(\d{2}|\d{4})'?s", _decade),
        (r"(?:\+?1[-. ])?(?:\(?\d{3}\)?[-. ])?\d{3}[-.]\d{4}|1-[89]\d{2}-\d{3}-\d{4}|\+\d{10,14}", _phone),
        (r"(\d{4})-(\d{2})-(\d{2})", _iso_date),
        (r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})", _slash_date),
        (r"(\d{1,3})/(\d{1,3})", _slash),
        (r"(\d+)¢", _cents),
        (r"[+\-−]?(?:\d[\d,]*)?\.\d+|[+\-−]\d[\d,]*", _decimal),
        (r"(\d+)([½¼¾⅓⅔])", _mixed_fraction),
        (r"#(\d+)", _hashed),
        (rf"([-−]?{_N})(°?[A-Za-z]*(?:/h)?)", _unit),
        (r"[^-–—]+[-–—][^-–—]+", _range),
        (r"(\d+)(?:st|nd|rd|th)-([a-z]+)", _ordinal_hyphen),
        (r"[$]?[A-Za-z0-9,.]+(?:-[A-Za-z0-9]+)+", _hyphenated),
        (r"\d+(?:[-.]\d+)+", _groups),
        (r"(?=.*\d)[A-Za-z0-9]+", _code),
    )
)
