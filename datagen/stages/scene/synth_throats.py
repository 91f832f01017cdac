"""What throats do: a bark, a cough, a baby's cry. A gliding source, formants of the mouth in question, and breath."""

import numpy as np

from datagen.records.speech import Audio
from datagen.stages.scene.synth_tools import (
    Gain,
    Signal,
    band,
    curve,
    finish,
    harmonics,
    laid,
    n_samples,
    noise,
    resonances,
    spread,
    wander,
)


def dog_bark(rng: np.random.Generator) -> Audio:
    """One to four barks of 0.15 to 0.28 s, 0.3 to 0.7 s apart: a pitch that leaps up and falls, harsh, at 300 to 900 Hz.

    A bark is short, loud, and between tone and noise: as much of one as of the other here.
    """
    size = float(rng.uniform(0.7, 1.35))  # a large dog has a low bark and long jaws
    jaws = resonances((650 * size, 1_350 * size, 2_600 * size), (260, 380, 600), (1, 0.8, 0.35))
    n, step_s = int(rng.integers(1, 5)), float(rng.uniform(0.3, 0.7))
    parts, at_s = [], 0.0
    for _ in range(n):
        parts.append((at_s, _bark(spread(rng, 480 * size, 0.08), jaws, rng)))
        at_s += spread(rng, step_s, 0.2)
    return finish(laid(at_s - step_s * 0.2 + 0.15, parts))


def _bark(f0: float, jaws: Gain, rng: np.random.Generator) -> Signal:
    seconds = float(rng.uniform(0.15, 0.28))
    pitch = f0 * curve(seconds, [(0, 0.75), (0.2, 1.25), (0.5, 1.05), (1, 0.55)])
    pitch *= 1 + 0.03 * wander(len(pitch), 0.004, rng)
    loud = curve(seconds, [(0, 0), (0.08, 1), (0.5, 0.8), (0.8, 0.25), (1, 0)])
    voice = harmonics(pitch, lambda hz: jaws(hz) * (300 / (hz + 300)) ** 0.3)
    # A slow beat at half the pitch: the folds of a barking dog skip every other stroke.
    voice *= 1 + 0.4 * np.sin(np.pi * np.cumsum(pitch) / n_samples(1))
    breath = noise(len(pitch), jaws, rng) * float(np.sqrt(np.mean(voice**2)))
    return (voice + 0.7 * breath) * loud * float(rng.uniform(0.8, 1))


def cough(rng: np.random.Generator) -> Audio:
    """One to three coughs of 0.3 to 0.45 s: the burst as the throat opens, a rush of air, and sometimes a voiced end.

    The three phases and their lengths are the usual ones of cough acoustics (Korpáš et al., 1996).
    """
    throat = float(rng.uniform(0.85, 1.2))
    mouth = resonances(
        (620 * throat, 1_250 * throat, 2_500 * throat, 3_700 * throat), (350, 500, 800, 1_200), (1, 0.8, 0.55, 0.35)
    )
    f0, parts, at_s = float(rng.uniform(95, 220)), [], 0.0
    for _ in range(int(rng.integers(1, 4))):
        parts.append((at_s, _one_cough(f0, mouth, rng) * float(rng.uniform(0.6, 1))))
        at_s += float(rng.uniform(0.38, 0.6))
    return finish(laid(at_s, parts))


def _one_cough(f0: float, mouth: Gain, rng: np.random.Generator) -> Signal:
    seconds = float(rng.uniform(0.3, 0.45))
    air = noise(n_samples(seconds), lambda hz: mouth(hz) * band(250, 8_000, 1)(hz), rng)
    air *= curve(seconds, [(0, 0), (0.02, 1), (0.14, 0.75), (0.22, 0.3), (0.6, 0.22), (1, 0)])
    pitch = spread(rng, f0, 0.05) * curve(seconds, [(0, 1.2), (1, 0.85)]) * (1 + 0.03 * wander(len(air), 0.006, rng))
    voiced = harmonics(pitch, lambda hz: mouth(hz) * (200 / (hz + 200)))
    voiced *= curve(seconds, [(0, 0), (0.45, 0), (0.65, 1), (0.85, 0.6), (1, 0)])
    voiced *= 0.25 * float(rng.uniform(0, 1)) / max(float(np.abs(voiced).max()), 1e-9)
    return air + 3 * voiced


def baby_cry(rng: np.random.Generator) -> Audio:
    """Two to four cries of 0.7 to 1.4 s with a gasp between: 350 to 550 Hz, rising and falling, in a very short throat.

    The fundamental and its melody are those of healthy newborns (Wasz-Höckert et al., 1968; LaGasse et al., 2005);
    formants lie at about 1.1, 3.3 and 5.5 kHz, as of a tube of 8 cm.
    """
    f0, throat = float(rng.uniform(370, 500)), float(rng.uniform(0.9, 1.1))
    mouth = resonances((1_100 * throat, 3_300 * throat, 5_500 * throat), (350, 500, 900), (1, 0.6, 0.25))
    parts, at_s = [], 0.0
    for _ in range(int(rng.integers(2, 5))):
        seconds = float(rng.uniform(0.7, 1.4))
        if at_s + seconds > 5.8:
            break
        parts.append((at_s, _cry(spread(rng, f0, 0.08), seconds, mouth, rng)))
        gasp_s = float(rng.uniform(0.15, 0.25))
        gasp = noise(n_samples(gasp_s), band(1_500, 5_000), rng) * np.hanning(n_samples(gasp_s))
        at_s += seconds + float(rng.uniform(0.1, 0.2))
        parts.append((at_s, 0.05 * gasp))
        at_s += gasp_s + float(rng.uniform(0.03, 0.1))
    return finish(laid(at_s, parts))


def _cry(f0: float, seconds: float, mouth: Gain, rng: np.random.Generator) -> Signal:
    peak = float(rng.uniform(0.25, 0.5))
    pitch = f0 * curve(seconds, [(0, 0.8), (peak, 1.15), (0.8, 1.0), (1, 0.75)])
    at = np.arange(len(pitch)) / n_samples(1)
    pitch *= 1 + 0.02 * np.sin(2 * np.pi * rng.uniform(5, 8) * at) + 0.006 * wander(len(pitch), 0.01, rng)
    voice = harmonics(pitch, lambda hz: mouth(hz) * (800 / (hz + 800)))
    voice /= float(np.sqrt(np.mean(voice**2)))
    voice += 0.12 * noise(len(pitch), mouth, rng)
    return voice * curve(seconds, [(0, 0), (0.08, 0.8), (peak, 1), (0.85, 0.8), (1, 0)])
