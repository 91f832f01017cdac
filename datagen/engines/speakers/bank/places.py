"""Where voices lie among each other, how many of them are really different people, and which sounds most like which.

Places are points whose Euclidean distance is how far apart two voices sound; 1 is the least at which they count as two people.
- Acoustic: the 17 whitened numbers of datagen/audio/speaker_distance.py over its calibrated threshold, exactly.
- An embedder: the features' distance sqrt((1 - similarity) / (1 - same_from)), which for a cosine similarity is that of points on a
  sphere, projected on to at most 32 dimensions (classical scaling by 1,000 landmarks). A projection of points never takes two
  farther apart than they are, so what casting holds apart is apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen import resources
from datagen.audio.speaker_distance import read_distance
from datagen.protocols import Embedder

Points = NDArray[np.float64]
MAX_DIMENSIONS, MAX_LANDMARKS, BLOCK = 32, 1_000, 512
ACOUSTIC = "acoustic"


@dataclass(frozen=True, slots=True)
class Told:
    """Of every voice: when the cover took it (-1: it sounds like one that was taken), the nearest other voice and its distance."""

    cover_rank: NDArray[np.int64]
    nearest: NDArray[np.int64]
    nearest_distance: Points

    @property
    def n_distinct(self) -> int:
        return int((self.cover_rank >= 0).sum())


def acoustic_places(features: Points) -> Points:
    """Places [n, 17] of the acoustic features [n, 17]."""
    known = read_distance(resources.voices() / "distance.toml")
    return np.asarray(features @ known.matrix / known.threshold)


def embedded_places(embedder: Embedder, features: NDArray[np.float32]) -> Points:
    """Places [n, at most 32] of an embedder's features [n, d], none of them NaN."""
    n = len(features)
    landmarks = np.unique(np.linspace(0, n - 1, min(n, MAX_LANDMARKS)).round().astype(int))
    unit = max(1.0 - float(embedder.same_from), 1e-9)
    squared = np.concatenate(
        [
            np.maximum(1.0 - embedder.similarity(features[i : i + BLOCK], features[landmarks]).astype(np.float64), 0.0)
            / unit
            for i in range(0, n, BLOCK)
        ]
    )
    among = squared[landmarks]
    among = (among + among.T) / 2
    np.fill_diagonal(among, 0.0)
    means = among.mean(axis=0)
    gram = -0.5 * (among - means - means[:, None] + means.mean())
    values, vectors = np.linalg.eigh(gram)
    kept = [k for k in np.argsort(values)[::-1][:MAX_DIMENSIONS] if values[k] > 1e-9 * max(values[-1], 1e-9)]
    if not kept:
        return np.zeros((n, 1))
    return np.asarray(-0.5 * (squared - means) @ (vectors[:, kept] / np.sqrt(values[kept])))


def tell(places: Points) -> Told:
    """The greedy cover, farthest first from the voice nearest the middle, until the next lies within 1 of one taken; and neighbours.

    The same places give the same answer; memory grows with n, not with its square.
    """
    n = len(places)
    rank = np.full(n, -1, dtype=np.int64)
    if n == 0:
        return Told(rank, rank.copy(), np.zeros(0))
    to_taken = np.full(n, np.inf)
    best = int(np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1)))
    for turn in range(n):
        rank[best] = turn
        to_taken = np.minimum(to_taken, np.linalg.norm(places - places[best], axis=1))
        to_taken[best] = -np.inf
        best = int(np.argmax(to_taken))
        if to_taken[best] < 1.0:
            break
    nearest, distance = np.zeros(n, dtype=np.int64), np.zeros(n)
    for start in range(0, n, BLOCK):
        apart = _apart(places[start : start + BLOCK], places)
        rows = np.arange(len(apart))
        apart[rows, start + rows] = np.inf
        nearest[start : start + BLOCK] = apart.argmin(axis=1)
        distance[start : start + BLOCK] = apart.min(axis=1)
    return Told(rank, nearest, np.where(np.isfinite(distance), distance, 0.0))


def _apart(one: Points, other: Points) -> Points:
    squared = (one * one).sum(axis=1)[:, None] + (other * other).sum(axis=1) - 2 * one @ other.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def as_lists(values: NDArray[np.floating], digits: int) -> Sequence[list[float]]:
    return [[round(float(x), digits) for x in row] for row in values]
