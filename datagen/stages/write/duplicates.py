"""Near-duplicates: MinHash signatures of dialogues, and who loses to whom.

128 permutations over 5-gram word shingles of the normalised turns (rensa's R-MinHash). Candidates come from banding
(Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4), the decision from the whole signature.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

N_PERMUTATIONS = 128
N_GRAM = 5
SEED = 20_602  # never changed: signatures of two builds are compared
RECALL = 0.995
"""The share of pairs at the threshold that banding has to find."""

Signature = Sequence[int] | NDArray[np.uint32]
"""128 minima; as an array they take a tenth of the memory."""

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


def near_duplicates(signatures: Mapping[str, Signature], threshold: float) -> dict[str, str]:
    """Each loser's winner: the lowest kept id whose estimated Jaccard index with it is at least `threshold`.

    Ids are taken in order, their numbers as numbers; one that lost is nobody's winner, so of a chain the ends may both
    stay. The result does not depend on the order of the mapping. 150,000 dialogues need about 200 MB beside it.
    """
    ids = sorted(signatures, key=_order)
    if not ids:
        return {}
    matrix = np.empty((len(ids), N_PERMUTATIONS), np.uint32)
    for i, id_ in enumerate(ids):
        matrix[i] = signatures[id_]
    buckets = _buckets(matrix, _rows_a_band(threshold))
    members: dict[int, list[int]] = {}
    losers: dict[str, str] = {}
    enough = int(np.ceil(threshold * N_PERMUTATIONS - 1e-9))
    for i, id_ in enumerate(ids):
        shared = [b for b in buckets[i].tolist() if b >= 0]
        candidates = sorted({c for b in shared for c in members.get(b, ())})
        winner = _first_alike(matrix, i, candidates, enough)
        if winner is not None:
            losers[id_] = ids[winner]
            continue
        for bucket in shared:
            members.setdefault(bucket, []).append(i)
    return losers


def _order(dialog_id: str) -> tuple[str, int, str]:
    found = re.search(r"(\d+)$", dialog_id)
    return (dialog_id[: found.start()], int(found[1]), dialog_id) if found else (dialog_id, -1, dialog_id)


def _rows_a_band(threshold: float) -> int:
    """The longest band with which pairs at the threshold are found at `RECALL`: the fewest candidates for it."""
    for rows in range(16, 1, -1):
        if 1 - (1 - threshold**rows) ** (N_PERMUTATIONS // rows) >= RECALL:
            return rows
    return 1


def _buckets(matrix: NDArray[np.uint32], rows: int) -> NDArray[np.int32]:
    """The bucket of every dialogue in every band, numbered through all bands; -1 where it is alone in it."""
    n_bands = N_PERMUTATIONS // rows
    result = np.full((len(matrix), n_bands), -1, np.int32)
    n_buckets = 0
    for band in range(n_bands):
        part = np.ascontiguousarray(matrix[:, band * rows : (band + 1) * rows])
        keys = part.view(np.dtype((np.void, part.itemsize * rows))).ravel()
        _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
        which = which.ravel()
        numbers = np.where(counts > 1, np.cumsum(counts > 1) - 1 + n_buckets, -1)
        result[:, band] = numbers[which]
        n_buckets += int((counts > 1).sum())
    return result


def _first_alike(matrix: NDArray[np.uint32], i: int, candidates: list[int], enough: int) -> int | None:
    for start in range(0, len(candidates), 1024):
        part = candidates[start : start + 1024]
        equal = (matrix[part] == matrix[i]).sum(axis=1) >= enough
        if equal.any():
            return part[int(equal.argmax())]
    return None
