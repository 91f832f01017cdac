"""MinHash signatures of dialogues: 128 permutations over 5-gram word shingles of the normalised turns (rensa's R-MinHash)."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from rensa import RMinHash

N_PERMUTATIONS = 128
N_GRAM = 5
SEED = 20_602  # never changed: signatures of two builds are compared
_WORD = re.compile(r"[a-z0-9$%]+(?:['.,:/-][a-z0-9]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text as signatures see them: small letters, no punctuation."""
    return _WORD.findall(text.lower().replace("’", "'"))


def signature(texts: Iterable[str]) -> tuple[int, ...]:
    """128 minima (32-bit) of a dialogue's shingles, case and punctuation apart; a text below 5 words is one shingle."""
    return sketch(words_of(" ".join(texts)), N_GRAM)


def sketch(words: Sequence[str], n_gram: int) -> tuple[int, ...]:
    """128 minima of the shingles of `n_gram` words."""
    if len(words) <= n_gram:
        shingles = [" ".join(words)]
    else:
        shingles = list(map(" ".join, zip(*(islice(words, k, None) for k in range(n_gram)), strict=False)))
    made = RMinHash(N_PERMUTATIONS, SEED)
    made.update(shingles)
    return tuple(made.digest())


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """The estimated Jaccard index of two signatures: the share of equal minima."""
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
