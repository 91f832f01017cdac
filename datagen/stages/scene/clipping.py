"""Clipping: speech too loud for the microphone's amplifier, whose tops are cut off."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from datagen.config import Options, knob
from datagen.records.speech import Audio
from datagen.stages.scene.effects import Parameters, Span, Surroundings
from datagen.stages.scene.ranges import Pair, within

KNEE = 0.6
"""Where a soft clipper begins to bend, as a part of its ceiling."""


class ClippingOptions(Options):
    """An overloaded microphone."""

    share: float = knob(0.05, "share of dialogues with an overloaded microphone", "share", ge=0, le=1)
    clipped_share: Annotated[Pair, within(0.0001, 0.5, "of the samples")] = knob(
        (0.001, 0.05), "share of the samples in the user's words that are clipped, lowest and highest", "share"
    )
    soft_share: float = knob(
        0.3, "share of those whose tops are rounded off, as by an amplifier, not cut, as by a converter", "share",
        ge=0, le=1,
    )  # fmt: skip


class Clipping:
    """The channel with every size over a ceiling brought under it.

    The ceiling is found in the signal itself: as many of the samples in the user's words lie over it as
    `clipped_share` says. Speech challenges cut up to a tenth at either end (URGENT 2024: quantiles of 0-0.1 and
    0.9-1); of a channel that is half silence and in which words shall stay words, less is taken.
    """

    name = "clipping"

    def draw(self, options: ClippingOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The share, drawn evenly in its logarithm, and whether it is soft; or None, also where the user says nothing."""
        if rng.random() >= options.share or not around.user_words:
            return None
        low, high = np.log(options.clipped_share)
        share = float(np.exp(rng.uniform(low, high)))
        return {"clipped_share": share, "soft": bool(rng.random() < options.soft_share)}

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The clipped channel; as it was where its words are silent."""
        ceiling = ceiling_of(user, around.user_words, parameters["clipped_share"])
        if ceiling == 0:
            return user.copy()
        return soft_clip(user, ceiling) if parameters["soft"] else np.clip(user, -ceiling, ceiling)


def ceiling_of(audio: Audio, spans: Sequence[Span], clipped_share: float) -> float:
    """The size over which `clipped_share` of the spans' samples lie: to one sample, or fewer where sizes are equal. 0 for none."""
    sizes: NDArray[np.float32] = np.abs(np.concatenate([audio[a:b] for a, b in spans] or [audio[:0]]))
    if sizes.size == 0:
        return 0.0
    at = max(sizes.size - 1 - round(clipped_share * sizes.size), 0)
    sizes.partition(at)
    return float(sizes[at])


def soft_clip(audio: Audio, ceiling: float) -> Audio:
    """The audio with sizes over KNEE of the ceiling bent towards it by a tanh, which no size reaches; below, untouched."""
    knee = np.float32(KNEE * ceiling)
    room = np.float32(ceiling) - knee
    bent = audio.copy()
    loud = np.flatnonzero(np.abs(audio) > knee)
    over = np.abs(audio[loud]) - knee
    bent[loud] = np.copysign(knee + room * np.tanh(over / room), audio[loud])
    return bent
