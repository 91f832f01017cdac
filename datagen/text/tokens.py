"""Words of a text, classified once each: what the value finder skips, and what it looks at."""

import re
from dataclasses import dataclass
from functools import lru_cache

from datagen.text.lexicon import MONTH_SHORT, MONTHS, WEEKDAY_SHORT, WEEKDAYS
from datagen.text.numbers import ONES, TENS, ordinal
from datagen.text.wordlist import words

CARDS = {w: i for i, w in enumerate(ONES)} | {w: 10 * i for i, w in enumerate(TENS) if w}
SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
    "trillion": 10**12,
    "grand": 1_000,
}
ORDINALS = {ordinal(i): i for i in range(1, 100) if " " not in ordinal(i)}
REPEATS = {"double": 2, "triple": 3}
DAY_GROUPS = {
    "weekday": WEEKDAYS[:5], "weekdays": WEEKDAYS[:5], "weekend": WEEKDAYS[5:], "weekends": WEEKDAYS[5:], "weeknights": WEEKDAYS[:5],
}  # fmt: skip
_ATOMS = words(" ".join([*CARDS, *SCALES, *ORDINALS]))
_SPECIAL = words("noon midnight half quarter couple dozen double triple dot oh") | DAY_GROUPS.keys()

_EDGES = re.compile(r"^([\"'“”‘’(\[*_]*)(.*?)([\"'“”‘’)\]*_.,?!;:…–—-]*)$", re.DOTALL)
_SPELLED = re.compile(r"(?:[A-Za-z]-){2,}[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Token:
    """One display word. `atoms` are the number words that it holds (`twenty-four` two); `ends` says that a sentence ends
    after it, `breaks` that any punctuation follows. A `plain` one holds no value and begins none.
    """

    raw: str
    core: str
    low: str
    atoms: tuple[str, ...]
    digit: bool
    cap: bool
    ends: bool
    breaks: bool
    plain: bool

    @property
    def month(self) -> int:
        """1…12 for a month's name with its capital, else 0."""
        return (MONTHS.get(self.low) or MONTH_SHORT.get(self.low, 0)) if self.cap else 0

    @property
    def weekday(self) -> str:
        """A weekday's full name in lower case, else ""."""
        single = self.low.removesuffix("s")
        if single in WEEKDAYS:
            return single
        short = WEEKDAY_SHORT.get(self.low, "") if self.cap and self.low not in ("sun", "sat") else ""
        return short.lower()

    @property
    def letter(self) -> str:
        """A single capital letter, else ""."""
        return self.core if len(self.core) == 1 and "A" <= self.core <= "Z" else ""


@lru_cache(maxsize=65536)
def token(word: str) -> Token:
    """The classification of one word of `text.split()`."""
    if (
        word.isalpha()
        and word.islower()
        and word not in _ATOMS
        and word not in _SPECIAL
        and word.removesuffix("s") not in WEEKDAYS
    ):
        return Token(word, word, word, (), False, False, False, False, True)
    found = _EDGES.match(word.replace("’", "'"))
    core, tail = (found[2], found[3]) if found else (word, "")
    if "-" in tail and "." not in tail and not tail.strip("-–—"):
        tail = "..."
    abbreviated = core.lower() in ("mr", "mrs", "ms", "dr", "st", "no", "a.m", "p.m", "apt") and tail.startswith(".")
    low = core.lower()
    stem = low.removesuffix("'s")
    pieces = tuple(low.split("-")) if "-" in low else (low,)
    atoms = pieces if all(p in _ATOMS or p == "oh" for p in pieces) and pieces != ("oh",) else ()
    digit = any("0" <= c <= "9" for c in core)
    cap = core[:1].isupper()
    interesting = digit or cap or bool(atoms) or stem in _SPECIAL or "@" in core or "." in core or _has_atom(pieces)
    plain = not interesting and stem.removesuffix("s") not in WEEKDAYS and not _SPELLED.fullmatch(core)
    ends = not abbreviated and any(c in tail for c in ".?!:…")
    return Token(word, core, low if not cap else stem, atoms, digit, cap, ends, bool(tail) and not abbreviated, plain)


def _has_atom(pieces: tuple[str, ...]) -> bool:
    return len(pieces) > 1 and pieces[0] in _ATOMS


def tokens_of(text: str) -> list[Token]:
    return [token(w) for w in text.split()]


def cards_of(atoms: list[str]) -> list[str]:
    """The numbers in a run of number words, as digit strings: `twelve fifty` two, `one hundred twenty` one.

    An ordinal closes its number and is marked with `#`: `twenty third` gives `23#`.
    """
    cards: list[str] = []
    total = sub = 0
    room = 0  # what the next number must be below to join the one that is open; 0: none is open
    for atom in atoms:
        if atom in SCALES:
            scale = SCALES[atom]
            if scale == 100:
                sub = (sub or 1) * 100
            else:
                total, sub = total + (sub or 1) * scale, 0
            room = scale
            continue
        closed = atom in ORDINALS
        n = ORDINALS[atom] if closed else 0 if atom == "oh" else CARDS[atom]
        fits = n < room and n > 0 and not (room == 10 and n > 9)
        if room and not fits:
            cards.append(str(total + sub))
            total = sub = 0
        sub += n
        room = 10 if n >= 20 and n % 10 == 0 else -1
        if n in (0, *range(1, 20)) and not fits:
            room = -1
        if closed:
            cards.append(f"{total + sub}#")
            total = sub = room = 0
    if room:
        cards.append(str(total + sub))
    return cards
