"""A model for the worker that takes no time: its sounds follow from text and seed, and some texts make it fail.

die: the process ends; hang: it never answers; pause: it takes a second; nan, silent, minute: sounds that are none; fault: the model's
own; fails: the call as a whole does; crowd: out of memory where more than three rows are given at once. A clip of FULL samples does
not fit at first.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datagen.engines.speakers.chatterbox.model.rows import Fault, ModelError, OutOfMemory

FULL = 160_000
MARK = np.float32(1 / 4096)
"""What the watermark adds to each sample."""


class Batched:
    def __init__(self, folder: Path) -> None:
        self._log = folder / "calls.log"
        self._refused = False
        self.seconds: dict[str, float] = defaultdict(float)

    @classmethod
    def load(cls, folder: Path, device: str, dtype: str, kind: str, slots: int, prompt_s: float) -> "Batched":
        if (folder / "bad").exists():
            raise ModelError(f"{folder.name} lacks a tensor\nof that shape")
        if (folder / "dies").exists():
            os.abort()
        if (folder / "slow").exists():
            time.sleep(600)
        made = cls(folder)
        made._note(f"load {device} {dtype} {kind} {slots} {prompt_s:g} {os.getpid()}")
        return made

    def _note(self, line: str) -> None:
        with self._log.open("a") as out:
            out.write(line + "\n")

    def conditionals(self, clip: np.ndarray[Any, Any], exaggeration: float) -> tuple[float, float]:
        self._note(f"voice {len(clip)} {exaggeration:g}")
        if len(clip) == FULL and not self._refused:
            self._refused = True
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 MiB")
        if not clip.any():
            raise ModelError("the reference clip is silent")
        return float(np.abs(clip).max()), exaggeration

    def speak(self, rows: Sequence[Any], mark: bool = True) -> Iterator[tuple[int, Any]]:
        self._note(f"speak {len(rows)} {mark}")
        for n, row in sorted(enumerate(rows), key=lambda item: len(item[1].text)):
            if "die" in row.text:
                os.kill(os.getpid(), 9)
            if "hang" in row.text:
                time.sleep(600)
            if "fails" in row.text:
                raise IndexError("no such\nplace")
            if "pause" in row.text:
                time.sleep(1)
            if "crowd" in row.text and len(rows) > 3:
                raise OutOfMemory("2 GiB wanted")
            self.seconds["t3"] += 0.25
            yield n, Fault("cut", f"no stop within {row.max_tokens} tokens") if "fault" in row.text else sound(row)

    def marked(self, waves: Sequence[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        return [wave + MARK for wave in waves]


def sound(row: Any) -> np.ndarray[Any, Any]:
    """About 70 ms a letter of a buzz that rises and falls, with quiet before and behind it."""
    if "silent" in row.text:
        return np.zeros(0, np.float32)
    draw = np.random.default_rng([row.seed, len(row.text)])
    spoken_s = 61.0 if "minute" in row.text else len(row.text) * 0.06 * draw.uniform(0.5, 1.5) + 0.2
    t = np.arange(round(spoken_s * 24_000)) / 24_000
    buzz = 0.3 * np.sign(np.sin(2 * np.pi * 120 * t)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    if "nan" in row.text:
        buzz[5] = np.nan
    quiet = draw.normal(0, 1e-4, 2400)
    return np.concatenate([quiet, buzz, quiet]).astype(np.float32)
