"""What has no place in spoken text: traces of the machinery that wrote it, and what no voice can say."""

import re
from functools import lru_cache

from datagen.text.lexicon import FIRST_NAMES, OPENERS
from datagen.text.say import sayable
from datagen.text.wordlist import words

_TLDS = "com|org|net|gov|edu|info|io|co|ai"
_SLOT_WORDS = "name|number|date|time|amount|company|address|insert|your"
_LEAKS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (code, what, re.compile(pattern, re.IGNORECASE))
    for code, what, pattern in (
        ("think", "a think block", r"</?think\w*>?|<\|[^|]*\|>|\[/?INST\]"),
        (
            "placeholder",
            "a placeholder",
            rf"\{{[^}}]*\}}?|\[[^\]]*\b(?:{_SLOT_WORDS})\b[^\]]*\]|(?-i:\[[A-Z_ ]+\])|<[^>]*>|_{{2,}}|\bX{{3,}}\b",
        ),
        ("markdown", "markup", r"\*\*|`|^\s*(?:#+|[-*•>]|\d{1,2}\)|1\.)\s|\[[^\]]*\]\(|[\n\r\t]|\|"),
        ("direction", "a stage direction", r"\*[^*]*\*|\[[^\]]*\]?|\((?!\d{3}\))[^)]*\)?"),
        ("url", "a web address", rf"https?:|www\.|(?<![@\w.+-])[\w-]+(?:\.[\w-]+)*\.(?:{_TLDS})\b"),
        ("symbol", "a symbol that nobody says", r"[\\\]{}<>*^=~|_]"),
    )
)
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial|(?:large )?language model|virtual assistant|chatbot)\b"
    r"|\bi(?:'m| am) (?:just |only )?an? (?:ai|language model|chatbot)\b|\blanguage model\b"
    r"|\bi (?:cannot|can't|can not) (?:fulfill|comply|assist with (?:that|this) request|generate|roleplay|role-play)\b"
    r"|\b(?:chatgpt|openai|system prompt|role context|training data|knowledge cutoff)\b"
    r"|\bhere(?:'s| is) (?:the|a|your) (?:dialogue|conversation|script|transcript)\b",
    re.IGNORECASE,
)
_REFUSAL_HINT = re.compile(
    r"\b(?:AI|ai|[Mm]odel|artificial|assistant|chatbot|[Cc]hat[Gg][Pp][Tt]|[Oo]pen[Aa][Ii]|prompt|context|training|cutoff"
    r"|cannot|can't|can not|[Hh]ere(?:'s| is))\b"
)
_ROLE = re.compile(r"^\s*([A-Za-z]+(?: [A-Za-z0-9]+)?)\s*:(?=\s|$)")
_ROLES = words(
    "agent user customer assistant caller representative rep operator system human ai bot client guest host teacher student "
    "speaker person"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SUSPECT = re.compile(
    rf"[\[\]{{}}<>()*_`|\\^=~\n\r\t]|https?:|www\.|\.(?:{_TLDS})\b|^\s*(?:[#>•-]|\d+[.)]\s)|XXX|xxx|[^ -~]"
    r"|(?:^|\s)[^\w\s]+(?:\s|$)"
)
_COMMON_UNICODE = re.compile(r"[‘’“”…–—½¼¾°€£¢À-ÖØ-öø-ſ]")


@lru_cache(maxsize=8192)
def leak_of(text: str, *, role_context: bool = False) -> tuple[str, str] | None:
    """A code and the words for the first leak in `text`, None where it is clean. A role context may hold brackets and colons."""
    if _SUSPECT.search(text):
        fault = _suspect(text, role_context)
        if fault:
            return fault
    if role_context:
        return None
    if _REFUSAL_HINT.search(text):
        refusal = _REFUSAL.search(text)
        if refusal:
            return "refusal", f"a refusal or talk about the machine: {refusal[0]!r}"
    return _speaker(text) if ":" in text else None


def _suspect(text: str, role_context: bool) -> tuple[str, str] | None:
    bare = _EMAIL.sub("mail", text)
    for code, what, pattern in _LEAKS:
        found = pattern.search(bare)
        if found and not (role_context and code in ("direction", "url", "markdown", "symbol")):
            return code, f"{what}: {found[0].strip()[:40]!r}"
    strange = next((c for c in _COMMON_UNICODE.sub("", text) if not c.isascii()), "")
    if strange:
        return "script", f"a character that cannot be said: {strange!r} (U+{ord(strange):04X})"
    if not role_context and not sayable(text):
        return "unsayable", "a word with nothing to say, such as a dash that stands alone"
    return None


def _speaker(text: str) -> tuple[str, str] | None:
    """A speaker's name or role before a colon at the start of a turn."""
    found = _ROLE.match(text)
    if not found:
        return None
    label = found[1]
    first, *rest = label.lower().split()
    named = first in FIRST_NAMES and label[0].isupper()
    pair = bool(rest) and label.istitle() and first not in OPENERS
    if first in _ROLES or named or pair:
        return "speaker", f"a speaker's name at the start: {found[0].strip()!r}"
    return None
