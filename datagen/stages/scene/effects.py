"""What an effect of the scene is: something to draw, and something to do with what was drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from datagen.records.speech import Audio
from datagen.stages.scene.options import SceneOptions

Parameters = Mapping[str, Any]
"""JSON scalars that, with the clean channels, say all there is to know of an effect: it can be made again from them."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an effect may look at: the clean channels, and where the user's words are, as spans of samples."""

    clean: Audio
    user_words: Sequence[tuple[int, int]]


class Effect(Protocol):
    """One thing that happens to the user's channel. `name` is its key in `effects`, and what its generator is seeded by."""

    @property
    def name(self) -> str: ...

    def draw(self, options: SceneOptions, rng: np.random.Generator) -> Parameters | None:
        """This dialogue's parameters, None where the effect stays off."""
        ...

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The channel [n_samples] after the effect, as long as before; its input is left alone."""
        ...
