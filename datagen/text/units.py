"""The nouns that a number counts: `45 minutes` is no time and no sum, and not the same as 45 people."""

from collections.abc import Sequence

from datagen.text.tokens import Token
from datagen.text.wordlist import ordered, words

_KINDS = {
    "person": "people person persons guest guests seat seats adult adults diners",
    "child": "kid kids child children",
    "time": "times",
    "foot": "feet foot",
    "inch": "inch inches",
    "copy": "copy copies",
    "day": "day days",
} | {
    noun: f"{noun} {noun}s"
    for noun in ordered(
        "second minute hour week month year night mile point pound table chair item degree member customer call payment "
        "installment question thing option way moment ticket bottle"
    )
}
_NOUNS = {word: kind for kind, names in _KINDS.items() for word in names.split()}
COUNTED = frozenset(_NOUNS)
"""Every noun that is a unit, singular and plural."""

_BETWEEN = words("business working calendar full extra whole consecutive")


def unit_after(toks: Sequence[Token], j: int) -> str:
    """What the number before word `j` counts, in the singular (`business days`: `day`); "" where no unit follows."""
    if j and toks[j - 1].breaks:
        return ""
    while j < len(toks) and toks[j].low in _BETWEEN and not toks[j].breaks:
        j += 1
    return _NOUNS.get(toks[j].low, "") if j < len(toks) else ""


def unit_of(noun: str) -> str:
    """A unit's singular; the word itself where it is none of them."""
    return _NOUNS.get(noun, noun)
