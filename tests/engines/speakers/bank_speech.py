"""Base speakers for the bank's tests: a few of espeak-ng's voices, spoken once a process, and a clip as a person would bring it."""

from functools import cache

import numpy as np

from datagen.engines.speakers.bank.bases import Source, spoken_sources
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.espeak import EspeakOptions, EspeakSpeaker
from datagen.records.plan import Voice
from datagen.records.speech import Audio

BASES = ("en-us+edward", "en-us+f2", "en-us+klatt3")


class Few(EspeakSpeaker):
    """The espeak speaker with the voices of three base speakers."""

    def voices(self) -> tuple[Voice, ...]:
        return tuple(v for v in super().voices() if v.base in BASES and "formant_ratio" not in v.transform)


def speaker() -> Few:
    return Few(EspeakOptions(jitter=0.0))


@cache
def sources() -> tuple[Source, ...]:
    """Two clips of each base speaker."""
    return tuple(spoken_sources(speaker(), BankOptions(sources=2)))


def brought(long: bool = False) -> Audio:
    """A recording such as a user brings: a base's text, or its two texts, half a second of a quiet room around them."""
    base = sources()[0]
    assert base.prompt is not None
    room = np.random.default_rng(7).normal(0, 2e-4, 12_000).astype(np.float32)
    return np.concatenate([room, base.clip, room, *([base.prompt, room] if long else [])])
