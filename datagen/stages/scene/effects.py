"""What an effect of the scene is: something to draw, and something to do with what was drawn."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from datagen.config import Options
from datagen.records.speech import Audio, Clip
from datagen.records.timeline import Event, PlacedTurn
from datagen.stages.scene.place import TYPICAL, Place

Parameters = Mapping[str, Any]
"""JSON types that, with the clean channels, say all there is to know of an effect: it can be made again from them."""

Span = tuple[int, int]
"""First sample and the one behind the last."""

Others = Callable[[int], Sequence[tuple[Clip, ...]]]
"""What bystanders say: the OFF_TALK clips of up to that many voices which are neither the agent's nor the user's, a tuple
a voice, of one clip at least. The same voices in the same order for a dialogue, a longer list beginning with the shorter."""

EffectOptions = TypeVar("EffectOptions", bound=Options, contravariant=True)


def no_others(n_voices: int) -> Sequence[tuple[Clip, ...]]:
    """Nobody else is there."""
    return ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an effect may look at.

    `clean` are the clean channels [2, n_samples], agent first; `user_words` and `agent_words` where each is heard to
    speak, as spans of samples by start; `cues` the time line's SOUND events, for sounds that the text asks for; `turns`
    the time line's turns; `others` the clips of other voices; `place` the room and where microphone and mouth are.
    """

    clean: Audio
    user_words: Sequence[Span]
    agent_words: Sequence[Span] = ()
    cues: Sequence[Event] = ()
    turns: Sequence[PlacedTurn] = ()
    others: Others = no_others
    place: Place = TYPICAL

    @property
    def n_samples(self) -> int:
        return int(self.clean.shape[1])

    def turn_at(self, at_s: float) -> int:
        """The index of the turn that began last by then: the `target_turn` of what happens at that time; 0 before all."""
        starts = [t.start_s for t in self.turns]
        return max(bisect_right(starts, at_s) - 1, 0)


class Effect(Protocol[EffectOptions]):
    """One thing that happens to the user's channel.

    `name` is its table in SceneOptions, its key in `effects`, and what its generator is seeded by. An effect of the
    air (`unit.AIR`) gives the sound that it adds; one of the room, the microphone or the line gives the changed signal.
    """

    @property
    def name(self) -> str: ...

    def draw(self, options: EffectOptions, around: Surroundings, rng: np.random.Generator, /) -> Parameters | None:
        """This dialogue's parameters, None where the effect stays off."""
        ...

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings, /) -> Audio:
        """float32 [n_samples], as long as `user`, which is left alone.

        For an effect of the air `user` is the speech alone as it reaches the microphone, which levels are set
        against, and the answer is the stem to be added. For the others `user` is the signal so far, and the answer
        the signal after the effect.
        """
        ...


@runtime_checkable
class Eventful(Protocol):
    """An effect that has events for the rows: discrete sounds."""

    def events(self, parameters: Parameters, around: Surroundings, /) -> Sequence[Event]:
        """What was drawn, as SOUND events on the user's channel by start."""
        ...
