"""Words that espeak-ng's English reads wrongly, respelled so that it says what a person would."""

import re

RESPELLED = {
    "mhm": "um hum",  # it spells out: em aitch em
    "mm": "um",
    "hm": "hmm",
    "eh": "eigh",  # the letter A; it says "reh"
}
_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")


def respelled(spoken: str) -> str:
    """The spoken form with such words replaced, whatever their case; punctuation and all else stay."""
    return _WORD.sub(lambda found: RESPELLED.get(found[0].lower(), found[0]), spoken)
