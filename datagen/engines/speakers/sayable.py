"""What can be said in English at all, and what of a request stands against it: the same for every synthesiser of rules and recordings."""

import unicodedata
from collections.abc import Callable

from datagen.protocols import Failure, SpeakRequest

SAID_MARKS = frozenset(" \t'’‘\"“”.,;:?!…–—-()[]{}<>/\\@&%+=*#$€£_|~^`")
"""What may stand beside letters and digits in a spoken form."""


def unsayable(spoken: str, marks: frozenset[str] = SAID_MARKS) -> str | None:
    """What stands against saying a text in English: a letter of another script, a sign that is none of `marks`, or nothing to say."""
    for char in spoken:
        if char in marks or (char.isascii() and char.isalnum()):
            continue
        if not unicodedata.name(char, "").startswith("LATIN"):
            return f"and {char!r} (U+{ord(char):04X}) is no sound of English"
    return None if any(c.isalnum() for c in spoken) else "and there is nothing in it to say"


def refusal(
    request: SpeakRequest, max_chars: int, unsayable: Callable[[str], str | None] = unsayable
) -> Failure | None:
    """Why a request is not spoken: `unspeakable`, as `unsayable` says of a word, or `too_long_text`.

    That is with more than `max_chars` characters in its spoken forms.
    """
    if not request.spoken or len(request.words) != len(request.spoken):
        return Failure(
            "unspeakable",
            f"{len(request.words)} words and {len(request.spoken)} spoken forms: one each is needed, and one at least.",
        )
    for word, spoken in zip(request.words, request.spoken, strict=True):
        strange = unsayable(spoken)
        if strange is not None:
            return Failure("unspeakable", f"{word[:60]!r} is said as {spoken[:60]!r}, {strange}.")
    n_chars = len(" ".join(request.spoken))
    if n_chars > max_chars:
        return Failure("too_long_text", f"{n_chars} characters to speak (limit {max_chars}, speaker.max_chars).")
    return None
