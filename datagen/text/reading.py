"""What the reading of a number depends on: the words around it, and the plain ways to read letters and mixed runs."""

import re
from dataclasses import dataclass

from datagen.text.lexicon import SAID_AS_WORDS, SYMBOLS
from datagen.text.numbers import digits
from datagen.text.wordlist import words

ID_WORDS = words(
    "account acct card code pin number no num confirmation reference ref ending ends digits digit zip extension ext ticket "
    "id case order tracking serial passcode password routing policy invoice member membership claim booking reservation # "
    "ssn security iban check cheque phone"
)
"""A number of four digits or more after one of these is read digit by digit."""

_LINKS = words("in is s it's its of with the for my your was as to a that's are on")


@dataclass(frozen=True, slots=True)
class Around:
    """The neighbours of a word, without punctuation: up to four before and three after, nearest last and first.

    `opens` says that the word opens a sentence, `stop` is the prosody after it.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    opens: bool = True
    stop: str = ""

    @property
    def previous(self) -> str:
        return self.before[-1].lower() if self.before else ""

    @property
    def following(self) -> str:
        return self.after[0].lower() if self.after else ""

    @property
    def numeric_before(self) -> bool:
        return bool(self.before) and any("0" <= c <= "9" for c in self.before[-1])

    @property
    def spelled(self) -> bool:
        """Whether single letters or digits stand beside the word, as in a spelled name."""
        return any(
            len(w) == 1 and (w.isupper() or w.isdigit()) and w != "I" for w in (*self.before[-1:], *self.after[:1])
        )

    @property
    def id_context(self) -> bool:
        """Whether the words before name an account, a code or another thing whose number is read digit by digit."""
        for word in reversed(self.before):
            low = word.lower()
            if low in ID_WORDS:
                return True
            if low not in _LINKS:
                return False
        return False

    def inside(self) -> "Around":
        """The surroundings of a part of the word."""
        return Around(self.before, self.after, self.opens, "")


def letters(text: str) -> str:
    """The letters of `text` by their names, apart: `ATM` gives `eh T M`."""
    return " ".join("eh" if c == "A" else c for c in text.upper() if c.isalpha())


def reading_of(text: str) -> str:
    """The last resort: runs of letters as words (capitals by their names), of digits one by one, symbols by name or left out."""
    said = []
    for run in re.findall(r"[^\W\d_]+|[0-9]+|.", text):
        if run.isalpha():
            word = run.lower() in SAID_AS_WORDS or not (run.isupper() and run.isascii())
            said.append((run.lower() if run.isupper() and run.isascii() else run) if word else letters(run))
        elif run.isascii() and run.isdigit():
            said.append(digits(run))
        elif run in SYMBOLS:
            said.append(SYMBOLS[run])
        elif not run.isascii():
            said.append(run)
    return " ".join(said)
