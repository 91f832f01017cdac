"""A turn's text as the gates read it: words in small letters, by sentence, with their stems; made once for all gates."""

import re
from dataclasses import dataclass
from functools import lru_cache

from datagen.stages.write.signs import code_of
from datagen.stages.write.stems import stem

_BETWEEN = re.compile(r"[,;:\"“”()\[\]…—–*]+")
_EDGES = " .?!'"
_CLOSING = "\"”')]"
_MOST_WORDS = 200_000

_STRANGE = re.compile(r"[\[\]{}<>()*_`|\\^=~\"•/#]|[^ -~]|X{3}|x{3}|https?:|\.[A-Za-z]|^\W+$|^\d+[.)]$")
"""What no word of a clean text holds; few do that are right."""

Word = tuple[tuple[str, ...], str, str, str, bool]
"""What a display word is: its words in small letters, the marks that end a sentence after it, its stem, its sign code, and whether it
is strange enough for a leak."""


@dataclass(slots=True)
class Said:
    """`low` is the text in small letters without punctuation, `bag` the set of its words; `sentences` are the words of each sentence,
    `asks` says of each whether it is a question, and `questions` whether one is. By display word: `raw`, `stems` ("" for none),
    and `signs`, the places and codes of those that may not be sayable (datagen.stages.write.signs). `strange`: it may hold a leak."""

    low: str
    bag: frozenset[str]
    sentences: tuple[tuple[str, ...], ...]
    asks: tuple[bool, ...]
    questions: bool
    raw: list[str]
    stems: list[str]
    signs: list[tuple[int, str]]
    strange: bool


@lru_cache(maxsize=256)
def said(text: str) -> Said:
    """The reading of one text, kept since a dialogue is checked twice, and by many gates. Nobody changes it."""
    raw = text.split()
    read = [_WORDS.get(word) or _word(word) for word in raw]
    sentences: list[tuple[str, ...]] = []
    asks: list[bool] = []
    words: list[str] = []
    begin = 0
    for cores, end, _, _, _ in read:
        words += cores
        if end and len(words) > begin:
            sentences.append(tuple(words[begin:]))
            asks.append("?" in end)
            begin = len(words)
    if len(words) > begin:
        sentences.append(tuple(words[begin:]))
        asks.append(False)
    signs = [(i, word[3]) for i, word in enumerate(read) if word[3]]
    strange = "\n" in text or "\t" in text or "\r" in text or any([word[4] for word in read])
    stems = [word[2] for word in read]
    return Said(
        " ".join(words), frozenset(words), tuple(sentences), tuple(asks), True in asks, raw, stems, signs, strange
    )  # fmt: skip


_WORDS: dict[str, Word] = {}


def _word(raw: str) -> Word:
    low = raw.lower().replace("’", "'").replace("‘", "'")
    bare = low.rstrip(_CLOSING)
    end = bare[len(bare.rstrip(".?!…")) :]
    cores = tuple(w for piece in _BETWEEN.split(low) if (w := piece.strip(_EDGES)))
    if len(_WORDS) >= _MOST_WORDS:
        _WORDS.clear()
    found = _WORDS[raw] = (cores, end, stem(raw), code_of(raw), _STRANGE.search(raw) is not None)
    return found
