"""Words that a synthesiser's English reads wrongly, respelled so that it says what a person would."""

import re
from collections.abc import Mapping

RESPELLED = {
    "mhm": "um hum",  # it spells out: em aitch em
    "mm": "um",
    "hm": "hmm",
    "eh": "eigh",  # the letter A; it says "reh"
    "castling": "cassling",
    "cocina": "co seena",
    "consuelo": "consway lo",
    "edamame": "edda mommay",
    "gutenberg": "gooten berg",
    "leches": "lechess",
    "linguine": "ling gweenee",
    "louvre": "loovruh",
    "miso": "meesoe",
    "okafor": "oka four",
    "taqueria": "tah kuh ree uh",
    "tres": "tress",
    "umami": "oo mommy",
    "umi": "oo me",
}
"""espeak-ng's, found by holding its sounds for every word of the domains against CMU's pronouncing dictionary, the rest by reading."""
OF_FLITE = RESPELLED | {"hm": "hum", "hmm": "hum"}
"""It has no word without a vowel, and spells out what looks like one; else it errs where espeak-ng does, or nowhere."""
_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")


def respelled(spoken: str, by: Mapping[str, str] = RESPELLED) -> str:
    """The spoken form with such words replaced, whatever their case and with their `'s`; punctuation and all else stay."""
    return _WORD.sub(lambda found: _respelled(found[0], by), spoken)


def _respelled(word: str, by: Mapping[str, str]) -> str:
    stem = word.removesuffix("'s")
    said = by.get(stem.lower())
    return word if said is None else said + word[len(stem) :]
