"""Word errors between what should be said and what is heard, and how both sides are written for that."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'"})
SPELLINGS = {"ok": "okay", "mister": "mr", "missus": "mrs", "cannot": "can not", "alright": "all right"}
"""Ways to write one word that sound the same: the left one counts as the right one."""


@dataclass(frozen=True, slots=True)
class WordErrors:
    """How `n` expected words came out: of the least edits that make one from the other, so many of each sort.

    `pairs` is the alignment in order: (place in expected, place in heard), None where there is no counterpart.
    """

    n: int
    substitutions: int
    deletions: int
    insertions: int
    pairs: tuple[tuple[int | None, int | None], ...] = ()

    @property
    def count(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors a word expected; above 1 where more was put in than was expected. Of no word expected, the errors themselves."""
        return self.count / max(self.n, 1)


def words_of(text: str) -> list[str]:
    """The words of a spoken form or of what was heard: small letters without accents or punctuation, hyphens split."""
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).lower())
    kept = "".join(c if c.isalnum() or c == "'" else "" if unicodedata.combining(c) else " " for c in plain)
    return [w for word in kept.split() if (bare := word.strip("'")) for w in SPELLINGS.get(bare, bare).split()]


def errors(expected: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """The least word edits from `expected` to `heard`; of several ways with as few, one that leaves the most words as they are."""
    rows = _table(expected, heard)
    i, j = len(expected), len(heard)
    pairs: list[tuple[int | None, int | None]] = []
    substitutions = deletions = insertions = 0
    while i or j:
        wrong = i > 0 and j > 0 and expected[i - 1] != heard[j - 1]
        if i and j and rows[i][j] == rows[i - 1][j - 1] + wrong * _SUBSTITUTION:
            i, j = i - 1, j - 1
            substitutions += wrong
            pairs.append((i, j))
        elif i and rows[i][j] == rows[i - 1][j] + _EDIT:
            i -= 1
            deletions += 1
            pairs.append((i, None))
        else:
            j -= 1
            insertions += 1
            pairs.append((None, j))
    return WordErrors(len(expected), substitutions, deletions, insertions, tuple(reversed(pairs)))


def text_errors(expected: str, heard: str) -> WordErrors:
    """The word errors of two texts, both written by `words_of`."""
    return errors(words_of(expected), words_of(heard))


_EDIT = 1_000_000
_SUBSTITUTION = _EDIT + 1
"""Among ways with as many edits fewer substitutions are cheaper: a phrase put in is then that, and not a row of wrong words."""


def _table(expected: Sequence[str], heard: Sequence[str]) -> list[list[int]]:
    """The least cost from each beginning of `expected` to each of `heard`, [len(expected) + 1][len(heard) + 1]."""
    rows = [[j * _EDIT for j in range(len(heard) + 1)]]
    for i, word in enumerate(expected, 1):
        above, row = rows[-1], [i * _EDIT]
        for j, other in enumerate(heard, 1):
            replaced = above[j - 1] + (word != other) * _SUBSTITUTION
            row.append(min(above[j] + _EDIT, row[j - 1] + _EDIT, replaced))
        rows.append(row)
    return rows
