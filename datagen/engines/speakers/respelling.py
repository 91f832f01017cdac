"""Words that espeak-ng's English reads wrongly, respelled so that it says what a person would."""

import re

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
"""Found by holding its sounds for every word of the domains against CMU's pronouncing dictionary, and the rest by reading them."""
_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")


def respelled(spoken: str) -> str:
    """The spoken form with such words replaced, whatever their case and with their `'s`; punctuation and all else stay."""
    return _WORD.sub(lambda found: _respelled(found[0]), spoken)


def _respelled(word: str) -> str:
    stem = word.removesuffix("'s")
    said = RESPELLED.get(stem.lower())
    return word if said is None else said + word[len(stem) :]
