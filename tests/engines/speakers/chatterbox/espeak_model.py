"""A model for the worker that really speaks, by espeak-ng: what a whole build says is understood and aligned.

Run as a file it is a Python for Chatterbox's environment: it runs the worker that it is given, with this model in the place of its own.
"""

import json
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np


class Batched:
    def __init__(self, folder: Path) -> None:
        from datagen.engines.speakers.espeak import EspeakOptions, EspeakSpeaker

        self._engine = EspeakSpeaker(EspeakOptions())
        self._voices = self._engine.voices()
        self._folder = folder
        self.seconds = {"t3": 0.0}

    @classmethod
    def load(cls, folder: Path, device: str, dtype: str, kind: str, slots: int, prompt_s: float) -> "Batched":
        with (folder / "calls.log").open("a") as out:
            out.write("load\n")
        return cls(folder)

    def conditionals(self, clip: np.ndarray[Any, Any], exaggeration: float) -> Any:
        """The voice whose id is nearest to the clip's pitch: each clip of small_bank is a tone of its own."""
        crossings = int(np.sum(np.diff(np.sign(clip)) != 0))
        return self._voices[crossings % len(self._voices)]

    def speak(self, rows: Sequence[Any], mark: bool = True) -> Iterator[tuple[int, Any]]:
        from datagen.protocols import SpeakRequest

        for n, row in enumerate(rows):
            words = tuple(row.text.split())
            (said,) = self._engine.speak([SpeakRequest(words, words, row.conditionals, row.seed % 2**31)])
            yield n, said.audio if hasattr(said, "audio") else said

    def marked(self, waves: Sequence[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        return list(waves)


if __name__ == "__main__":
    script = next(n for n, argument in enumerate(sys.argv[1:], 1) if not argument.startswith("-"))
    sys.argv[:] = sys.argv[script:]
    sys.argv[1] = json.dumps({**json.loads(sys.argv[1]), "model": __file__})
    runpy.run_path(sys.argv[0], run_name="__main__")
