"""The training of melrvq's tables from patches: PCA, then a book after a book by k-means on what the last one leaves."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs.codebooks import (
    BASIS_STEPS,
    BOOK_SIZE,
    DIMENSIONS,
    N_BOOKS,
    POINT_STEPS,
    Codebooks,
    nearest,
)
from datagen.engines.codecs.patches import FLOOR, LOG_STEPS, PATCH
from datagen.errors import DataError

ROWS = 4096


def train(
    patches: NDArray[np.int16], seed: int, rounds: int = 6, report: Callable[[str], None] = lambda _: None
) -> Codebooks:
    """Tables trained on log-mel patches [n, 640] (steps of 1/256 neper); a DataError for fewer than 2048.

    Digital silence gets a row of its own in the first book, and each later book a row of zeros, so that silence is
    encoded without a rest. Where a row lies in its book is drawn, so that no code means anything by its number.
    """
    if len(patches) < BOOK_SIZE:
        raise DataError(
            f"melrvq: {len(patches)} frames to train on; {BOOK_SIZE} are needed for a book. Raise --minutes."
        )
    generator = np.random.Generator(np.random.PCG64(seed))
    mean = np.rint(patches.mean(axis=0)).astype(np.int16)
    basis = _basis(patches, mean)
    silence = np.full((1, PATCH), np.rint(np.log(FLOOR) * LOG_STEPS))
    open_box = np.full(DIMENSIONS, np.iinfo(np.int16).max, np.int16)
    turn = Codebooks(mean, basis, open_box, np.zeros((0, BOOK_SIZE, DIMENSIONS), np.int16))
    points = np.concatenate(
        [turn.points(patches[at : at + ROWS].astype(np.float64)) for at in range(0, len(patches), ROWS)]
    )
    quiet = turn.points(silence)[0]
    limit = np.ceil(np.maximum(np.abs(points).max(axis=0), np.abs(quiet))).astype(np.int16)
    books, rest = [], points
    total = float(np.square(points - points.mean(axis=0)).sum())
    for number in range(N_BOOKS):
        kept = quiet if number == 0 else np.zeros(DIMENSIONS, np.float32)
        book = _book(rest, kept, generator, rounds)
        best = _assign(rest, book)
        rest = rest - book[best]
        books.append(book.astype(np.int16))
        left = float(np.square(rest).sum())
        rmse = np.sqrt(left / len(rest) / PATCH) / POINT_STEPS
        report(f"book {number + 1}: {left / total:.4f} of the variance left, log-mel rmse {rmse:.3f} neper")
    return Codebooks(mean, basis, limit, np.stack(books))


def _basis(patches: NDArray[np.int16], mean: NDArray[np.int16]) -> NDArray[np.int16]:
    nepers = (patches - mean.astype(np.float32)) / np.float32(LOG_STEPS)
    _, vectors = np.linalg.eigh((nepers.T @ nepers / len(nepers)).astype(np.float64))
    top = vectors[:, ::-1][:, :DIMENSIONS]
    signs = np.sign(top[np.argmax(np.abs(top), axis=0), np.arange(DIMENSIONS)])
    return np.asarray(np.rint(top * signs * BASIS_STEPS), np.int16)


def _book(
    points: NDArray[np.float32], kept: NDArray[np.float32], generator: np.random.Generator, rounds: int
) -> NDArray[np.float32]:
    """A book [2048, 128] of whole numbers by k-means; one row is `kept`, the rest move. Empty rows start again at a point."""
    book = points[generator.choice(len(points), BOOK_SIZE, replace=False)]
    book[0] = kept
    for _ in range(rounds):
        best = _assign(points, book)
        order = np.argsort(best, kind="stable")
        counts = np.bincount(best, minlength=BOOK_SIZE)
        filled = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[filled]
        sums = np.add.reduceat(points[order], starts, axis=0, dtype=np.float64)
        book[filled] = sums / counts[filled, None]
        empty = np.flatnonzero(counts == 0)
        book[empty] = points[generator.choice(len(points), len(empty), replace=False)]
        book = np.rint(book).astype(np.float32)
        book[0] = kept
    return book[generator.permutation(BOOK_SIZE)]


def _assign(points: NDArray[np.float32], book: NDArray[np.float32]) -> NDArray[np.intp]:
    columns = np.ascontiguousarray(book.T)
    half_norms = np.square(book).sum(axis=1) / np.float32(2)
    return np.concatenate([nearest(points[at : at + ROWS], columns, half_norms) for at in range(0, len(points), ROWS)])
