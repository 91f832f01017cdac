"""The words that nobody talks over, and the places in a turn where nobody makes themselves heard."""

import re
from collections.abc import Sequence

from datagen.records.enums import MarkType, TurnType
from datagen.records.transcript import Turn

STOPS = (".", "!", "?", ":", ";")
CLAUSE_END = (",", ".", "!", ";", ":")
JOINING = frozenset(
    {"and", "but", "so", "because", "which", "since", "or", "then", "if", "when", "while", "though", "where"}
)
"""Words with which a clause begins that no comma parts from the one before."""
DISFLUENT = (MarkType.FILLER, MarkType.REPETITION, MarkType.CORRECTION)
NEAR = 2
"""Words around a disfluency at which the other keeps silent: whoever searches for a word is not interrupted."""
_DIGIT = re.compile(r"\d").search


def is_number(word: str) -> bool:
    """Whether a word has a digit: an amount, a time, a code."""
    return _DIGIT(word) is not None


def is_key(words: Sequence[str], at: int) -> bool:
    """Whether a word carries what the other has to hear: a number or a name."""
    return is_number(words[at]) or is_name(words, at)


def is_formula(turn: Turn) -> bool:
    """Whether a turn is a greeting or a closing: everybody knows what is said in it."""
    return turn.type in (TurnType.GREETING, TurnType.CLOSING)


def is_name(words: Sequence[str], at: int) -> bool:
    """Whether a word begins with a capital inside a sentence, and is not "I"."""
    word = words[at].lstrip("\"'(“‘")
    inside = at > 0 and not words[at - 1].endswith(STOPS)
    return inside and word[:1].isupper() and word.split("'")[0].rstrip(",.!?;:") != "I"


def clause_ends(turn: Turn) -> list[int]:
    """The words of a turn that end a clause which is told, not asked, and after which no number or name goes on: there a
    listener may make themselves heard. None in a greeting or a closing."""
    words = turn.words
    if is_formula(turn):
        return []
    quiet, asked = near_disfluency(turn), _asked(words)
    return [
        at
        for at, word in enumerate(words[:-1])
        if (word.endswith(CLAUSE_END) or words[at + 1].lower() in JOINING)
        and at not in quiet
        and at not in asked
        and not (word.endswith(",") and is_key(words, at) and is_key(words, at + 1))
    ]


def near_disfluency(turn: Turn) -> set[int]:
    """The words within NEAR of a disfluent one."""
    found: set[int] = set()
    for mark in turn.marks:
        if mark.type in DISFLUENT:
            found.update(range(mark.word - NEAR, mark.word + len(mark.text.split()) + NEAR))
    return found


def _asked(words: Sequence[str]) -> set[int]:
    """The words of sentences that end with a question mark."""
    found: set[int] = set()
    start = 0
    for at, word in enumerate(words):
        if word.endswith(STOPS):
            if word.endswith("?"):
                found.update(range(start, at + 1))
            start = at + 1
    return found
