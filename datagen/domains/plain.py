"""Whether a line is free of numbers and names, so that an agent may say it whatever its role context holds."""

import re

from datagen.domains.lines import Line

_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_NUMBER_WORDS = frozenset(
    """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    dozen second third fourth fifth half noon midnight
    """.split()  # noqa: SIM905 - a list of words reads better as a paragraph
) - {"second", "half"}
_DATES = frozenset(
    """
    weekend weekends weekday weekdays monday tuesday wednesday thursday friday saturday sunday mondays fridays
    saturdays sundays january february april june july august september october november december
    """.split()  # noqa: SIM905 - a list of words reads better as a paragraph
)
_COUNTED = re.compile(r"\b(?:first one|half an? \w+|one (?:year|day|chair|hour|week|month|minute))\b", re.I)
_OWN = re.compile(r"I(?:'\w+)?$")


def faults(text: str) -> list[str]:
    """The words of `text` that state a number or look like a name: digits, number words, days and months, counts
    ("one day"), capitals inside a sentence."""
    found = _COUNTED.findall(text)
    for sentence in _SENTENCE.split(text):
        for i, word in enumerate(sentence.split()):
            bare = word.strip(",.?!'\"")
            if (
                any(c.isdigit() or c in "$%@" for c in bare)
                or bare.lower() in _NUMBER_WORDS | _DATES
                or (i > 0 and bare[:1].isupper() and not _OWN.match(bare))
            ):
                found.append(bare)
    return found


def is_plain(line: Line) -> bool:
    """True when no way to say the line has a number or a name in it. Its slots are not looked at."""
    return not any(faults(form) for form in line.forms(64))
