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
    """The audible distance of every pair, [n, n]: a bank's own, by the voices' places, where all of them are of one bank.

    Else it is F0 in units of 4 semitones and formants in units of 12 %, as a norm.
    """
    if len({(v.family, len(v.place)) for v in voices}) == 1 and voices[0].place:
        places = np.array([v.place for v in voices], dtype=np.float64)
        squares = (places * places).sum(axis=1)
        # Not by differences, [n, n, d]: of thousands of voices they are gigabytes.
        return np.asarray(np.sqrt(np.maximum(squares[:, None] + squares - 2 * places @ places.T, 0.0)))
    f0 = np.log2([v.f0_hz for v in voices]) * 12 / F0_UNIT_SEMITONES
    formants = np.log([v.formants_hz for v in voices]).mean(axis=1) / np.log(FORMANT_UNIT_RATIO)
    points = np.stack([f0, formants], axis=1)
    result: NDArray[np.float64] = np.linalg.norm(points[:, None] - points[None, :], axis=2)
    return result


class Cast:
    """The voices of each split, and for each voice the ones that it can be told from.

    Voices of one person share a split. Where some are held out, they are valid's and test's, and all others train's: so they stay
    out of train whatever the shares are, and voices of a split that has no share are left out.

    Raises UserError where a split has no pair at least `min_distance` apart.
    """

    def __init__(self, voices: Sequence[Voice], shares: Shares, min_distance: float, max_voices: int = 0) -> None:
        self.voices = with_splits(_choose(voices, max_voices), shares)
        self._children = frozenset(v.id for v in self.voices if v.age == "child")
        self._by_sex = {sex: frozenset(v.id for v in self.voices if v.sex == sex) for sex in ("female", "male")}
        self._by_split: dict[Split, tuple[list[str], list[list[str]]]] = {}
        for split, share in zip((Split.TRAIN, Split.VALID, Split.TEST), shares, strict=True):
            members = [v for v in self.voices if v.split is split]
            if share > 0:
                self._by_split[split] = _partners(members, split, min_distance)

    def draw(self, split: Split, rng: np.random.Generator, agent_sex: str = "", user_sex: str = "") -> tuple[str, str]:
        """The agent's and the user's voice, both from the split's pool, of the sex that their names suggest.

        An empty sex is any, and the agent no child. In a pool too small for all wishes and the distance, the distance goes first, then
        the agent's.
        """
        agents, partners = self._by_split[split]
        agent = _one_of(agents, self._of_sex(agent_sex) - self._children, rng, self._children)
        return agent, _one_of(partners[agents.index(agent)], self._of_sex(user_sex), rng)

    def _of_sex(self, sex: str) -> frozenset[str]:
        return self._by_sex.get(sex, frozenset())


def _one_of(
    ids: Sequence[str], preferred: frozenset[str], rng: np.random.Generator, last: frozenset[str] = frozenset()
) -> str:
    """One of `ids`, a preferred one if there is any, and one of `last` only where there is nobody else."""
    fitting = [i for i in ids if i in preferred] or [i for i in ids if i not in last] or ids
    return fitting[int(rng.integers(len(fitting)))]


def _choose(voices: Sequence[Voice], max_voices: int) -> list[Voice]:
    """At most so many voices, by a hash; of those held out and of the others in proportion, so that neither side runs dry."""
    ranked = sorted(voices, key=lambda v: unit_hash("choose voice", v.id))
    held = [v for v in ranked if v.held_out]
    if max_voices and held and len(held) < len(ranked):
        n_held = min(max(round(max_voices * len(held) / len(ranked)), min(2, max_voices)), len(held))
        ranked = held[:n_held] + [v for v in ranked if not v.held_out][: max_voices - n_held]
    return sorted(ranked[:max_voices] if max_voices else ranked, key=lambda v: v.id)


def with_splits(chosen: Sequence[Voice], shares: Shares) -> tuple[Voice, ...]:
    """The voices with their splits, by id; without those whose only splits have no share."""
    held = {_key(v) for v in chosen if v.held_out}
    others = {_key(v) for v in chosen} - held
    train, valid, test = shares
    if not held:
        pool = dict(pools(others, shares, "voice"))
    else:
        away = valid + test
        pool = dict(pools(held, (0.0, valid / away, test / away), "voice")) if away > 0 else {}
        pool |= dict.fromkeys(others, Split.TRAIN) if train > 0 else {}
    return tuple(replace(v, split=pool[_key(v)]) for v in chosen if _key(v) in pool)


def _key(voice: Voice) -> str:
    """What voices share a split by: their person, or the voice itself where nobody says whose it is."""
    return f"person {voice.person}" if voice.person else voice.id


def _partners(members: Sequence[Voice], split: Split, min_distance: float) -> tuple[list[str], list[list[str]]]:
    if not members:
        raise UserError(
            f"splits.{split}: none of the voices is {split}'s: voices of a person share a split, and those held out are valid's and test's "
            "alone. Bring more people (a bank of more base speakers, or a larger bank.held_out_share), "
            f"or set splits.{split}=0 and give its share to another."
        )
    ids = [v.id for v in members]
    apart = distances(members) >= min_distance
    partners = [[ids[j] for j in np.flatnonzero(row)] for row in apart]
    usable = [i for i, found in enumerate(partners) if found]
    if not usable:
        raise UserError(
            f"plan.min_voice_distance: none of the {len(members)} voices of split {split} is {min_distance:g} from another one. "
            "Lower it, raise plan.max_voices, or give the split a larger share."
        )
    return [ids[i] for i in usable], [partners[i] for i in usable]
