"""The released PersonaPlex inference loop, replayed: what its model is fed at every step. numpy and plain loops.

Written from its code (NVIDIA/personaplex, moshi/models/lm.py: LMGen) and formats.md, and from nothing of datagen.load, so that the two
can be held against each other. Only the bookkeeping is here: a ring of columns, an offset, which cells were provided; the model
is a function that is asked for what was not.
"""

from collections.abc import Callable

import numpy as np

N_ROWS, PAD, TEXT_START, AUDIO_START, NOTHING = 17, 3, 32_000, 2_048, -2
DELAYS = [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1]
SPACER = int(0.5 * 12.5)
SILENT = [948, 243, 1178, 546, 1736, 1030, 1978, 2008]
SINE_WAVE = [430, 1268, 381, 1611, 1095, 1495, 56, 472]

Model = Callable[[int, int], int]
"""What the model says: (row, position in the delayed stream) to a token."""


def no_model(row: int, position: int) -> int:
    raise AssertionError(f"row {row} of position {position} was left to the model")


class Loop:
    """The state of one conversation: `fed` is every column that went into the model, `wanted` what it was held to."""

    def __init__(self, model: Model):
        self.size = max(DELAYS) + 3
        self.ring = [[NOTHING] * self.size for _ in range(N_ROWS)]
        self.given = [[False] * self.size for _ in range(N_ROWS)]
        self.offset = 0
        self.model = model
        self.fed: list[list[int]] = []
        self.wanted: list[list[int]] = []

    def step(self, agent: list[int] | None, user: list[int] | None, text: int | None) -> None:
        for first_row, frame in ((1, agent), (9, user)):
            for book, code in enumerate(frame or []):
                self._write(first_row + book, self.offset + DELAYS[first_row + book], int(code))
        if text is not None:
            self._write(0, self.offset, int(text))
        for row in range(N_ROWS):
            if self.offset <= DELAYS[row]:
                self._write(row, self.offset, self._start(row))
        if self.offset == 0:
            for row in range(N_ROWS):
                self.ring[row][0] = self._start(row)
        else:
            self._ask()
        self.offset += 1

    def _ask(self) -> None:
        source, target = (self.offset - 1) % self.size, self.offset % self.size
        self.fed.append([self.ring[row][source] for row in range(N_ROWS)])
        for row in range(N_ROWS):
            self.given[row][source] = False
        for row in range(N_ROWS):
            if not self.given[row][target]:
                self.ring[row][target] = self.model(row, self.offset)
        self.wanted.append([self.ring[row][target] for row in range(N_ROWS)])

    def _write(self, row: int, position: int, token: int) -> None:
        self.ring[row][position % self.size] = token
        self.given[row][position % self.size] = True

    @staticmethod
    def _start(row: int) -> int:
        return TEXT_START if row == 0 else AUDIO_START


def prompt(loop: Loop, voice: np.ndarray, tokens: list[int]) -> None:
    """The hybrid system prompt: voice frames, a spacer, the text a token a frame, a spacer."""
    for t in range(voice.shape[1]):
        loop.step(list(voice[:, t]), SINE_WAVE, PAD)
    for _ in range(SPACER):
        loop.step(SILENT, SINE_WAVE, PAD)
    for token in tokens:
        loop.step(SILENT, SINE_WAVE, token)
    for _ in range(SPACER):
        loop.step(SILENT, SINE_WAVE, PAD)


def forced(voice: np.ndarray, tokens: list[int], agent: np.ndarray, user: np.ndarray, text: list[int]) -> Loop:
    """The loop after the prompt and a dialogue that is given to it frame by frame, both sides and the text."""
    loop = Loop(no_model)
    prompt(loop, voice, tokens)
    for t in range(user.shape[1]):
        loop.step(list(agent[:, t]), list(user[:, t]), text[t])
    return loop


def free(voice: np.ndarray, tokens: list[int], agent: np.ndarray, user: np.ndarray, text: list[int]) -> Loop:
    """The same with the user alone given, as in a conversation; the model is one that says the agent's text and codes."""
    start = voice.shape[1] + SPACER + len(tokens) + SPACER

    def model(row: int, position: int) -> int:
        frame = position - DELAYS[row] - start
        assert row <= 8, f"row {row} of position {position} was left to the model"
        assert 0 <= frame < user.shape[1], f"row {row} of position {position} was left to the model"
        return int(text[frame]) if row == 0 else int(agent[row - 1, frame])

    loop = Loop(model)
    prompt(loop, voice, tokens)
    for t in range(user.shape[1]):
        loop.step(None, list(user[:, t]), None)
    return loop
