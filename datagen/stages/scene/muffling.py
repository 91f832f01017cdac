"""Muffling: a hand over the microphone, or the phone between cheek and shoulder, for a moment now and then."""

from typing import Annotated

import numpy as np

from datagen.audio.levels import fade
from datagen.config import Options, knob
from datagen.records.spans import union
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.fourier import fast_length
from datagen.stages.scene.ranges import Pair, within

ORDER = 3
"""The low-pass falls by 18 dB an octave, as a Butterworth filter of that order."""
CONTEXT = 1_200
"""Samples (50 ms) on either side of a stretch that its filter sees, so that the cut-out piece has no edges: at the lowest
cut-off the response has decayed by exp(-2 pi 200 sin(pi/6) 0.05), which is 1e-13, by then."""


class MufflingOptions(Options):
    """A covered microphone. Defaults around tau-voice's: 1.5 kHz for 0.5 s, faded over 0.1 s, in a fifth of the turns."""

    share: float = knob(0.2, "share of dialogues in which the microphone is covered at times", "share", ge=0, le=1)
    per_min: float = knob(
        3.0, "stretches a minute of the user's speech, on average; one at the least", "1/min", ge=0, le=60
    )
    length_s: Annotated[Pair, within(0.05, 30, "s")] = knob(
        (0.3, 2.0), "a stretch's length, fades included, lowest and highest", "s"
    )
    cutoff_hz: Annotated[Pair, within(200, 8_000, "Hz")] = knob(
        (1_000.0, 2_000.0), "low-pass of the dialogue, -3 dB, lowest and highest", "Hz"
    )
    fade_s: float = knob(0.1, "how long it takes to cover the microphone, and to uncover it", "s", ge=0, le=1)


class Muffling:
    """A low-pass over stretches of the user's speech, with soft ends."""

    name = "muffling"

    def draw(self, options: MufflingOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The cut-off, the fades and the stretches in seconds (in order, apart), or None, also where the user says nothing.

        The middle of a stretch lies anywhere in the user's words; stretches that touch become one.
        """
        if rng.random() >= options.share:
            return None
        lengths = [b - a for a, b in around.user_words]
        total = sum(lengths)
        if total == 0:
            return None
        count = max(int(rng.poisson(options.per_min * total / SAMPLE_RATE_HZ / 60)), 1)
        ends = np.cumsum(lengths)
        spans = []
        for at in rng.integers(total, size=count):
            word = int(np.searchsorted(ends, at, side="right"))
            middle = around.user_words[word][1] - int(ends[word] - at)
            half = round(float(rng.uniform(*options.length_s)) * SAMPLE_RATE_HZ / 2)
            spans.append((max(middle - half, 0), min(middle + half, around.n_samples)))
        return {
            "cutoff_hz": float(rng.uniform(*options.cutoff_hz)),
            "fade_s": options.fade_s,
            "stretches_s": [[a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ] for a, b in union(spans)],
        }

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The channel with its stretches muffled; outside them it is untouched to the bit. The filter has no delay."""
        muffled = user.copy()
        for start_s, end_s in parameters["stretches_s"]:
            a, b = round(start_s * SAMPLE_RATE_HZ), min(round(end_s * SAMPLE_RATE_HZ), len(user))
            dull = low_pass(user[max(a - CONTEXT, 0) : b + CONTEXT], parameters["cutoff_hz"])
            dull = dull[min(a, CONTEXT) :][: b - a]
            muffled[a:b] += fade(dull - user[a:b], parameters["fade_s"], parameters["fade_s"])
        return muffled


def low_pass(audio: Audio, cutoff_hz: float) -> Audio:
    """The audio below `cutoff_hz` (-3 dB there, 18 dB an octave above), in phase with the input."""
    size = fast_length(len(audio) + CONTEXT)
    frequencies = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE_HZ / size)
    gain = 1 / np.sqrt(1 + (frequencies / np.float32(cutoff_hz)) ** (2 * ORDER))
    low: Audio = np.fft.irfft(np.fft.rfft(audio, size) * gain, size)[: len(audio)].astype(np.float32)
    return low
