"""The inaudible watermark that Chatterbox puts on all it says (resemble-perth), and a clear line where it cannot."""

import contextlib
import sys
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.engines.speakers.chatterbox.model.rows import ModelError

RATE_HZ = 24_000
#: perth hides its own import error: setuptools 81 and newer come without the pkg_resources that it asks for.
MISSING = (
    "no watermark: resemble-perth could not be loaded in Chatterbox's environment (it needs pkg_resources, which setuptools >= 81 lacks); "
    "install 'setuptools<81' there, or ask for speech without a watermark"
)


class Watermark:
    """Marks waves as made by a machine, as stock does. Where it cannot, `available` is False and `missing` is one line that says why."""

    def __init__(self) -> None:
        self.missing = MISSING
        self._marker = self._load()

    def _load(self) -> Any:
        try:
            perth: Any = import_module("perth")
        except ImportError as error:
            self.missing = (
                f"no watermark: resemble-perth is not in Chatterbox's environment ({error}); install it there"
            )
            return None
        if getattr(perth, "PerthImplicitWatermarker", None) is None:
            return None
        with contextlib.redirect_stdout(sys.stderr):  # it prints, and a worker's stdout may be its wire
            return perth.PerthImplicitWatermarker()

    @property
    def available(self) -> bool:
        """Whether `apply` can mark."""
        return self._marker is not None

    def apply(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """`wave` (24 kHz) with the watermark in it, just as long. Raises ModelError with `missing` where there is no marker."""
        if self._marker is None:
            raise ModelError(self.missing)
        marked = np.asarray(self._marker.apply_watermark(wave, sample_rate=RATE_HZ), dtype=np.float32).reshape(-1)
        # Its way through 32 kHz and back can add or lose a sample.
        return np.pad(marked[: len(wave)], (0, max(0, len(wave) - len(marked))))

    def confidence(self, wave: NDArray[np.float32]) -> float:
        """The share of the watermark's bits that `wave` (24 kHz) carries, 0 to 1. Raises ModelError where there is no marker."""
        if self._marker is None:
            raise ModelError(self.missing)
        return float(np.mean(self._marker.get_watermark(wave, sample_rate=RATE_HZ)))
