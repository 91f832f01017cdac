"""Numbers in words, the American way: no "and" inside a number, no hyphens (`twenty four`), so that words split at spaces."""

from datagen.text.wordlist import ordered

ONES = ordered(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
TENS = ("", "", *ordered("twenty thirty forty fifty sixty seventy eighty ninety"))
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
LARGEST = 10**15 - 1
"""The largest number that `cardinal` says in words of scale; a longer string is said digit by digit."""

_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def cardinal(n: int) -> str:
    """`n` in words (`1240`: `one thousand two hundred forty`); beyond `LARGEST`, its digits one by one."""
    if n < 0:
        return "minus " + cardinal(-n)
    if n > LARGEST:
        return digits(str(n))
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (" " + ONES[n % 10] if n % 10 else "")
    if n < 1000:
        return ONES[n // 100] + " hundred" + (" " + cardinal(n % 100) if n % 100 else "")
    size, name = next((s, w) for s, w in SCALES if n >= s)
    return cardinal(n // size) + " " + name + (" " + cardinal(n % size) if n % size else "")


def ordinal_word(word: str) -> str:
    """The ordinal of one number word: `twenty` gives `twentieth`."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"


def ordinal(n: int) -> str:
    """`n` as an ordinal: 21 gives `twenty first`."""
    *head, last = cardinal(n).split()
    return " ".join([*head, ordinal_word(last)])


def year(n: int) -> str:
    """A year as it is said: 2026 `twenty twenty six`, 2005 `two thousand five`, 1905 `nineteen oh five`, 1900 `nineteen hundred`."""
    if not 1000 <= n <= 9999 or 2000 <= n <= 2009 or n % 1000 == 0:
        return cardinal(n)
    head, tail = divmod(n, 100)
    return cardinal(head) + " " + _tail(tail)


def pairs(text: str) -> str:
    """A house, room or flight number of three or four digits in two parts: 1240 `twelve forty`, 204 `two oh four`."""
    head, tail = int(text[:-2]), int(text[-2:])
    return cardinal(head) + " " + _tail(tail)


def _tail(n: int) -> str:
    return "hundred" if n == 0 else "oh " + ONES[n] if n < 10 else cardinal(n)


def plural(words: str) -> str:
    """The plural of the last number word: `nineteen ninety` gives `nineteen nineties`."""
    return words[:-1] + "ies" if words.endswith("y") else words + ("es" if words.endswith("x") else "s")


def digits(text: str, zero: str = "zero") -> str:
    """The digits of `text` one by one: `4417` gives `four four one seven`; other characters are left out."""
    return " ".join(zero if c == "0" else ONES[int(c)] for c in text if "0" <= c <= "9")


def decimal(whole: str, part: str) -> str:
    """A decimal number from the digits before and after its point: `3`, `5` give `three point five`."""
    head = cardinal(int(whole.replace(",", ""))) + " " if whole else ""
    return f"{head}point {digits(part)}"


def amount(whole: str, part: str, unit: str, units: str, small: str, smalls: str) -> str:
    """A sum of money: whole units, and a part of two digits (`12`, `50`: `twelve dollars and fifty cents`)."""
    n = int(whole.replace(",", "") or "0")
    if part and len(part) != 2:
        return f"{decimal(whole or '0', part)} {units}"
    cents = int(part or "0")
    main = f"{cardinal(n)} {unit if n == 1 else units}"
    if not cents:
        return main
    rest = f"{cardinal(cents)} {small if cents == 1 else smalls}"
    return f"{main} and {rest}" if n else rest


def clock(hour: int, minute: int, *, bare: bool) -> str:
    """A time of day: 7, 5 `seven oh five`; the full hour is `seven o'clock` where `bare`, else `seven` (a.m. or p.m. follows)."""
    if minute:
        return cardinal(hour) + " " + ("oh " + ONES[minute] if minute < 10 else cardinal(minute))
    if hour in (0, *range(13, 25)):
        return cardinal(hour) + " hundred"
    return cardinal(hour) + (" o'clock" if bare else "")
