"""MinHash signatures of dialogues: 128 permutations over 5-gram word shingles of the normalised turns (rensa's R-MinHash)."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from rensa import RMinHash

N_PERMUTATIONS = 128
N_GRAM = 5
SEED = 20_602  # never changed: signatures of two builds are compared
_WORD = re.compile(r"[a-z0-9$%]+(?:['.,:/-][a-z0-9]+)*")


def signature(texts: Iterable[str]) -> tuple[int, ...]:
    """128 minima (32-bit) of a dialogue's shingles, case and punctuation apart; a text below 5 words is one shingle."""
    words = _WORD.findall(" ".join(texts).lower().replace("’", "'"))
    if len(words) <= N_GRAM:
        shingles = [" ".join(words)]
    else:
        shingles = list(map(" ".join, zip(*(islice(words, k, None) for k in range(N_GRAM)), strict=False)))
    sketch = RMinHash(N_PERMUTATIONS, SEED)
    sketch.update(shingles)
    return tuple(sketch.digest())


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """The estimated Jaccard index of two signatures: the share of equal minima."""
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
