"""What Chatterbox is given to say: a request's spoken forms as its text, vocal sounds as tags in it, long texts in pieces.

Also why a text cannot be said.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from datagen.engines.speakers import sayable
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Vocal

Join = Literal["sentence", "clause", "word"]
"""Where a text was divided: after a full stop, after a comma or a dash, or only between two words."""

SAID_MARKS = frozenset(" '\".,;:?!…–—-()[]{}/&%+=*#$€£’‘“”")
"""What may stand beside letters and digits in a spoken form."""
_URL = re.compile(r"https?://|www\.|\b[\w.+-]+@[\w-]+\.\w|\b[a-z0-9-]+\.(?:com|org|net|io|gov|edu)\b", re.IGNORECASE)
_BARE = str.maketrans({"(": ", ", ")": ",", "[": ", ", "]": ",", "{": ", ", "}": ",", "/": " ", "*": "", "#": "", "…": "...",
                       "’": "'", "‘": "'", "“": '"', "”": '"'})  # fmt: skip
_LETTER_A = re.compile(r"(?<!\w)eh(?!\w)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"'])\s+")
_CLAUSE = re.compile(r"(?<=[,;:—–])\s+|\s+(?=[—–-]\s)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text, short enough to be spoken at once. `join` says how it meets the one before."""

    text: str
    join: Join = "sentence"

    @property
    def n_letters(self) -> int:
        return sum(c.isalnum() for c in self.text)


def refusal(request: SpeakRequest, max_chars: int) -> Failure | None:
    """Why a request cannot be said: `unspeakable` (no words, an emoji, another script, a web address) or `too_long_text`."""
    return sayable.refusal(request, max_chars, unsayable)


def unsayable(spoken: str) -> str | None:
    """What stands against saying a spoken form in English; None where nothing does."""
    if _URL.search(spoken):
        return "a web address, which has to be written as it is said (example dot com)"
    return sayable.unsayable(spoken, SAID_MARKS)


def text_of(request: SpeakRequest, vocals: bool) -> str:
    """The request as one text; with `vocals`, its vocal sounds stand in brackets before their words ([clear throat])."""
    sounds: dict[int, list[Vocal]] = {}
    for place, vocal in request.vocals if vocals else ():
        sounds.setdefault(place, []).append(vocal)
    parts = []
    for place, spoken in enumerate(request.spoken):
        parts += [f"[{vocal.value}]" for vocal in sounds.get(place, ())]
        parts.append(plain(spoken))
    return " ".join(" ".join(parts).split()).replace(" ,", ",").lstrip(", ")


def plain(spoken: str) -> str:
    """A spoken form as Chatterbox reads it best: no brackets nor signs, and the letter A as a letter.

    (`text.say` writes it `eh`, as espeak-ng reads a lone A as the article.)
    """
    text = unicodedata.normalize("NFC", _LETTER_A.sub("A", spoken)).translate(_BARE)
    return re.sub(r",(?=[.,?!])", "", text)


def pieces(text: str, max_chars: int) -> list[Piece]:
    """The text in pieces of at most `max_chars`: divided at sentences, else at clauses, else between words, as evenly as that lets."""
    found: list[Piece] = []
    for sentence in _packed(_SENTENCE.split(text), max_chars):
        if len(sentence) <= max_chars:
            found.append(Piece(sentence))
            continue
        join: Join = "sentence"
        for clause in _packed(_CLAUSE.split(sentence), max_chars):
            for n, part in enumerate(_by_words(clause, max_chars)):
                found.append(Piece(part, "word" if n else join))
            join = "clause"
    return found


def _packed(parts: Sequence[str], max_chars: int) -> list[str]:
    """Neighbours joined while they fit, into pieces of about one length: a last piece of two words would be badly spoken."""
    parts = [p for p in parts if p]
    left = sum(len(p) + 1 for p in parts)
    packed: list[str] = []
    aim = 0.0
    for part in parts:
        if packed and len(packed[-1]) + 1 + len(part) <= max_chars and len(packed[-1]) + len(part) / 2 < aim:
            packed[-1] += f" {part}"
        else:
            aim = left / -(-left // (max_chars + 1))
            packed.append(part)
        left -= len(part) + 1
    return packed


def _by_words(clause: str, max_chars: int) -> list[str]:
    if len(clause) <= max_chars:
        return [clause]
    # A single word that is longer is cut: nothing that is said is one, but no text may make this fail.
    words = [w[i : i + max_chars] for w in clause.split() for i in range(0, len(w), max_chars)]
    return _packed(words, max_chars)
