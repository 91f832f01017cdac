"""Dialogues for the scene's tests: hums that come and go as syllables do, word by word, and bystanders to go with them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from datagen.config import read_options
from datagen.records.enums import ClipKind, Heard, Speaker, TurnType
from datagen.records.speech import SAMPLE_RATE_HZ, Audio, Clip, Speech, Word
from datagen.records.timeline import PlacedTurn, StitchedDialog, Timeline
from datagen.stages.scene.options import SceneOptions

EFFECTS = tuple(name for name in SceneOptions.model_fields if name != "stems")


def only(stems: bool = False, **tables: Any) -> SceneOptions:
    """Options with every effect off but the named ones, which are on."""
    off = {name: {"share": 0} for name in EFFECTS}
    on = {name: {"share": 1, **table} for name, table in tables.items()}
    return read_options(SceneOptions, {**off, **on, "stems": stems}, "scene")


def voiced(n_samples: int, pitch_hz: float, rng: np.random.Generator, level: float = 0.1) -> Audio:
    """A word's worth of sound: a harmonic hum under noise, of `level` (RMS)."""
    at_s = np.arange(n_samples) / SAMPLE_RATE_HZ
    hum = sum(np.sin(2 * np.pi * pitch_hz * k * at_s) / k for k in range(1, 25))
    sound = (hum + 0.3 * rng.standard_normal(n_samples)) * (1.2 - np.cos(2 * np.pi * 4 * at_s))
    size = float(np.sqrt(np.mean(np.square(sound)))) if n_samples else 1.0
    return (sound * level / size).astype(np.float32)


def dialogue(seed: int = 0, n_turns: int = 6, words_a_turn: int = 8) -> StitchedDialog:
    """Turns of agent and user in alternation, agent first, with pauses between them and between words."""
    rng = np.random.default_rng(seed)
    turns: list[PlacedTurn] = []
    sounds: list[tuple[int, int, Audio]] = []
    at = round(0.5 * SAMPLE_RATE_HZ)
    for index in range(n_turns):
        side = (Speaker.AGENT, Speaker.USER)[index % 2]
        words = []
        first = at
        for k in range(words_a_turn):
            n = int(rng.integers(4_000, 10_000))
            sounds.append((side.channel, at, voiced(n, (210, 120)[side.channel], rng)))
            words.append(Word(f"w{k}", f"w{k}", at / SAMPLE_RATE_HZ, (at + n) / SAMPLE_RATE_HZ, Heard.YES))
            at += n + int(rng.integers(0, 3_000))
        text = " ".join(w.word for w in words)
        turns.append(
            PlacedTurn(
                index, side, TurnType.STATEMENT, text, text, "", first / SAMPLE_RATE_HZ, words[-1].end_s,
                None if index == 0 else 0.4, tuple(words), (), "none", seed,
            )
        )  # fmt: skip
        at += int(rng.integers(6_000, 18_000))
    channels = np.zeros((2, at), np.float32)
    for channel, start, sound in sounds:
        channels[channel, start : start + len(sound)] = sound
    return StitchedDialog(Timeline(f"d{seed}", at, tuple(turns)), channels)


def empty(n_samples: int) -> StitchedDialog:
    """Nobody says anything."""
    return StitchedDialog(Timeline("d", n_samples, ()), np.zeros((2, n_samples), np.float32))


def bystanders(n_voices: int) -> Sequence[tuple[Clip, ...]]:
    """Three clips a voice, six voices at most; the same every time."""
    return [_bystander(voice) for voice in range(min(n_voices, 6))]


@cache
def _bystander(voice: int) -> tuple[Clip, ...]:
    rng = np.random.default_rng(100 + voice)
    return tuple(_clip(f"bystander {voice} says {k}", voice, rng) for k in range(3))


def _clip(text: str, voice: int, rng: np.random.Generator) -> Clip:
    words = [voiced(int(rng.integers(4_000, 10_000)), 90 + 25 * voice, rng, 0.08) for _ in range(5)]
    return Clip(ClipKind.OFF_TALK, text, Speech(np.concatenate(words), (), "none", voice))


def in_words(n_samples: int, timeline: Timeline, speaker: Speaker) -> np.ndarray:
    """Which samples lie in a word of that speaker's, as a mask [n_samples]."""
    spoken = np.zeros(n_samples, bool)
    for start_s, end_s in timeline.heard_spans(speaker):
        spoken[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)] = True
    return spoken
