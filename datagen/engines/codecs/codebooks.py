"""melrvq's tables and its residual search: patches to codes and back, in whole numbers throughout."""

import hashlib
import io
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs.patches import LOG_STEPS
from datagen.records.rendered import Codes

FILE = "melrvq-1.npz"
N_BOOKS = 8
BOOK_SIZE = 2048
DIMENSIONS = 128
BASIS_STEPS = 2.0**14
POINT_STEPS = 16.0
"""Points in PCA space are rounded to 1/16 neper, a tenth of what eight books leave over a dimension."""
EXACT = 2**24
"""Whole numbers up to here have a float32 of their own, and so have sums of them."""


@dataclass(frozen=True)
class Codebooks:
    """The trained tables, all int16.

    mean [640] in steps of 1/256 neper; basis [640, 128], orthonormal columns in steps of 1/BASIS_STEPS; limit [128],
    to which points are clipped; books [8, 2048, 128]; limit and books in steps of 1/16 neper.
    """

    mean: NDArray[np.int16]
    basis: NDArray[np.int16]
    limit: NDArray[np.int16]
    books: NDArray[np.int16]
    revision: str = ""

    @cached_property
    def _float_basis(self) -> NDArray[np.float64]:
        return self.basis.astype(np.float64)

    @cached_property
    def _columns(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.books.transpose(0, 2, 1), dtype=np.float32)

    @cached_property
    def _rows(self) -> NDArray[np.float32]:
        return self.books.astype(np.float32)

    @cached_property
    def _half_norms(self) -> NDArray[np.float32]:
        squares: NDArray[np.int64] = np.square(self.books.astype(np.int64)).sum(axis=2)
        return (squares // 2).astype(np.float32)

    def points(self, patches: NDArray[np.float64]) -> NDArray[np.float32]:
        """Patches [n, 640] (steps of 1/256 neper) as points [n, 128] in whole steps of 1/16 neper."""
        turned = (patches - self.mean) @ self._float_basis
        whole = np.rint(turned * (POINT_STEPS / (LOG_STEPS * BASIS_STEPS)))
        limit = self.limit.astype(np.float64)
        clipped: NDArray[np.float64] = np.clip(whole, -limit, limit)
        return clipped.astype(np.float32)

    def quantise(self, points: NDArray[np.float32]) -> Codes:
        """Codes [8, n] of whole-number points [n, 128]: in each book the nearest row to what is left; ties take the first."""
        codes = np.empty((len(self.books), len(points)), np.int16)
        rest = points.copy()
        for book in range(len(self.books)):
            best = nearest(rest, self._columns[book], self._half_norms[book])
            codes[book] = best
            rest -= self._rows[book][best]
        return codes

    def patches_of(self, codes: Codes) -> NDArray[np.float64]:
        """Log-mel patches [n, 640] in nepers of codes [8, n]."""
        points = np.zeros((codes.shape[1], self.basis.shape[1]))
        for book, row in zip(self.books, codes, strict=True):
            points += book[row]
        return np.asarray(points @ self._float_basis.T / (POINT_STEPS * BASIS_STEPS) + self.mean / LOG_STEPS)

    def largest_sum(self) -> int:
        """The largest magnitude that any partial sum of a search can reach; below EXACT, every score is exact."""
        box = self.limit.astype(np.int64)
        worst = 0
        for book in self.books.astype(np.int64):
            scores = (np.abs(book) * box).sum(axis=1) + np.square(book).sum(axis=1) // 2
            worst = max(worst, int(scores.max()))
            box = box + np.abs(book).max(axis=0)
        return worst


def nearest(
    points: NDArray[np.float32], columns: NDArray[np.float32], half_norms: NDArray[np.float32]
) -> NDArray[np.intp]:
    """The index [n] of the column of [d, k] nearest to each of the points [n, d], given half the columns' squared norms."""
    scores = points @ columns
    scores -= half_norms
    return np.asarray(np.argmax(scores, axis=1))


def save(target: BinaryIO, books: Codebooks) -> None:
    """The tables as .npz, the same bytes for the same tables."""
    np.savez_compressed(target, mean=books.mean, basis=books.basis, limit=books.limit, books=books.books)


def load(content: bytes) -> Codebooks:
    """The tables from the bytes of an .npz; their revision is the first 16 hex digits of its SHA-256."""
    with np.load(io.BytesIO(content)) as tables:
        arrays = {name: tables[name] for name in ("mean", "basis", "limit", "books")}
    return Codebooks(**arrays, revision=hashlib.sha256(content).hexdigest()[:16])


@cache
def bundled() -> Codebooks:
    """The tables that travel with the package."""
    return load(resources.files("datagen.engines.codecs").joinpath(FILE).read_bytes())
