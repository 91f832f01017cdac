"""Things that are struck or break: doors, keys, steps, glass, dishes. Modes of the body, and the noise of the contact."""

import numpy as np

from datagen.records.speech import Audio
from datagen.stages.scene.synth_tools import Signal, band, burst, finish, laid, spread, struck


def door_slam(rng: np.random.Generator) -> Audio:
    """A door falling shut, 0.8 to 1.3 s: the latch, the leaf's low modes, the frame's thud, and a rattle after it."""
    seconds, low = float(rng.uniform(0.8, 1.3)), float(rng.uniform(55, 95))
    modes = [low * m * float(rng.uniform(0.93, 1.07)) for m in (1, 1.7, 2.6, 3.9, 5.6)]
    thud = struck(seconds, modes, (0.5, 0.4, 0.3, 0.22, 0.16), (1, 0.9, 0.7, 0.5, 0.35), 2e-3)
    air = burst(seconds, float(rng.uniform(0.25, 0.5)), band(50, float(rng.uniform(400, 900)), 1), rng, 2e-3)
    latch = burst(0.08, 0.03, band(1_500, 5_000), rng)
    rattle = [(0.07 + i * rng.uniform(0.03, 0.06), latch * 0.3 * 0.5**i) for i in range(int(rng.integers(1, 4)))]
    return finish(laid(seconds, [(0.0, thud + 0.9 * air), (0.004, 0.8 * latch), *rattle]), out_s=0.1)


def door_knock(rng: np.random.Generator) -> Audio:
    """Knuckles on a wooden door, two to five knocks 0.14 to 0.26 s apart: a panel's modes of 160 to 1200 Hz, well damped."""
    low, n = float(rng.uniform(150, 230)), int(rng.integers(2, 6))
    modes = [low * m * float(rng.uniform(0.95, 1.05)) for m in (1, 1.6, 2.3, 3.4, 5.1)]
    step_s, parts, at_s = float(rng.uniform(0.14, 0.26)), [], 0.0
    for _ in range(n):
        knock = struck(0.25, modes, (0.14, 0.11, 0.09, 0.07, 0.05), (0.6, 0.8, 1, 0.9, 0.7), 5e-4)
        knock += 0.7 * burst(0.25, 0.025, band(300, 2_500), rng)
        parts.append((at_s, knock * rng.uniform(0.7, 1)))
        at_s += spread(rng, step_s, 0.12)
    return finish(laid(at_s + 0.1, parts))


def footsteps(rng: np.random.Generator) -> Audio:
    """Somebody walks by, four to nine steps at 1.6 to 2.2 a second: a heel's thud, then the sole's scuff.

    1.8 to 2 steps a second is how people walk; heel and sole meet the floor about 0.1 s apart. Level rises and falls
    as the walker comes and goes.
    """
    n, step_s = int(rng.integers(4, 10)), 1 / float(rng.uniform(1.6, 2.2))
    low, roll_s = float(rng.uniform(80, 130)), float(rng.uniform(0.07, 0.12))
    nearest, parts = float(rng.uniform(0.2, 0.8)) * n, []
    for i in range(n):
        heel = struck(0.2, (low, 1.9 * low, 3.7 * low), (0.12, 0.08, 0.06), (0.8, 0.8, 0.6), 1e-3)
        heel += 0.7 * burst(0.2, 0.035, band(250, 1_800, 1), rng)
        sole = 0.35 * burst(0.2, float(rng.uniform(0.08, 0.14)), band(500, 3_500, 1), rng, 8e-3)
        near = 10 ** (-1.3 * abs(i - nearest) / 20) * float(rng.uniform(0.85, 1))
        at_s = i * step_s + float(rng.uniform(0, 0.02))
        parts += [(at_s, near * heel), (at_s + roll_s, near * sole)]
    return finish(laid((n - 1) * step_s + 0.35, parts))


def keyboard(rng: np.random.Generator) -> Audio:
    """Typing, 1.2 to 5 s: bursts of keys at 5 to 9 a second with short rests, each a click down, and a lighter one up.

    A key's click is a few milliseconds at 1.5 to 7 kHz over a softer bottoming out; it is held about 0.1 s.
    """
    seconds, rate = float(rng.uniform(1.2, 5)), float(rng.uniform(5, 9))
    low, bright = float(rng.uniform(230, 420)), float(rng.uniform(1_600, 3_000))
    parts, at_s = [], 0.0
    while at_s < seconds - 0.2:
        down = _key(low, bright, rng) * float(rng.uniform(0.6, 1))
        parts += [(at_s, down), (at_s + float(rng.uniform(0.06, 0.13)), 0.4 * _key(1.5 * low, 1.3 * bright, rng))]
        at_s += float(rng.lognormal(-np.log(rate), 0.3)) + (float(rng.uniform(0.2, 0.5)) if rng.random() < 0.12 else 0)
    return finish(laid(seconds, parts))


def _key(low: float, bright: float, rng: np.random.Generator) -> Signal:
    hz = [spread(rng, f, 0.08) for f in (low, bright, 1.9 * bright)]
    click = struck(0.06, hz, (0.035, 0.02, 0.012), (0.35, 0.8, 0.6), 1e-4)
    return click + 0.7 * burst(0.06, 0.015, band(bright, 7_500), rng, 1e-4)


def glass_break(rng: np.random.Generator) -> Audio:
    """A glass that bursts, 1 to 1.8 s: the blow, then dozens of shards that ring at 1.3 to 9 kHz as they fall, ever fewer."""
    seconds, n = float(rng.uniform(1.0, 1.8)), int(rng.integers(45, 90))
    parts = [
        (0.0, 1.6 * burst(0.5, float(rng.uniform(0.2, 0.35)), band(1_500, 9_000), rng)),
        (0.0, struck(0.2, (450, 900), (0.06, 0.05), (0.5, 0.4))),
    ]
    for at_s in rng.exponential(0.22, n):
        f, t60 = float(1_300 * 7 ** rng.uniform(0, 1)), float(rng.uniform(0.06, 0.3))
        shard = struck(0.35, (f, 1.47 * f, 2.09 * f), (t60, 0.7 * t60, 0.5 * t60), (1, 0.6, 0.4), 1e-4)
        parts.append((float(at_s), shard * float(rng.uniform(0.1, 0.8)) * np.exp(-at_s / 0.5)))
    return finish(laid(seconds, parts), in_s=0.0005, out_s=0.15)


def dishes(rng: np.random.Generator) -> Audio:
    """Plates and cutlery put down, 1.2 to 3 s: four to eleven clinks of stoneware at 0.7 to 4 kHz, now and then two at once."""
    seconds, parts = float(rng.uniform(1.2, 3.0)), []
    low = float(rng.uniform(700, 1_300))
    for at_s in sorted(rng.uniform(0, seconds - 0.4, int(rng.integers(4, 12)))):
        f = low * float(rng.uniform(0.8, 2.2))
        modes = [f * m * float(rng.uniform(0.96, 1.04)) for m in (1, 1.73, 2.33, 3.89)]
        t60 = float(rng.uniform(0.12, 0.35))
        clink = struck(0.5, modes, (t60, 0.9 * t60, 0.7 * t60, 0.4 * t60), (1, 0.8, 0.5, 0.3), 3e-4)
        clink += 0.25 * burst(0.5, 0.02, band(800, 4_000), rng)
        parts.append((float(at_s), clink * float(rng.uniform(0.3, 1))))
    first = parts[0][0]
    return finish(laid(seconds - first, [(at - first, part) for at, part in parts]))
