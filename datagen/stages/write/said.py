"""A turn's text as the gates read it: words in small letters, by sentence, made once for all gates."""

import re
from dataclasses import dataclass
from functools import lru_cache

from datagen.stages.write.signs import is_fine

_ENDS = re.compile(r"([.?!…]+)[\"”')]*(?: +|$)")
_TO_SPACE = str.maketrans(dict.fromkeys(',;:"“”()[]…—–*\n\r\t', " ") | {"’": "'", "‘": "'"})


@dataclass(slots=True)
class Said:
    """`low` is the text in small letters without punctuation, `bag` the set of its words; `sentences` are the words of each sentence,
    `asks` says of each whether it is a question, and `questions` whether one is. `fine`: nothing in it may be a leak, or cannot be said.
    """

    low: str
    bag: frozenset[str]
    sentences: list[list[str]]
    asks: list[bool]
    questions: bool
    fine: bool


@lru_cache(maxsize=256)
def said(text: str) -> Said:
    """The reading of one text, kept since a dialogue is checked twice, and by many gates. Nobody changes it."""
    pieces = _ENDS.split(text.lower().translate(_TO_SPACE))
    sentences: list[list[str]] = []
    asks: list[bool] = []
    for i in range(0, len(pieces), 2):
        found = pieces[i].split()
        if found:
            sentences.append(found)
            asks.append(i + 1 < len(pieces) and "?" in pieces[i + 1])
    words = sentences[0] if len(sentences) == 1 else [w for s in sentences for w in s]
    fine = is_fine(text.split()) and "\n" not in text and "\t" not in text and "\r" not in text
    return Said(" ".join(words), frozenset(words), sentences, asks, True in asks, fine)
