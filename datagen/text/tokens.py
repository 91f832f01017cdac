"""Words of a text, classified once each: what the value finder skips, and what it looks at."""

import re
from dataclasses import dataclass
from functools import lru_cache

from datagen.text.lexicon import FIRST_NAMES, MONTH_SHORT, MONTHS, NOT_NAMES, OPENERS, WEEKDAY_SHORT, WEEKDAYS
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
    """One display word, with all that can be said of it alone.

    `atoms` are the number words that it holds (`twenty-four` two), `month` is 1…12 for a month's name, `weekday` a day's full
    name in lower case, `letter` a single capital. `ends` says that a sentence ends after it, `breaks` that any punctuation
    follows. `nameable`: inside a sentence it would be a name, having a capital, small letters and no known other reason.
    `plain`: it holds no value and begins none; `wordy`: it can be a name, and nothing else; `opener`: a wordy one that names no one
    where a sentence opens; `given`: a first name.
    """

    raw: str
    core: str
    low: str
    plain: bool = True
    wordy: bool = False
    nameable: bool = False
    ends: bool = False
    breaks: bool = False
    digit: bool = False
    cap: bool = False
    atoms: tuple[str, ...] = ()
    month: int = 0
    weekday: str = ""
    letter: str = ""
    opener: bool = False
    given: bool = False


@lru_cache(maxsize=65536)
def token(word: str) -> Token:
    """The classification of one word of `text.split()`."""
    if word.isalpha() and word.islower() and word not in _ATOMS and word not in _SPECIAL and not _weekday(word, False):
        return Token(word, word, word)
    found = _EDGES.match(word.replace("’", "'"))
    core, tail = (found[2], found[3]) if found else (word, "")
    if "-" in tail and "." not in tail and not tail.strip("-–—"):
        tail = "..."
    low = core.lower()
    abbreviated = low in _ABBREVIATED and tail.startswith(".")
    cap = core[:1].isupper()
    stem = low.removesuffix("'s")
    pieces = tuple(low.split("-")) if "-" in low else (low,)
    atoms = pieces if all(p in _ATOMS or p == "oh" for p in pieces) and pieces != ("oh",) else ()
    digit = any("0" <= c <= "9" for c in core)
    month = (MONTHS.get(stem) or MONTH_SHORT.get(stem, 0)) if cap else 0
    weekday = _weekday(stem, cap)
    letter = core if len(core) == 1 and "A" <= core <= "Z" else ""
    dated = bool(month or weekday or letter)
    nameable = (
        cap and len(core) > 1 and not core.isupper() and stem not in NOT_NAMES and not dated and core[0].isalpha()
    )
    valued = bool(atoms) or digit or dated or stem in _SPECIAL or any(c in core for c in "@.-–")
    plain = not (valued or nameable) or (
        not digit and not cap and not atoms and not _compound(core, pieces, stem) and not weekday
    )
    shown, wordy = stem if cap else low, not valued and nameable
    given = wordy and shown in FIRST_NAMES
    opener = (
        wordy
        and not given
        and (shown in OPENERS or shown.endswith("ly") or "'" in shown or (bool(tail) and not abbreviated))
    )
    return Token(
        word, core, shown, plain, wordy, nameable,
        not abbreviated and any(c in tail for c in ".?!:…"), bool(tail) and not abbreviated,
        digit, cap, atoms, month, weekday, letter, opener, given,
    )  # fmt: skip


_ABBREVIATED = words("mr mrs ms dr st no a.m p.m apt")


def _weekday(low: str, cap: bool) -> str:
    single = low.removesuffix("s")
    if single in WEEKDAYS:
        return single
    return WEEKDAY_SHORT.get(low, "").lower() if cap and low not in ("sun", "sat") else ""


def _compound(core: str, pieces: tuple[str, ...], stem: str) -> bool:
    """Whether a word in small letters can hold a value: an address, `two-year`, `p-a-t-e-l`, noon."""
    return stem in _SPECIAL or "@" in core or "." in core or _has_atom(pieces) or _SPELLED.fullmatch(core) is not None


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
