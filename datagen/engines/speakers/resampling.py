"""A change of sampling rate by a ratio of small whole numbers, exact, through one Fourier transform each way."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PAD_SAMPLES = 1024
"""Zeros behind the signal, so that the transform's ends do not ring into each other."""
TAPER_SHARE = 0.04
"""The top share of the kept band fades out over a cosine: a wall there would ring audibly."""


def resample(samples: NDArray[np.float64], up: int, down: int) -> NDArray[np.float64]:
    """`samples` at `up / down` times their rate: ceil(n * up / down) of them. Band-limited; equal input gives equal output.

    `up` and `down` have to be products of small primes for this to be fast.
    """
    n = len(samples)
    unit = smooth_size(-(-(n + PAD_SAMPLES) // down))
    spectrum = np.fft.rfft(samples, unit * down)
    kept = min(unit * down, unit * up) // 2
    narrowed = np.zeros(unit * up // 2 + 1, dtype=np.complex128)
    narrowed[:kept] = spectrum[:kept]
    if up < down:
        n_taper = int(kept * TAPER_SHARE)
        narrowed[kept - n_taper : kept] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(n_taper) + 0.5) / n_taper)
    return np.fft.irfft(narrowed, unit * up)[: -(-n * up // down)] * (up / down)


@lru_cache(maxsize=1024)
def smooth_ratio(ratio: float) -> tuple[int, int]:
    """`up, down`, products of twos, threes, fives and sevens up to 512, whose quotient is nearest to `ratio`.

    Within 0.4 % from 0.5 to 2, and within 0.2 % in nearly all of it.
    """
    terms = [n for n in range(1, 513) if _is_smooth(n)]
    pairs = ((min(terms, key=lambda up: (abs(up / down - ratio), up)), down) for down in terms)
    return min(pairs, key=lambda pair: (round(abs(pair[0] / pair[1] / ratio - 1), 12), pair[1]))


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n == 1


@lru_cache(maxsize=4096)
def smooth_size(least: int) -> int:
    """The smallest product of twos, threes and fives that is at least `least`, and even."""
    best = 1 << max(least - 1, 1).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            twos = max(2, 1 << max(-(-least // threes) - 1, 0).bit_length())
            if threes * twos >= least:
                best = min(best, threes * twos)
            threes *= 3
        fives *= 5
    return best
