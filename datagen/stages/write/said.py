"""A turn's text as the gates read it: words in small letters, by sentence, made once for all gates."""

import re
from dataclasses import dataclass
from functools import lru_cache

from datagen.stages.write.signs import is_fine

_ENDS = re.compile(r"([.?!]+)[\"”')]*(?:\s+|$)")
_BETWEEN = ',;:"“”()[]—–*'


@dataclass(slots=True)
class Said:
    """`words` are the words in small letters without punctuation; `sentences` are those of each sentence, `asks` says of each whether it
    is a question, and `questions` whether one is. `fine`: nothing in the text may be a leak, or cannot be said.
    """

    words: list[str]
    sentences: list[list[str]]
    asks: list[bool]
    questions: bool
    fine: bool

    @property
    def low(self) -> str:
        """The words as one text."""
        return " ".join(self.words)


@lru_cache(maxsize=256)
def said(text: str) -> Said:
    """The reading of one text, kept since a dialogue is checked twice, and by many gates. Nobody changes it."""
    low = text.lower()
    if not low.isascii():
        low = low.replace("’", "'").replace("‘", "'").replace("…", "... ")
    for sign in _BETWEEN:
        if sign in low:
            low = low.replace(sign, " ")
    pieces = _ENDS.split(low)
    sentences: list[list[str]] = []
    asks: list[bool] = []
    for i in range(0, len(pieces), 2):
        found = pieces[i].split()
        if found:
            sentences.append(found)
            asks.append(i + 1 < len(pieces) and "?" in pieces[i + 1])
    words = sentences[0] if len(sentences) == 1 else [w for s in sentences for w in s]
    fine = is_fine(text.split()) and "\n" not in text and "\t" not in text and "\r" not in text
    return Said(words, sentences, asks, True in asks, fine)
