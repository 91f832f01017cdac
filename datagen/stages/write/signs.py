"""What is written and not said, word by word: signs, slashes, typed abbreviations, machine dates, capitals."""

import re
from collections.abc import Sequence
from functools import lru_cache

from datagen.text.lexicon import ABBREVIATIONS, PER, SAID_AS_WORDS, SHOUTED, UNITS
from datagen.text.wordlist import words

EDGES = "\"'“”‘’.,?!;:…([{)]}*-–—"
_TYPED = words(
    "thx thnx tx pls plz plss appt appts acct accts qty addr tmrw tmr ur lol lmao btw idk imo imho omg ttyl smth bc ppl msg msgs w/o b/c "
    "num amt avg incl excl govt mgmt"
)
"""What people type and do not say; abbreviations that have a reading (etc, approx) are not among them."""
_SOUNDS = re.compile(r"h+m+|m+h*m*|sh+|b+r+|g+r+|p+s+t+|p+f+t*|t+s+k+|z+|p+h+|hmph|nth|ch|psh+|tch|ng")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{3,}")
_PER = "|".join(sorted((*PER, "day", "night", "week", "month", "hour", "year", "person")))
_READ_SLASH = re.compile(rf"[$€£]?\d[\d,.]*/(?:\d+(?:/\d+)?|{_PER})|[a-z]/[a-z]|km/h", re.IGNORECASE)
"""Slashes with a reading: 24/7, 3/4, $5/day, A/C, n/a."""
_MACHINE_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:]+Z?)?|\d{1,2}:\d\d:\d\d|\d+\.\d{4,}")
_LISTED = re.compile(r"\(?[A-Za-z0-9]{1,2}\)")
_LETTERS = words("u r n")
_AMBIGUOUS = words("it us id in or no ok me hi")
"""Words that are acronyms too when written in capitals."""


_STRANGE = re.compile(r"[^!$%&'+,\-.0-9:;?@A-Za-z]|X{3}|x{3}|\.[A-Za-z]|^\W+$|^\d+[.)]$")
"""What a word of a leak holds; few words that are right do."""
_MOST_WORDS = 200_000
_fine: set[str] = set()


def is_fine(raw: Sequence[str]) -> bool:
    """Whether no word of a text may be a leak, or has a code: so are most texts. What was found fine once is looked at no more."""
    if _fine.issuperset(raw):
        return True
    new = [w for w in raw if w not in _fine]
    fine = [w for w in new if not code_of(w) and not is_strange(w)]
    if len(_fine) > _MOST_WORDS:
        _fine.clear()
    _fine.update(fine)
    return len(fine) == len(new)


def is_strange(word: str) -> bool:
    """Whether a word may belong to a leak: a sign that is seldom right, a point inside, no letter or digit, a list's number."""
    return _STRANGE.search(word) is not None


@lru_cache(maxsize=16384)
def code_of(word: str) -> str:
    """What may be wrong with one word of a text, "" for nothing: `shout` and `caps` depend on their neighbours, `digits` on the limit."""
    if word.isalpha() and word.islower() and len(word) > 2 and not _CONSONANTS.fullmatch(word):
        return "abbreviation" if word in _TYPED else ""
    core = word.strip(EDGES)
    if not core or not any(c.isalnum() for c in core):
        return "symbol" if core and core not in ("&", "+", "%") else ""
    if _LISTED.fullmatch(word.rstrip(".,")):
        return "symbol"
    if core[0] in "@#" and not core[1:2].isdigit():
        return "symbol"
    if "/" in core:
        return "" if _READ_SLASH.fullmatch(core) else "slash"
    if _MACHINE_TIME.fullmatch(core):
        return "machine"
    if re.search(r"\d{6,}", core):
        return "digits"
    low = core.lower()
    if (low in _TYPED and (len(core) > 2 or core.islower())) or (
        core.islower() and _CONSONANTS.fullmatch(core) and not _readable(core)
    ):
        return "abbreviation"
    if core in _LETTERS:
        return "letter"
    if core.isalpha() and core.isupper() and len(core) > 1 and low not in SAID_AS_WORDS and low not in ("am", "pm"):
        return "shout" if low in SHOUTED and low not in _AMBIGUOUS else "caps"
    return ""


def _readable(core: str) -> bool:
    return core in ABBREVIATIONS or core in UNITS or _SOUNDS.fullmatch(core) is not None
