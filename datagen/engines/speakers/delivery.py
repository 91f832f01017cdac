"""How a turn's tags, its speaker's rate and its seed move the voice: factors on rate, pitch and pitch range, and a gain."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datagen.config import Options, knob
from datagen.records.enums import Tag


class SpokenOptions(Options):
    """Knobs of every synthesiser in process."""

    jitter: float = knob(
        0.03,
        "how far rate and pitch range of one turn may lie from the voice's own; pitch a third of it",
        "share",
        ge=0,
        le=0.2,
    )
    max_chars: int = knob(
        2_000, "longest text of one request, in characters of its spoken form", "characters", ge=1, le=20_000
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """Factors on the voice's own rate, pitch and pitch range; `gain_db` on its level."""

    rate: float = 1.0
    pitch: float = 1.0
    range: float = 1.0
    gain_db: float = 0.0


OF_TAG = {
    Tag.NEUTRAL: Delivery(),
    Tag.WARM: Delivery(0.97, 1.01, 1.10),
    Tag.HESITANT: Delivery(0.90, 1.00, 0.90, -1.0),
    Tag.ANXIOUS: Delivery(1.08, 1.04, 1.15, 0.5),
    Tag.ANGRY: Delivery(1.06, 1.03, 1.30, 2.0),
    Tag.APOLOGETIC: Delivery(0.94, 0.98, 0.90, -1.0),
    Tag.FIRM: Delivery(0.96, 0.98, 0.85, 1.0),
    Tag.CHEERFUL: Delivery(1.04, 1.04, 1.30, 0.5),
    Tag.SAD: Delivery(0.92, 0.97, 0.80, -1.5),
    Tag.TIRED: Delivery(0.90, 0.98, 0.80, -1.0),
    Tag.EXCITED: Delivery(1.08, 1.05, 1.35, 1.5),
    Tag.SURPRISED: Delivery(1.02, 1.05, 1.35, 0.5),
    Tag.REASSURING: Delivery(0.94, 0.99, 1.05, -0.5),
    Tag.SLOWLY: Delivery(0.85),
    Tag.QUICKLY: Delivery(1.15),
    Tag.QUIETLY: Delivery(0.97, 0.99, 0.90, -4.0),
}
"""Directions as in Juslin and Laukka 2003, table 7 (anger: fast, loud, wide; sadness: slow, soft, narrow); sizes kept small, since
a formant synthesiser soon sounds like another person."""


def delivery(tags: Iterable[Tag], seed: int, jitter: float, speaker_rate: float = 1.0) -> Delivery:
    """The tags' factors and the speaker's rate multiplied, and a draw from the seed: rate and range by up to `jitter`, pitch by up
    to a third of it."""
    draw = np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, 3) * jitter
    rate, pitch, width, gain_db = speaker_rate * (1 + draw[0]), 1 + draw[1] / 3, 1 + draw[2], 0.0
    for tag in tags:
        moved = OF_TAG[tag]
        rate, pitch, width = rate * moved.rate, pitch * moved.pitch, width * moved.range
        gain_db += moved.gain_db
    return Delivery(float(rate), float(pitch), float(width), gain_db)
