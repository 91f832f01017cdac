"""Display text as a person says it: one spoken string a display word, American English.

Numbers, money, times, dates, codes, phone numbers, addresses and acronyms become plain words; which reading a number
gets depends on its neighbours (`2026` after a month, `4417` after "ending in"). Punctuation that carries prosody
(`. , ? !`) stays at the end of the spoken string. A letter said by its name is a capital of its own, except A, which is
written `eh`: espeak-ng reads a lone `A` as the article.
"""

import re
import unicodedata
from functools import lru_cache

from datagen.text import say_numbers
from datagen.text.lexicon import (
    ABBREVIATIONS,
    ATTACHED_ONLY,
    BARE_ABBREVIATIONS,
    CURRENCIES,
    DOMAIN_WORDS,
    MONTH_NAMES,
    MONTH_SHORT,
    SAID_AS_WORDS,
    SHOUTED,
    SINGULAR,
    SYMBOLS,
    UNITS,
    WEEKDAY_SHORT,
)
from datagen.text.numbers import digits
from datagen.text.reading import Around, letters, reading_of
from datagen.text.wordlist import words

UNSAYABLE = "\ufffd"
"""The spoken form of a word with nothing to say (an emoji, a lone dash, another script): the write gate rejects its turn."""

_PLAIN = re.compile(r"[a-z]+(?:'[a-z]+)?|[A-Z][a-z]+(?:'[a-z]+)?")
_EDGES = re.compile(r"^([\"'“”‘’(\[{<«*_]*)(.*?)([\"'“”‘’)\]}>»*_.,?!;:…–—-]*)$", re.DOTALL)
_PROSODY = str.maketrans({";": ",", ":": ",", "–": ",", "—": ",", "-": ",", "…": "."})
_LETTERS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(
    r"(?:https?://)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|gov|info|edu|io|co|us|uk)(?:/\S*)?", re.IGNORECASE
)
_INITIAL = re.compile(
    r"(?!mc[b-df-gj-kmnp-tv-z]|[bcdfgkpst]r|[bcfgkps]l|[cgkprstw]h|[cgkpst]n|[dst]w|ps|ts|kn|qu|s[ckmpqtv])[b-df-hj-np-tv-xz]{2}[a-z]{2}",
    re.IGNORECASE,
)
"""A surname after an initial in an e-mail address (`dfisher`): two consonants that open no English word, unless `mcneil`."""
_DASHES = re.compile(r"-{2,}|[–—]")


def spoken_words(text: str) -> tuple[str, ...]:
    """One spoken string for each word of `text.split()`, never empty, without a digit; `UNSAYABLE` where nothing can be said."""
    words = text.split()
    parts = [_parts(w) for w in words]
    return tuple(_spoken(parts, i) for i in range(len(parts)))


def sayable(text: str) -> bool:
    """Whether every word of `text` can be said."""
    return UNSAYABLE not in spoken_words(text)


@lru_cache(maxsize=65536)
def _parts(word: str) -> tuple[str, str, bool]:
    """A word without its edges, its prosody, and whether it is a plain one that says itself."""
    core, tail = word, ""
    if word[-1] in ".,?!":
        core, tail = word[:-1], word[-1]
    if _PLAIN.fullmatch(core) and core.lower() not in _NEEDS_A_LOOK:
        return core, tail, True
    text = unicodedata.normalize("NFC", word).replace("’", "'").replace("‘", "'")
    found = _EDGES.match(text)
    lead, core, tail = found.groups() if found else ("", text, "")
    if core[-1:].isdigit() and tail[:1] == "'" and '"' not in lead:
        tail = tail[1:]
    if core.lower() in ("a.m", "p.m", "u.s", "u.s.a", "e.g", "i.e", "ph.d") and tail[:1] == ".":
        tail = tail[1:]
    if not core and lead + tail in SYMBOLS:
        core, tail = lead + tail, ""
    return core, _prosody(tail), False


_NEEDS_A_LOOK = (
    frozenset(ABBREVIATIONS)
    | frozenset(UNITS)
    | frozenset(MONTH_SHORT)
    | frozenset(WEEKDAY_SHORT)
    | words("st dr no a am pm million billion trillion")
)


def _prosody(tail: str) -> str:
    marks = [c for c in tail.translate(_PROSODY) if c in ".,?!"]
    if not marks:
        return ""
    strong = next((c for c in marks if c in "?!"), "")
    return strong or ("..." if marks.count(".") > 1 else marks[0])


def _spoken(parts: list[tuple[str, str, bool]], i: int) -> str:
    core, tail, plain = parts[i]
    if plain:
        return core + tail
    if not core:
        return UNSAYABLE
    around = Around(
        before=tuple(p[0] for p in parts[max(0, i - 4) : i]),
        after=tuple(p[0] for p in parts[i + 1 : i + 4]),
        opens=i == 0 or parts[i - 1][1] in (".", "?", "!", "..."),
        stop=tail,
    )
    said, tail = _word(core, tail, around)
    said = " ".join(_fold(said).split())
    return said + tail if said and UNSAYABLE not in said else UNSAYABLE


def _word(core: str, tail: str, around: Around) -> tuple[str, str]:
    """The spoken form of one word and the prosody that is left after it."""
    low = core.lower()
    if tail[:1] == "." or low in BARE_ABBREVIATIONS:
        short = _abbreviation(core, around)
        if short:
            # A full stop belongs to the abbreviation unless the text ends there.
            keep = tail if tail != "." or not around.after else ""
            return short, keep
    return _core(core, around), tail


def _abbreviation(core: str, around: Around) -> str:
    low = core.lower()
    following = around.after[0] if around.after else ""
    named = following[:1].isupper()
    if core in ("St", "Dr"):
        street = (
            bool(around.before)
            and around.before[-1][:1].isupper()
            and not around.opens
            and not (named and core == "Dr")
        )
        if street:
            return "Street" if core == "St" else "Drive"
        return ("Saint" if core == "St" else "Doctor") if named or core == "Dr" else "Street"
    if core in ("No", "Nos") and following[:1].isdigit():
        return "number"
    if low in MONTH_SHORT and core[0].isupper() and (following[:1].isdigit() or low not in ("mar", "jan", "may")):
        return MONTH_NAMES[MONTH_SHORT[low]]
    if low in WEEKDAY_SHORT and core[0].isupper() and low not in ("sun", "sat"):
        return WEEKDAY_SHORT[low]
    if low in ("co", "inc", "ltd", "corp", "jr", "sr") and not core[0].isupper():
        return ""
    return ABBREVIATIONS.get(low, "")


def _core(core: str, around: Around) -> str:
    """The spoken form of a word without its edges."""
    low = core.lower()
    if low in ABBREVIATIONS and "." in core:
        return ABBREVIATIONS[low].replace("a m", "eh m").replace("U S A", "U S eh")
    if core in SYMBOLS:
        return "and" if core == "+" and not around.numeric_before else SYMBOLS[core]
    if around.numeric_before and low in UNITS and low not in ATTACHED_ONLY:
        unit = UNITS[low]
        return SINGULAR.get(unit, unit.removesuffix("s")) if around.before[-1] == "1" else unit
    if core in ("AM", "PM") or (low in ("am", "pm") and around.numeric_before):
        return "eh m" if low == "am" else "p m"
    if (
        low in ("million", "billion", "trillion", "thousand", "hundred")
        and around.before
        and around.before[-1][:1] in CURRENCIES
    ):
        return f"{core} {CURRENCIES[around.before[-1][0]][1]}"
    if core in MONTH_NAMES:
        return core
    if low in MONTH_SHORT and core[0].isupper() and around.after and around.after[0][:1].isdigit():
        return MONTH_NAMES[MONTH_SHORT[low]]
    if _LETTERS.fullmatch(core):
        return _letters_word(core, around)
    if any("0" <= c <= "9" for c in core) and "@" not in core and not _ADDRESS.fullmatch(core):
        said = say_numbers.say(core, around)
        if said:
            return said
    return _compound(core, around)


def _letters_word(core: str, around: Around) -> str:
    if len(core) == 1:
        return letters(core) if core == "A" and around.spelled else core
    if core.isupper() and core.lower() not in SAID_AS_WORDS | SHOUTED and len(core) <= 6:
        return "triple eh" if core == "AAA" else letters(core)
    stem = core[:-1] if core.endswith("s") and not core.endswith("'s") else core.removesuffix("'s")
    if len(stem) > 1 and stem.isupper() and stem != core and stem.lower() not in SHOUTED:
        ending = "'s" if stem.lower() not in SAID_AS_WORDS else "s"
        return (letters(stem) if ending == "'s" else stem.lower()) + ending
    return core.lower() if core.isupper() and len(core) > 1 else core


def _compound(core: str, around: Around) -> str:
    """A word of several parts: an e-mail address, a web address, a hyphenation, a slash; the last resort reads run by run."""
    if _EMAIL.fullmatch(core) or _ADDRESS.fullmatch(core):
        return _address(core)
    if core.lower() == "n/a":
        return "not applicable"
    for mark, joint in (("…", ", "), ("...", ", "), ("/", " "), ("-", " "), ("'", ""), (".", " "), (",", ", ")):
        text = _DASHES.sub("…", core)
        if mark in text.strip(mark) and (mark != "'" or not _LETTERS.fullmatch(text)):
            pieces = [p for p in text.split(mark) if p]
            joint = " " if mark == "'" and pieces[-1][:1].isdigit() else joint
            return joint.join(_piece(p, around) for p in pieces)
    if core.startswith("@"):
        return "at " + _piece(core[1:], around) if core[1:] else "at"
    return reading_of(core)


def _piece(piece: str, around: Around) -> str:
    found = _EDGES.match(piece)
    inner = found.group(2) if found else piece
    return _core(inner, around.inside()) if inner else ""


def _address(core: str) -> str:
    said: list[str] = []
    core = re.sub(r"^https?://", "", core)
    if "@" in core and _INITIAL.match(core):
        said, core = [core[0].upper()], core[1:]
    for piece in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", core):
        if piece.isalpha():
            low = piece.lower()
            said.append("W W W" if low == "www" else DOMAIN_WORDS.get(low, low) if said and said[-1] == "dot" else low)
        elif piece.isdigit():
            said.append(digits(piece))
        else:
            said.append(
                {".": "dot", "@": "at", "-": "dash", "_": "underscore", "+": "plus", "/": "slash"}.get(piece, "")
            )
    return " ".join(said)


def _fold(said: str) -> str:
    """`said` in ASCII: accents fall off, a character that is left over makes the word unsayable."""
    if said.isascii():
        return said
    plain = unicodedata.normalize("NFKD", said.replace("ß", "ss").replace("ø", "o").replace("æ", "ae"))
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return bare if bare.isascii() and not any(c.isdigit() for c in bare) else UNSAYABLE
