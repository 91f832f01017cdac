"""What has no place in spoken text: traces of the machinery that wrote it, and what no voice can say. How to be found out: by a code.

`think`, `json`, `placeholder`, `tag`, `markdown`, `direction`, `url`, `symbol`, `script`, `unsayable`, `refusal`, `assistant`, `speaker`.
"""

import re
from functools import lru_cache

from datagen.stages.write.said import said
from datagen.stages.write.signs import is_strange
from datagen.text.lexicon import FIRST_NAMES, OPENERS
from datagen.text.say import sayable
from datagen.text.wordlist import words

_TLDS = "com|org|net|gov|edu|info|io|co|ai"
_SLOT_WORDS = "name|number|date|time|amount|company|address|insert|your"
_LEAKS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (code, what, re.compile(pattern, re.IGNORECASE))
    for code, what, pattern in (
        ("think", "a think block", r"</?think\w*>?|<\|[^|]*\|>|\[/?INST\]|/(?:no_?)?think\b"),
        (
            "json",
            "a remnant of JSON",
            r"[\"']\s*[}\]]|[{\[]\s*[\"']|\"\s*,\s*\"\w+\"\s*:|\"(?:speaker|text|turns|tags|facts_used|role|content|call)\"\s*:",
        ),
        (
            "placeholder",
            "a placeholder",
            rf"\{{[^}}]*\}}?|\[[^\]]*\b(?:{_SLOT_WORDS})\b[^\]]*\]|(?-i:\[[A-Z_ ]+\])|<[^>]*\b(?:{_SLOT_WORDS})\b[^>]*>"
            r"|(?-i:<[A-Z_ ]+>)|_{2,}|\bX{3,}\b",
        ),
        ("tag", "a tag that there is not", r"</?[a-z][^>]*>"),
        ("markdown", "markup", r"\*\*|`|^\s*(?:#+|[-*•>]|\d{1,2}\)|1\.)\s|\[[^\]]*\]\(|[\n\r\t]|\|"),
        ("direction", "a stage direction", r"\*[^*]*\*|\[[^\]]*\]?|\((?!\d{3}\))[^)]*\)?"),
        ("url", "a web address", rf"https?:|www\.|(?<![@\w.+-])[\w-]+(?:\.[\w-]+)*\.(?:{_TLDS})\b"),
        ("symbol", "a symbol that nobody says", r"[\\\]{}<>*^=~|_]"),
    )
)
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial|(?:large )?language model|virtual assistant|chatbot)\b"
    r"|\bi(?:'m| am) (?:just |only |merely )*an? (?:ai|language model|chatbot|bot|virtual assistant)\b|\blanguage model\b"
    r"|\bi (?:cannot|can't|can not) (?:fulfill|comply with (?:that|this)|assist with (?:that|this) request|roleplay|role-play"
    r"|generate (?:that|this|text|content|any|a (?:response|reply|dialogue|conversation)))\b"
    r"|\b(?:chatgpt|openai|system prompt|role context|training data|knowledge cutoff)\b"
    r"|\bhere(?:'s| is) (?:the|a|your) (?:dialogue|script|(?:conversation|transcript)(?: (?:you|between|based|of a|with)|:|$))",
    re.IGNORECASE,
)
_ASSISTANT = re.compile(
    r"\b(?:end|conclusion) of (?:the |this )?(?:conversation|dialogue|transcript|script|scene|role-?play)\b"
    r"|\bthis (?:concludes|ends) (?:the|this|our) (?:dialogue|script|scene|simulation|role-?play|transcript)\b"
    r"|\b(?:adjust|change|modify|revise|rewrite|continue|extend|expand) (?:the (?:tone|length|style) of )?(?:the|this) "
    r"(?:dialogue|conversation|script|transcript|role-?play|scene)\b"
    r"|\b(?:this|my) (?:response|reply|dialogue|script) (?:meets|fits|helps|is helpful|captures|reflects)\b"
    r"|\b(?:as per|following|according to) (?:your|the) (?:prompt|instructions given|guidelines above|style card)\b",
    re.IGNORECASE,
)
_HINTS = words(
    "ai model artificial assistant bot chatbot chatgpt openai prompt context training cutoff cannot can't fulfill comply request here's "
    "here dialogue conversation script scene response transcript guidelines style role-play roleplay simulation reply"
)
"""Words of which every refusal, and all talk about the dialogue, has one."""
_ROLE = re.compile(r"^\s*([A-Za-z]+(?: [A-Za-z0-9]+)?)\s*:(?=\s|$)")
_ROLES = words(
    "agent user customer assistant caller representative rep operator system human ai bot client guest host teacher student "
    "speaker person"
)
_MAY_HOLD = frozenset(("direction", "url", "markdown", "symbol", "json", "tag"))
"""What a role context may hold: it is read, and tools stand in it."""
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ODD = re.compile(r"[^ !$%&'+,\-.0-9:;?@A-Za-z]")
"""A character that clean texts seldom hold; the patterns have to look at one that does."""
_BREAK = re.compile(r"[\n\r\t]")
_COMMON_UNICODE = re.compile(r"[‘’“”…–—½¼¾°€£¢À-ÖØ-öø-ſ]")


@lru_cache(maxsize=512)
def leak_of(text: str, *, role_context: bool = False) -> tuple[str, str] | None:
    """A code and the words for the first leak in `text`, None where it is clean. A role context may hold brackets and colons.
    Kept, since a dialogue is checked twice."""
    if (
        _ODD.search(text)
        if role_context
        else (not said(text).fine and (_BREAK.search(text) or any(map(is_strange, text.split()))))
    ):
        fault = _suspect(text, role_context)
        if fault:
            return fault
    if role_context:
        return None
    if not _HINTS.isdisjoint(said(text).words):
        refusal = _REFUSAL.search(text)
        if refusal:
            return "refusal", f"a refusal or talk about the machine: {refusal[0]!r}"
        outside = _ASSISTANT.search(text)
        if outside:
            return "assistant", f"talk about the dialogue itself: {outside[0]!r}"
    return _speaker(text) if ":" in text else None


def _suspect(text: str, role_context: bool) -> tuple[str, str] | None:
    bare = _EMAIL.sub("mail", text)
    for code, what, pattern in _LEAKS:
        found = None if role_context and code in _MAY_HOLD else pattern.search(bare)
        if found:
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
