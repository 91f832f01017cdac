"""Transform lengths that are fast, and soft band edges."""

import numpy as np
from numpy.typing import NDArray


def fast_length(n: int) -> int:
    """The smallest even number of the form 2^a 3^b 5^c that is at least `n`."""
    best = 2
    while best < n:
        best *= 2
    five = 1
    while five < best:
        three = five
        while three < best:
            candidate = three * 2
            while candidate < n:
                candidate *= 2
            best = min(best, candidate)
            three *= 3
        five *= 5
    return best


def rise(frequencies_hz: NDArray[np.floating], low_hz: float, high_hz: float) -> NDArray[np.float32]:
    """A gain per frequency: 0 up to `low_hz`, 1 from `high_hz`, a raised cosine between."""
    x = np.clip((frequencies_hz - low_hz) / (high_hz - low_hz), 0, 1)
    gain: NDArray[np.float32] = (0.5 - 0.5 * np.cos(np.pi * x)).astype(np.float32)
    return gain
