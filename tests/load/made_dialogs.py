"""Dialogues and a tokenizer made on the spot, for tests of what a trainer is given."""

from dataclasses import replace
from typing import Any
from zlib import crc32

import numpy as np

from datagen.load.dialog import CodecFrames, Dialog, Words

SILENCE = (948, 243, 1178, 546, 1736, 1030, 1978, 2008)
SINE = (430, 1268, 381, 1611, 1095, 1495, 56, 472)
MIMI = CodecFrames("mimi", "kyutai/mimi", "a revision", 8, 2_048, SILENCE, SINE)
ROLE = "You work for Harbor Bank which is a bank and your name is Ines Castro. Information: the fee is $12.50."
Timed = tuple[str, float, float]


class Pieces:
    """A tokenizer of three letters a token, ids 4 to 31999 by what they are; never PAD, EPAD, BOS or EOS."""

    vocabulary_size = 32_000

    def encode(self, text: str) -> list[int]:
        spaced = "_" + text.replace(" ", "_")
        return [4 + crc32(spaced[i : i + 3].encode()) % 31_996 for i in range(0, len(spaced), 3)]


class Ids:
    """A tokenizer that gives the same ids for any text."""

    vocabulary_size = 32_000

    def __init__(self, *ids: int):
        self.ids = ids

    def encode(self, text: str) -> list[int]:
        return list(self.ids)


def words(*timed: Timed) -> Words:
    return Words(
        tuple(w for w, _, _ in timed),
        np.array([s for _, s, _ in timed], np.float64),
        np.array([e for _, _, e in timed], np.float64),
    )


def talk(first_s: float, text: str, word_s: float = 0.3) -> list[Timed]:
    """The words of a turn one after the other, each `word_s` long with a gap of 0.02 s behind it."""
    return [(w, first_s + i * word_s, first_s + (i + 1) * word_s - 0.02) for i, w in enumerate(text.split())]


def turns(n_frames: int, turn_s: float = 6.0, pause_s: float = 0.4) -> tuple[Words, Words]:
    """Two sides that take turns to the end, the agent first: its words and the user's."""
    sides: tuple[list[Timed], list[Timed]] = ([], [])
    n_words, at_s, side = int((turn_s - pause_s) / 0.3), 0.2, 0
    while at_s + turn_s < n_frames / 12.5:
        sides[side].extend(talk(at_s, " ".join(f"word{i}" for i in range(n_words))))
        at_s, side = at_s + turn_s, 1 - side
    return words(*sides[0]), words(*sides[1])


def codes(n_frames: int, seed: int, n_books: int = 8) -> Any:
    return np.random.default_rng(seed).integers(0, 2_048, (n_books, n_frames)).astype(np.int16)


def made(n_frames: int = 60, n_voice: int = 20, seed: int = 0, **changed: Any) -> Dialog:
    """A dialogue of random codes whose two sides take turns; `changed` replaces fields."""
    agent_words, user_words = turns(n_frames, turn_s=2.0)
    dialog = Dialog(
        dialog_id="bank-000007", split="train", domain="bank", kind="service", where="tokens/train-00000.parquet row 3",
        agent_codes=codes(n_frames, seed), user_codes=codes(n_frames, seed + 1),
        voice_prompt_codes=codes(n_voice, seed + 2), user_voice_prompt_codes=codes(n_voice + 3, seed + 3),
        role_context=ROLE, user_role_context="You call about a fee.", words=agent_words, user_words=user_words, codec=MIMI,
    )  # fmt: skip
    return replace(dialog, **changed)
