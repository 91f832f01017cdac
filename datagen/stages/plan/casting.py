"""Who speaks in which voice: split pools of voices, and partners that sound different."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.records.plan import Voice
from datagen.store.ids import unit_hash
from datagen.store.pools import Shares, pools

F0_UNIT_SEMITONES = 4.0
"""Listeners tell two synthetic speakers apart from about this much F0 alone; one unit of distance."""
FORMANT_UNIT_RATIO = 1.12
"""… or from this ratio of formants alone (a vocal tract 12 % longer), the second way to one unit."""


def distances(voices: Sequence[Voice]) -> NDArray[np.float64]:
    """The audible distance of every pair, [n, n]: F0 in units of 4 semitones and formants in units of 12 %, as a norm."""
    f0 = np.log2([v.f0_hz for v in voices]) * 12 / F0_UNIT_SEMITONES
    formants = np.log([v.formants_hz for v in voices]).mean(axis=1) / np.log(FORMANT_UNIT_RATIO)
    points = np.stack([f0, formants], axis=1)
    result: NDArray[np.float64] = np.linalg.norm(points[:, None] - points[None, :], axis=2)
    return result


class Cast:
    """The voices of each split, and for each voice the ones that it can be told from.

    Raises UserError where a split has no pair at least `min_distance` apart.
    """

    def __init__(self, voices: Sequence[Voice], shares: Shares, min_distance: float, max_voices: int = 0) -> None:
        chosen = _choose(voices, max_voices)
        pool = pools((v.id for v in chosen), shares, "voice")
        self.voices = tuple(replace(v, split=pool[v.id]) for v in chosen)
        self._by_split: dict[Split, tuple[list[str], list[list[str]]]] = {}
        for split, share in zip((Split.TRAIN, Split.VALID, Split.TEST), shares, strict=True):
            members = [v for v in self.voices if v.split is split]
            if share > 0:
                self._by_split[split] = _partners(members, split, min_distance)

    def draw(self, split: Split, rng: np.random.Generator) -> tuple[str, str]:
        """The agent's and the user's voice, both from the split's pool."""
        agents, partners = self._by_split[split]
        agent = int(rng.integers(len(agents)))
        return agents[agent], partners[agent][int(rng.integers(len(partners[agent])))]


def _choose(voices: Sequence[Voice], max_voices: int) -> list[Voice]:
    ranked = sorted(voices, key=lambda v: unit_hash("choose voice", v.id))
    return sorted(ranked[:max_voices] if max_voices else ranked, key=lambda v: v.id)


def _partners(members: Sequence[Voice], split: Split, min_distance: float) -> tuple[list[str], list[list[str]]]:
    ids = [v.id for v in members]
    apart = distances(members) >= min_distance if members else np.zeros((0, 0), bool)
    partners = [[ids[j] for j in np.flatnonzero(row)] for row in apart]
    usable = [i for i, found in enumerate(partners) if found]
    if not usable:
        raise UserError(
            f"plan.min_voice_distance: none of the {len(members)} voices of split {split} is {min_distance:g} from another one. "
            "Lower it, raise plan.max_voices, or give the split a larger share."
        )
    return [ids[i] for i in usable], [partners[i] for i in usable]
