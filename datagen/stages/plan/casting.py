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
        self._by_sex = {sex: frozenset(v.id for v in self.voices if v.sex == sex) for sex in ("female", "male")}
        self._by_split: dict[Split, tuple[list[str], list[list[str]]]] = {}
        for split, share in zip((Split.TRAIN, Split.VALID, Split.TEST), shares, strict=True):
            members = [v for v in self.voices if v.split is split]
            if share > 0:
                self._by_split[split] = _partners(members, split, min_distance)

    def draw(self, split: Split, rng: np.random.Generator, agent_sex: str = "", user_sex: str = "") -> tuple[str, str]:
        """The agent's and the user's voice, both from the split's pool, of the sex that their names suggest.

        An empty sex is any. In a pool too small for both wishes and the distance, the distance goes first, then the agent's.
        """
        agents, partners = self._by_split[split]
        agent = _one_of(agents, self._of_sex(agent_sex), rng)
        return agent, _one_of(partners[agents.index(agent)], self._of_sex(user_sex), rng)

    def _of_sex(self, sex: str) -> frozenset[str]:
        return self._by_sex.get(sex, frozenset())


def _one_of(ids: Sequence[str], preferred: frozenset[str], rng: np.random.Generator) -> str:
    """One of `ids`, a preferred one if there is any."""
    fitting = [i for i in ids if i in preferred] or ids
    return fitting[int(rng.integers(len(fitting)))]


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
