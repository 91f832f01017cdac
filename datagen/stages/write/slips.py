"""Wrong words that a speaker corrects at once: a weekday, a month, a time, a small number, a day of the month.

Only what nobody says anywhere in the dialogue and no context holds can be said by mistake, so that nothing rests on it.
"""

import re
from functools import cached_property

from datagen.domains.phrasing import Dice
from datagen.records.transcript import Transcript
from datagen.stages.write.source import Source
from datagen.text.lexicon import MONTH_NAMES, MONTHS, WEEKDAYS
from datagen.text.numbers import ONES
from datagen.text.values import values_of
from datagen.text.wordlist import words

_TIME = re.compile(r"(\d{1,2}):(00|15|30|45)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_FEW = {str(n): n for n in range(2, 13)} | {ONES[n]: n for n in range(2, 13)}
_HALVES = words("p.m a.m o'clock")
_BEFORE_MONTH = words("in of until since last this next by")
_JOINING = words("to through and or")
_PREPOSITIONS = words("on at in for until since by")
_NOT_BEFORE_NUMBER = words(
    "number code ending pin or to and account card zip digits suite apartment apt unit room flight gate order dollars point "
    "times than"
)
_PLURALS = words("people kids children men women adults")
"""Plurals without an s: what a small number that can be mistaken counts."""
_CHANGED_ALREADY = re.compile(
    r"\b(?:sorry|i mean|no,? wait|wait|actually|make that|scratch|correction|rather|not)\b", re.I
)


class Said:
    """All that a dialogue says or may say, for what is said by mistake to be none of it."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    @cached_property
    def _source(self) -> Source:
        t, source = self._transcript, Source()
        for text in (t.role_context, t.user_role_context, *t.facts_used, *(turn.text for turn in t.turns)):
            source.add(text)
        return source

    @cached_property
    def _words(self) -> frozenset[str]:
        texts = (self._transcript.role_context, *(t.text for t in self._transcript.turns))
        return frozenset(_core(w).lower() for text in texts for w in text.split())

    def holds(self, word: str, following: str) -> bool:
        """Whether anything of the dialogue could be taken for `word`, alone or before the word that follows it."""
        values = (*values_of(word), *values_of(f"{word} {following}"))
        return not values or word.lower() in self._words or any(self._source.holds(v) for v in values)


def sites(turn_words: list[str], text: str) -> list[int]:
    """The words of a turn that may be said wrong first; none in a turn that takes something back already."""
    if _CHANGED_ALREADY.search(text):
        return []
    return [i for i in range(len(turn_words)) if _alternatives(turn_words, i)]


def slip(turn_words: list[str], at: int, term: str, said: Said, dice: Dice) -> tuple[int, tuple[str, ...]] | None:
    """Where the disfluent words go and what they are (`Tuesday, no, sorry,`), None where all that could be said is taken.

    The preposition before the word is sometimes said again with it (`on Tuesday, no, on Thursday`).
    """
    core, following = _core(turn_words[at]), _core(turn_words[at + 1]) if at + 1 < len(turn_words) else ""
    free = [w for w in _alternatives(turn_words, at) if w != core and not said.holds(w, following)]
    if not free:
        return None
    wrong = dice.pick(free)
    put = [f"{wrong},", *f"{term},".split()]
    before = turn_words[at - 1] if at else ""
    if before.lower() in _PREPOSITIONS and dice.chance(0.35):
        return at - 1, (before.lower(), *put)
    return at, tuple(put)


def _alternatives(turn_words: list[str], at: int) -> list[str]:
    """What may be said in a word's place; [] where it is none of those that people mistake."""
    core = _core(turn_words[at])
    low = core.lower()
    before = _core(turn_words[at - 1]).lower() if at else ""
    after = _core(turn_words[at + 1]) if at + 1 < len(turn_words) else ""
    ends = turn_words[at][-1] in ",.?!"
    if low in WEEKDAYS and core[0].isupper():
        # A range or a list of days is no place for a slip: what is taken back would not be clear.
        joined = before in _JOINING or (not ends and after.lower() in _JOINING)
        return [] if joined else [d.capitalize() for d in WEEKDAYS if d != low]
    if low in MONTHS and core[0].isupper():
        if any(_YEAR.fullmatch(_core(w)) for w in turn_words[at + 1 : at + 3]):
            return []  # Nobody mistakes the month they were born in.
        n = MONTHS[low]
        dated = (not ends and after[:1].isdigit()) or (before in _BEFORE_MONTH and low not in ("may", "march"))
        return [MONTH_NAMES[m] for m in (n - 1, n + 1, n + 2) if 1 <= m <= 12] if dated else []
    time = _TIME.fullmatch(core)
    if time:
        return _times(int(time[1]), time[2]) if before not in _JOINING else []
    day = _DAY.fullmatch(core)
    if day and (before in MONTHS or before == "the") and not after[:4].isdigit():
        return [
            f"{d}{_ordinal_end(d)}"
            for d in range(int(day[1]) - 2, int(day[1]) + 3)
            if 1 <= d <= 28 and d != int(day[1])
        ]
    return _counts(low, before, after, ends)


def _times(hour: int, minute: str) -> list[str]:
    hours = [h for h in (hour - 1, hour + 1) if 1 <= h <= 12]
    return [*(f"{h}:{minute}" for h in hours), *(f"{hour}:{m}" for m in ("15", "30", "45") if m != minute)]


def _counts(low: str, before: str, after: str, ends: bool) -> list[str]:
    """Neighbours of a small number that counts something (`4 people`) or is an hour (`7 p.m.`)."""
    counted = after.lower().rstrip(".") in _HALVES or (
        after.isalpha() and after.islower() and (after in _PLURALS or (after[-1] == "s" and after not in _NOT_COUNTED))
    )
    if (
        low not in _FEW
        or ends
        or not counted
        or before in _NOT_BEFORE_NUMBER
        or before[-1:].isdigit()
        or before in _FEW
    ):
        return []
    n = _FEW[low]
    return [str(m) if low.isdigit() else ONES[m] for m in (n - 1, n + 1, n + 2) if 2 <= m <= 12]


_NOT_COUNTED = words("is was has as its this us less plus times percents")


def _ordinal_end(n: int) -> str:
    return "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")


def _core(word: str) -> str:
    return word.strip(",.?!;:\"'")
