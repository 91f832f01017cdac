"""Proper names: capitalised words that no sentence, calendar or title explains."""

from datagen.text import forms
from datagen.text.forms import Value
from datagen.text.lexicon import FIRST_NAMES, OPENERS
from datagen.text.tokens import Token

_JOINERS = frozenset(("of", "de", "la", "del", "van", "von", "&"))


def name_at(toks: list[Token], i: int) -> tuple[list[Value], int] | None:
    """The name that begins at word `i`, and where it ends; None where there is none.

    A word that opens a sentence counts only if it is a known first name, or if a name follows it at once and it is no
    word that sentences open with.
    """
    if not toks[i].nameable:
        return None
    if (i == 0 or toks[i - 1].ends) and not _opening_name(toks, i):
        return None
    if i >= 2 and toks[i - 1].low in ("in", "for", "like") and (toks[i - 2].low == "as" or len(toks[i - 2].core) == 1):
        return None  # spelling: "J as in John"
    end = i + 1
    while end < len(toks) and not toks[end - 1].breaks:
        if toks[end].nameable:
            end += 1
        elif toks[end].low in _JOINERS and end + 1 < len(toks) and toks[end + 1].nameable:
            end += 2
        else:
            break
    return [forms.name(" ".join(t.core for t in toks[i:end]))], end


def _opening_name(toks: list[Token], i: int) -> bool:
    tok = toks[i]
    if tok.low in FIRST_NAMES:
        return True
    if tok.low in OPENERS or tok.low.endswith("ly") or "'" in tok.low or tok.breaks:
        return False
    return i + 1 < len(toks) and toks[i + 1].nameable
