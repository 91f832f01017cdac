"""Where two segments of one turn meet: what the first has said is not said again, and a lead is not led on from."""

import re
from collections.abc import Sequence

from datagen.domains.phrasing import capital
from datagen.engines.writers.agenda.draft import Segment

LEADS = frozenset({"lead", "reask", "resume", "firm", "repeat", "cut_ask"})
"""Acts after which a sentence starts without a word that leads on."""

TAKEN_UP = frozenset({"accept"})
"""Acts that agree to help, whatever their words: no "Sure" after them."""

_OPENER = re.compile(
    r"(?:^|[.?!] )(?:okay|alright|sure|great|perfect|good|right|wonderful|lovely|got it|thanks|thank you|of course)\b",
    re.I,
)
_OPENED = re.compile(
    r"^(?:okay|alright|great|perfect|right|wonderful|lovely|well|good|got it|thanks|sure thing|okay, so|sure)[,.] (?=\S+ \S)",
    re.I,
)
_LEADING = re.compile(
    r"^(?:and|but|so|oh|okay|alright|also|hey|by the way|well|yeah|just so you know|then)(?:,? so)?,? (?=\S+ \S)", re.I
)
_AT = re.compile(r"^(?:on|at|in|by|until|from|through|over) (?=\S)", re.I)

_ASKING = re.compile(
    r"((?:^|[.?!] )(?:(?:sorry|wait|hey|actually|and), )?"
    r"(?:(?:can|could|may|would|shall|should|do|did) (?:i|you|we|they|someone|somebody) |how about )[^.?!]*)\.$",
    re.I,
)


def ended(text: str) -> str:
    """`text` with a stop at its end, a question mark where its last sentence asks; a comma, where it leads on, stays."""
    closed = text if text.endswith((".", "?", "!", ",")) else text + "."
    return _ASKING.sub(r"\1?", closed)


def bare(value: str) -> str:
    """A value without the preposition that it brings along ("on Monday"), for sentences that have one of their own."""
    return _AT.sub("", value)


def fitted(before: Sequence[Segment], text: str, act: str) -> str:
    """`text` as it follows the segments of its turn: no second "Okay," and, after a lead, no "And"."""
    if not before:
        return text
    if before[-1].act in LEADS:
        return capital(_LEADING.sub("", _OPENED.sub("", text, count=1), count=1))
    opened = any(s.act in TAKEN_UP or _OPENER.search(s.text) for s in before)
    # "Sure" and "Yes" may be the whole answer to what was asked.
    if opened and act != "answer":
        return capital(_OPENED.sub("", text, count=1))
    return text
