"""The sounds of a word that no dictionary has, read off its letters: names and made-up words, in ARPAbet without stress.

Rules by letters, longest first, each with what may stand before and after it; a vowel before one consonant and a last `e` is long.
"""

import re

Rule = tuple[str, str, str, str]
"""What stands before (a pattern at the word's beginning so far), the letters, what follows (a pattern), the sounds."""

_RULES: tuple[Rule, ...] = (
    ("", "a", "tion", "EY"),
    ("", "tion", "", "SH AH N"), ("", "sion", "", "ZH AH N"), ("", "cian", "", "SH AH N"), ("", "ture", "", "CH ER"),
    ("", "ough", "t", "AO"), ("", "augh", "", "AO"), ("", "ough", "", "AO F"), ("", "eigh", "", "EY"),
    ("", "igh", "", "AY"),
    ("", "tch", "", "CH"), ("", "sch", "", "SH"), ("", "dge", "", "JH"), ("", "que", "$", "K"), ("", "eau", "", "OW"),
    ("", "our", "", "AO R"), ("", "oor", "", "AO R"), ("", "ear", "[^aeiouy$]", "ER"), ("", "ear", "", "IH R"),
    ("", "air", "", "EH R"), ("", "are", "$", "EH R"), ("", "eer", "", "IH R"), ("", "ier", "$", "IY ER"),
    ("", "ire", "$", "AY ER"),
    ("", "ore", "", "AO R"), ("", "ure", "$", "Y UH R"), ("", "ing", "$", "IH NG"), ("", "ous", "$", "AH S"),
    ("", "all", "$", "AO L"), ("", "ould", "", "UH D"), ("", "ong", "$", "AO NG"), ("", "ang", "$", "AE NG"),
    ("[^aeiouy]", "le", "$", "AH L"), ("", "ted", "$", "T IH D"), ("", "ded", "$", "D IH D"),
    ("[pkfsx]", "ed", "$", "T"),
    ("[aeiouy].*[^aeiou]", "ed", "$", "D"), ("", "ses", "$", "S IH Z"), ("", "ches", "$", "CH IH Z"),
    ("", "shes", "$", "SH IH Z"),
    ("^", "mc", "", "M AH K"), ("^", "kn", "", "N"), ("^", "wr", "", "R"), ("^", "ps", "", "S"),
    ("^", "wh", "", "W"), ("^", "gn", "", "N"),
    ("", "ph", "", "F"), ("", "sh", "", "SH"), ("", "ch", "[rl]", "K"), ("", "ch", "", "CH"), ("", "th", "", "TH"),
    ("", "ck", "", "K"), ("", "ng", "[rlaeiou]", "NG G"), ("", "ng", "", "NG"), ("", "nk", "", "NG K"),
    ("", "qu", "", "K W"),
    ("", "gh", "$|[^aeiouy]", ""), ("", "gh", "", "G"), ("", "mb", "$", "M"), ("", "rh", "", "R"),
    ("", "wh", "", "W"), ("", "zz", "", "Z"),
    ("", "ar", "[aeiouy]", "AE R"), ("", "ar", "", "AA R"), ("w", "or", "", "ER"), ("[^aeiou].*", "or", "$", "ER"),
    ("", "or", "", "AO R"),
    ("", "er", "[iy]", "EH R"), ("", "er", "", "ER"), ("", "ir", "", "ER"), ("", "ur", "", "ER"), ("", "yr", "", "ER"),
    ("", "ai", "", "EY"), ("", "ay", "", "EY"), ("", "au", "", "AO"), ("", "aw", "", "AO"), ("", "ee", "", "IY"),
    ("", "ea", "", "IY"),
    ("", "ei", "", "IY"), ("", "ey", "$", "IY"), ("", "ey", "", "EY"), ("", "eu", "", "Y UW"), ("", "ew", "", "UW"),
    ("", "ie", "", "IY"), ("", "ia", "", "IY AH"), ("", "io", "", "IY OW"), ("", "iu", "", "IY AH"),
    ("", "oa", "", "OW"),
    ("", "oe", "$", "OW"), ("", "oi", "", "OY"), ("", "oy", "", "OY"), ("", "oo", "k", "UH"), ("", "oo", "", "UW"),
    ("", "ou", "", "AW"), ("", "ow", "$", "OW"), ("", "ow", "", "AW"), ("", "ue", "$", "UW"), ("", "ui", "", "UW"),
    ("", "aa", "", "AA"),
    ("", "ah", "$", "AH"), ("", "eh", "$", "EH"), ("", "oh", "$", "OW"), ("", "uh", "$", "AH"), ("", "ae", "", "EY"),
    ("", "a", "(?:[^aeiouywxrhl]|l)e(?:$|s$)", "EY"), ("", "e", "[^aeiouywxr]e(?:$|s$)", "IY"),
    ("", "i", "[^aeiouywxr]e(?:$|s$)", "AY"),
    ("", "o", "[^aeiouywxr]e(?:$|s$)", "OW"), ("", "u", "[^aeiouywxr]e(?:$|s$)", "UW"),
    ("", "y", "[^aeiouywxr]e(?:$|s$)", "AY"),
    ("", "a", "$", "AH"), ("[aeiouy].*", "e", "$|s$", ""), ("", "e", "$", "IY"), ("", "i", "$", "IY"),
    ("", "o", "$", "OW"), ("", "u", "$", "UW"),
    ("^[^aeiouy]*", "y", "$", "AY"), ("^", "y", "", "Y"), ("[aeiou]", "y", "[aeiou]", "Y"),
    ("[^aeiou]", "y", "$", "IY"), ("", "y", "$", "IY"),
    ("", "y", "", "IH"), ("", "i", "[aou]", "IY"), ("", "i", "nd$|ld$", "AY"), ("", "o", "ld", "OW"),
    ("", "o", "l[lt]", "OW"),
    ("^[^aeiouy]*", "o", "[^aeiouy][aeiouy]", "OW"), ("^[^aeiouy]*", "a", "[^aeiouyr][aeiouy]", "AE"),
    ("", "c", "[eiy]", "S"), ("", "c", "", "K"), ("", "g", "e|y$", "JH"), ("", "g", "", "G"), ("", "j", "", "JH"),
    ("", "x", "", "K S"),
    ("[aeiouylmnrbdgvw]", "s", "$", "Z"), ("[aeiouy]", "s", "[aeiouym]", "Z"), ("", "s", "", "S"),
    ("", "q", "", "K"), ("", "z", "", "Z"),
    ("", "a", "", "AE"), ("", "e", "", "EH"), ("", "i", "", "IH"), ("", "o", "", "AA"),
    ("^p|^b|^f", "u", "[lst]", "UH"), ("", "u", "", "AH"),
    ("", "b", "", "B"), ("", "d", "", "D"), ("", "f", "", "F"), ("", "h", "$|[^aeiouy]", ""), ("", "h", "", "HH"),
    ("", "k", "", "K"),
    ("", "l", "", "L"), ("", "m", "", "M"), ("", "n", "", "N"), ("", "p", "", "P"), ("", "r", "", "R"),
    ("", "t", "", "T"),
    ("", "v", "", "V"), ("[aeiou]", "w", "$|[^aeiouy]", ""), ("", "w", "", "W"),
)  # fmt: skip
_DOUBLED = re.compile(r"([bdfgklmnprstvz])\1")
_COMPILED = [
    (re.compile(f"(?:{b})$") if b else None, s, re.compile(a) if a else None, p.split()) for b, s, a, p in _RULES
]


def sounds_of(word: str) -> str:
    """ARPAbet for a word of the letters a to z, at least one sound; letters without a rule are silent."""
    text = _DOUBLED.sub(r"\1", word)
    found: list[str] = []
    at = 0
    while at < len(text):
        for before, letters, after, sounds in _COMPILED:
            end = at + len(letters)
            if (
                text.startswith(letters, at)
                and (before is None or before.search(text[:at]))
                and (after is None or after.match(text[end:]))
            ):
                found += sounds
                at = end
                break
        else:
            at += 1
    return " ".join(found) or "AH"
