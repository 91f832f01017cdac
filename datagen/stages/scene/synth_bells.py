"""Things that ring and beep: telephones, the doorbell, the alarm clock, the microwave oven."""

import numpy as np

from datagen.records.speech import Audio
from datagen.stages.scene.synth_tools import (
    NYQUIST_HZ,
    Signal,
    finish,
    laid,
    n_samples,
    resonances,
    spread,
    struck,
    times,
)

GONG_MODES = (1.0, 2.55, 4.7, 7.4)
"""A small bowl's modes over its lowest: wide apart and out of tune, which is what makes a gong's clang."""
BAR_MODES = (1.0, 2.756, 5.404)
"""A free bar's bending modes over its lowest (Euler-Bernoulli)."""


def phone_ring(rng: np.random.Generator) -> Audio:
    """A telephone, 1.4 to 3.6 s: half of them two gongs under a hammer, half an electronic warble; one long ring or two short.

    The cadences are the American one (a ring of 2 s) and the British (0.4 s on, 0.2 off, 0.4 on). An exchange rings at
    20 to 25 Hz, and the hammer strikes twice a cycle; electronic ringers warble between two tones a fourth or third apart.
    """
    ring = _gongs(rng) if rng.random() < 0.5 else _warble(rng)
    if rng.random() < 0.5:
        rings = [(0.0, spread(rng, 1.9, 0.15))]
    else:
        rings = [(at_s, 0.4) for at_s in (0.0, 0.6, 2.2, 2.8)[: 2 * int(rng.integers(1, 3))]]
    last_s, on_s = rings[-1]
    return finish(laid(last_s + on_s + 0.4, [(at_s, _off(ring, s)) for at_s, s in rings]))


def _gongs(rng: np.random.Generator) -> Signal:
    """Two gongs a third or so apart, struck in turn for 3 s."""
    low, high = spread(rng, 1_150, 0.2), float(rng.uniform(1.15, 1.3))
    hz, period_s = (low, low * high), 1 / rng.uniform(20, 25)
    gongs = []
    for f in hz:
        modes = [f * m * float(rng.uniform(0.98, 1.02)) for m in GONG_MODES]
        gongs.append(struck(0.6, modes, (0.9, 0.6, 0.4, 0.25), (1, 0.8, 0.5, 0.3)))
    strikes = [(i * period_s / 2, gongs[i % 2] * rng.uniform(0.8, 1)) for i in range(int(6 / period_s))]
    return laid(3.0, strikes)


def _warble(rng: np.random.Generator) -> Signal:
    """Two tones in turn for 3 s, from a small loudspeaker."""
    low, rate_hz = float(rng.uniform(750, 1_300)), float(rng.uniform(11, 22))
    t = times(3.0)
    f0 = np.where(np.floor(2 * rate_hz * t) % 2 < 1, low, low * rng.choice([5 / 4, 4 / 3]))
    phase = 2 * np.pi * np.cumsum(f0) / len(t) * 3.0
    return sum((np.sin(k * phase) / k for k in (1, 3, 5)), np.zeros(len(t)))


def _off(ring: Signal, seconds: float) -> Signal:
    """A ring that stops after so long and dies away in a quarter of a second."""
    after = np.maximum(np.arange(n_samples(seconds + 0.5)) / n_samples(1) - seconds, 0)
    return ring[: len(after)] * np.exp(-after / 0.06)


def doorbell(rng: np.random.Generator) -> Audio:
    """Ding-dong, 2 to 3.5 s: two bars under soft plungers, the second a third lower."""
    high, gap_s = float(rng.uniform(580, 780)), float(rng.uniform(0.45, 0.9))
    low = high / rng.choice([5 / 4, 6 / 5])
    ring_s = float(rng.uniform(1.4, 2.2))
    parts = []
    for at_s, f in ((0.0, high), (gap_s, low)):
        modes = [f * m for m in BAR_MODES]
        parts.append((at_s, struck(ring_s + 0.4, modes, (ring_s, 0.5 * ring_s, 0.15), (1, 0.25, 0.12), 2e-3)))
    return finish(laid(gap_s + ring_s, parts), out_s=0.2)


def alarm_clock(rng: np.random.Generator) -> Audio:
    """A digital alarm clock, 1.9 to 3.9 s: groups of four short beeps a second from a piezo disc at about 2 kHz.

    Quartz clocks divide 32768 Hz, so 2048 Hz and its neighbours are what they beep at.
    """
    f = spread(rng, 2_048, 0.15)
    beep, step_s = _piezo(f, float(rng.uniform(0.05, 0.075)), rng), float(rng.uniform(0.11, 0.14))
    groups = int(rng.integers(2, 5))
    parts = [(g + i * step_s, beep) for g in range(groups) for i in range(4)]
    return finish(laid(groups - 1 + 4 * step_s + 0.4, parts))


def microwave_beep(rng: np.random.Generator) -> Audio:
    """A microwave oven that is done, 2 to 6 s: three to five beeps of half a second or more, with as long between them."""
    f, on_s = float(rng.uniform(1_900, 2_700)), float(rng.uniform(0.4, 0.75))
    beep, step_s = _piezo(f, on_s, rng), on_s + float(rng.uniform(0.35, 0.6))
    n = int(rng.integers(3, 5 if step_s > 1.1 else 6))
    return finish(laid((n - 1) * step_s + on_s + 0.1, [(i * step_s, beep) for i in range(n)]))


def _piezo(f: float, seconds: float, rng: np.random.Generator) -> Signal:
    """A square wave through a disc that resonates at about 4 kHz, on and off within a few milliseconds."""
    t = times(seconds + 0.02)
    body = resonances((spread(rng, 4_000, 0.15), f), (2_000, 800), (1, 1))
    orders = np.array([k for k in (1, 2, 3, 5) if k * f < NYQUIST_HZ - 500])
    gains = body(orders * f) / orders
    gains[orders == 2] *= 0.3
    tone = sum((g * np.sin(2 * np.pi * k * f * t) for k, g in zip(orders, gains, strict=True)), np.zeros(len(t)))
    return tone * np.clip(t / 0.003, 0, 1) * np.clip((seconds + 0.01 - t) / 0.006, 0, 1)
