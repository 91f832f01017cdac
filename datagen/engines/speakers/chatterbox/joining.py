"""Pieces of one text become one sound, and a sound takes the rate and level that it was asked for."""

from collections.abc import Sequence

import numpy as np

from datagen.audio.levels import rms_db
from datagen.engines.speakers import praat
from datagen.engines.speakers.chatterbox.texts import Join
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

PAUSE_S: dict[Join, float] = {"sentence": 0.35, "clause": 0.18, "word": 0.04}
"""Silence between two pieces: read speech pauses for about this long between sentences and clauses (Goldman-Eisler 1968, second-hand)."""
QUIET_DB = -40.0
"""Below the loudest 10 ms of a piece, what is at its ends is a pause and not speech."""
FADE_S = 0.02
MOST_GAIN_DB = 6.0
_HOP = SAMPLE_RATE_HZ // 100


def joined(sounds: Sequence[Audio], joins: Sequence[Join]) -> Audio:
    """One sound of several, in order; `joins[n]` is how the n-th meets the one before.

    Each is brought to the first's level where it lies up to 6 dB off. Between two, as much of what is quiet in their
    own ends is kept as the pause is long, and the ends cross there, where there is least to hear.
    """
    if len(sounds) == 1:
        return sounds[0]
    whole = np.asarray(sounds[0], np.float32)
    level = _level(whole)
    for sound, join in zip(sounds[1:], joins[1:], strict=True):
        gain_db = float(np.clip(level - _level(sound), -MOST_GAIN_DB, MOST_GAIN_DB))
        whole = _crossed(whole, np.asarray(sound * 10 ** (gain_db / 20), np.float32), PAUSE_S[join])
    return np.asarray(np.clip(whole, -1, 1), np.float32)


def _level(sound: Audio) -> float:
    first, end = loud_span(sound)
    return rms_db(sound[first:end])


def loud_span(sound: Audio) -> tuple[int, int]:
    """The first sample of a piece's speech and the one after its last; (0, 0) for silence."""
    n = -(-len(sound) // _HOP)
    padded = np.zeros(n * _HOP, np.float32)
    padded[: len(sound)] = sound
    power = np.square(padded.reshape(n, _HOP)).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (QUIET_DB / 10))
    return (int(loud[0]) * _HOP, min(len(sound), int(loud[-1] + 1) * _HOP)) if len(loud) else (0, 0)


def _crossed(one: Audio, other: Audio, pause_s: float) -> Audio:
    end, start = loud_span(one)[1], loud_span(other)[0]
    half = round(pause_s * SAMPLE_RATE_HZ / 2)
    fade = round(FADE_S * SAMPLE_RATE_HZ)
    one = one[: end + half + fade // 2]
    other = other[max(0, start - half - fade // 2) :]
    missing = (
        2 * half + fade - (len(one) - end) - min(start, half + fade // 2)
    )  # their own quiet is too short for the pause
    fade = min(fade, len(one), len(other))
    up = np.linspace(0, 1, fade, dtype=np.float32)
    tail, head = one[-fade:] * (1 - up), other[:fade] * up
    if missing > 0:
        return np.concatenate([one[:-fade], tail, np.zeros(max(0, missing - fade), np.float32), head, other[fade:]])
    return np.concatenate([one[:-fade], tail + head, other[fade:]])


def at_rate(sound: Audio, rate: float, voice: Voice, seed: int) -> Audio:
    """The sound `rate` times as fast, its pitch and formants where they were (Praat's overlap-add); unchanged for 1."""
    if rate == 1:
        return sound
    gender = praat.Gender(
        formant_ratio=1.0, pitch_median_hz=0.0, pitch_range_ratio=1.0, duration_ratio=1 / rate,
        floor_hz=max(50.0, voice.f0_hz / 2), ceiling_hz=max(300.0, voice.f0_hz * 2.5),
    )  # fmt: skip
    changed = praat.change_gender(np.asarray(sound, np.float64), SAMPLE_RATE_HZ, gender, seed)
    return np.asarray(np.clip(changed, -1, 1), np.float32)


def louder(sound: Audio, gain_db: float) -> Audio:
    """The sound with a gain, inside full scale."""
    return sound if gain_db == 0 else np.asarray(np.clip(sound * 10 ** (gain_db / 20), -1, 1), np.float32)
