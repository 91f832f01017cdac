"""What a turn does, by its words and its place: floor-transfer offsets depend on it."""

import re
from collections.abc import Sequence

from datagen.records.enums import Speaker, TurnType

_GREETS = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks? (?:you )?for (?:calling|reaching)|welcome to)\b", re.I
)
_PICKS_UP = re.compile(r"\b(?:this is|speaking|how (?:can|may) i help|what can i (?:do|help))\b|\bhere\.", re.I)
_CLOSES = re.compile(
    r"\b(?:bye|goodbye|take care|have a (?:good|great|nice|lovely|wonderful|safe)|talk (?:to you )?(?:soon|later)|thanks|thank you|"
    r"you're welcome|my pleasure|no problem|anytime|see you|that's (?:all|it|everything)|good night|cheers)\b",
    re.I,
)
_HOLDS = re.compile(
    r"\b(?:one (?:moment|second|sec)|a (?:moment|second|sec|minute)|let me (?:just )?(?:check|look|pull|see|find|get|take|bring|run|book|"
    r"put|confirm|verify|update|send|set)|bear with me|hold on|hang on|looking (?:that|it) up|checking (?:that|it))\b",
    re.I,
)
_AGREES = re.compile(
    r"(?:yes|yeah|yep|yup|no|nope|right|correct|exactly|sure|okay|ok|that's right|that's correct|mhm|uh-huh)\b", re.I
)
_OBJECTS = re.compile(
    r"(?:but|no,|come on|seriously|are you (?:kidding|serious)|you've got to be|this is (?:ridiculous|unacceptable|crazy|a joke)|that's "
    r"(?:ridiculous|not|crazy|unacceptable)|i already|wait,? (?:what|no)|what do you mean)\b|no, ",
    re.I,
)
_READS_BACK = re.compile(r"\b(?:is that (?:right|correct)|did i get that|correct\?|right\?)", re.I)
CONFIRMS_IN_WORDS = 8
"""A yes of more words is an answer."""


def types(speakers: Sequence[Speaker], texts: Sequence[str], called: Sequence[bool]) -> list[TurnType]:
    """A type a turn. `called` says of each whether the agent calls a tool in it."""
    return [_type(i, speakers, texts, called) for i in range(len(texts))]


def is_closing(text: str) -> bool:
    """Whether a turn says thanks or goodbye."""
    return _CLOSES.search(text) is not None


def _type(i: int, speakers: Sequence[Speaker], texts: Sequence[str], called: Sequence[bool]) -> TurnType:
    text, n = texts[i], len(texts)
    asks = text.endswith("?")
    before = texts[i - 1] if i else ""
    if i == 0 and speakers[0] is Speaker.AGENT and _PICKS_UP.search(text):
        return TurnType.GREETING
    if i < 2 and _GREETS.match(text) and (i == 0 or len(text.split()) <= CONFIRMS_IN_WORDS):
        return TurnType.GREETING
    if i >= n - 3 and i > 1 and not asks and is_closing(text):
        return TurnType.CLOSING
    if speakers[i] is Speaker.AGENT and _after_lookup(i, speakers, texts, called):
        return TurnType.AFTER_LOOKUP
    if _READS_BACK.search(text) and speakers[i] is Speaker.AGENT:
        return TurnType.CONFIRMATION
    if asks:
        return TurnType.QUESTION
    if speakers[i] is Speaker.USER and _OBJECTS.match(text) and not before.endswith("?"):
        return TurnType.OBJECTION
    if before.endswith("?") and speakers[i - 1] is not speakers[i]:
        short = len(text.split()) <= CONFIRMS_IN_WORDS and not any(c.isdigit() for c in text)
        return TurnType.CONFIRMATION if short and _AGREES.match(text) else TurnType.ANSWER
    return TurnType.STATEMENT


def _after_lookup(i: int, speakers: Sequence[Speaker], texts: Sequence[str], called: Sequence[bool]) -> bool:
    """Whether the agent's last turn before this one asked to wait, or called a tool, with nothing but a short word between."""
    for back in (1, 2):
        at = i - back
        if at < 0:
            return False
        if speakers[at] is Speaker.AGENT:
            return called[at] or (_HOLDS.search(texts[at]) is not None and not texts[at].endswith("?"))
        if len(texts[at].split()) > CONFIRMS_IN_WORDS:
            return False
    return False
