"""What comes in from the street: sirens and car horns."""

import numpy as np

from datagen.records.speech import Audio
from datagen.stages.scene.synth_tools import Gain, Signal, curve, filtered, finish, harmonics, resonances, spread, times

SHUT_SHARE = 0.6


def siren(rng: np.random.Generator) -> Audio:
    """An emergency vehicle, 3.5 to 6 s: a wail, a yelp or, as in Europe, two tones in turn; from a horn, coming by.

    Wail of 10 to 30 and yelp of 150 to 250 cycles a minute (SAE J1849); two tones a fourth apart between 360 and
    630 Hz (DIN 14610).
    """
    seconds = float(rng.uniform(3.5, 6.0))
    horn = resonances((spread(rng, 1_100, 0.2), spread(rng, 2_300, 0.2)), (900, 1_600), (1, 0.6))
    kind = rng.choice(["wail", "yelp", "two_tone"], p=[0.4, 0.3, 0.3])
    f0 = _two_tones(seconds, rng) if kind == "two_tone" else _sweep(seconds, kind == "wail", rng)
    f0 *= curve(seconds, [(0, 1.01), (1, 0.99)])  # it drives by
    nearest = float(rng.uniform(0.3, 0.7))
    loud = curve(seconds, [(0, 0.5), (nearest, 1), (1, 0.5)])
    return finish(_behind_a_window(harmonics(f0, _rich(horn)) * loud, rng), in_s=0.05, out_s=0.2)


def _sweep(seconds: float, slow: bool, rng: np.random.Generator) -> Signal:
    cycle_s = 60 / float(rng.uniform(18, 30) if slow else rng.uniform(150, 250))
    low, high = float(rng.uniform(550, 750)), float(rng.uniform(1_250, 1_650))
    place = (times(seconds) / cycle_s + rng.uniform(0, 1)) % 1
    rising = float(rng.uniform(0.3, 0.5))
    up = np.where(place < rising, place / rising, (1 - place) / (1 - rising))
    return np.asarray(low * (high / low) ** up)


def _two_tones(seconds: float, rng: np.random.Generator) -> Signal:
    low, tone_s = float(rng.uniform(380, 460)), float(rng.uniform(0.4, 0.75))
    second = np.floor(times(seconds) / tone_s) % 2
    return np.where(second < 1, low, low * 4 / 3)


def car_horn(rng: np.random.Generator) -> Audio:
    """A car's horn, 0.35 to 2 s: two reeds at about 400 and 500 Hz, buzzing; one long blow, or two or three short ones."""
    low = float(rng.uniform(340, 440))
    ratio = float(rng.choice([6 / 5, 5 / 4]))
    bell = resonances((spread(rng, 1_900, 0.15), spread(rng, 3_200, 0.15)), (1_000, 1_500), (1, 0.8))
    long_s = float(rng.uniform(0.7, 2.0))
    blows = [(0.0, long_s)]
    if rng.random() < 0.5:
        short_s, gap_s = float(rng.uniform(0.18, 0.35)), float(rng.uniform(0.12, 0.2))
        blows = [(i * (short_s + gap_s), short_s) for i in range(int(rng.integers(2, 4)))]
    seconds = blows[-1][0] + blows[-1][1] + 0.05
    t = times(seconds)
    on = sum((np.clip((t - at) / 0.02, 0, 1) * np.clip((at + s - t) / 0.03, 0, 1) for at, s in blows), np.zeros(len(t)))
    reeds = [harmonics(np.full(len(t), f), _rich(bell)) for f in (low, low * ratio)]
    return finish(_behind_a_window((reeds[0] + reeds[1]) * on, rng))


def _rich(bell: Gain) -> Gain:
    """A buzzing source's harmonics, -6 dB an octave, through a horn that passes little below its bell's resonance."""
    return lambda hz: (0.35 + bell(hz)) * 500 / (hz + 500)


def _behind_a_window(signal: Signal, rng: np.random.Generator) -> Signal:
    """The sound as it comes in, with 60 % of windows shut: a pane keeps out 6 dB more with every octave (the mass law)."""
    if rng.random() >= SHUT_SHARE:
        return signal
    corner_hz = float(rng.uniform(400, 900))
    return filtered(signal, lambda hz: 1 / np.sqrt(1 + (hz / corner_hz) ** 2))
