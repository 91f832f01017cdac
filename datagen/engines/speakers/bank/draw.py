"""What each place of a bank is asked to be: a person, a profile, and the transform that leads there, from the seed and the place alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.profiles import MAX_F0_FACTOR, PROFILES, Profile, Range, weights
from datagen.engines.speakers.bank.schema import CLIP_S, PROMPT_S
from datagen.engines.speakers.praat import Gender
from datagen.errors import UserError
from datagen.store.ids import rng, unit_hash


@dataclass(frozen=True, slots=True)
class Base:
    """A source as the draw sees it: no audio. `index` is its place among the sources."""

    index: int
    name: str
    person: str
    sex: str
    age: str
    f0_hz: float
    clip_s: float
    prompt_s: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A voice that is asked for: which source, and what it is to become."""

    place: int
    attempt: int
    base: Base
    profile: Profile
    gender: Gender

    @property
    def sex(self) -> str:
        """The profile's; of a child its base's."""
        return self.base.sex if self.profile.age == "child" else self.profile.sex


class Draw:
    """Draws voices by place and attempt; each depends on the seed, the bases and its own numbers alone.

    UserError: no base can become anything of what the shares ask for.
    """

    def __init__(self, bases: Sequence[Base], options: BankOptions, seed: int) -> None:
        self._seed = seed
        shares = weights(options.child_share, options.elderly_share)
        self._fitting: list[Mapping[str, list[Base]]] = [_fitting(bases, profile) for profile in PROFILES]
        here = [s if f else 0.0 for s, f in zip(shares, self._fitting, strict=True)]
        if sum(here) <= 0:
            raise UserError(
                f"voices build: none of the {len(bases)} base clips can become one of the voices asked for "
                f"(bank.child_share={options.child_share:g}, bank.elderly_share={options.elderly_share:g})."
            )
        self._edges = np.cumsum(here) / sum(here)
        self.lacking = [p for p, s, f in zip(PROFILES, shares, self._fitting, strict=True) if s > 0 and not f]
        """Profiles that were asked for and that no base can become: their share goes to the others."""

    def wanted(self, place: int, attempt: int) -> Wanted:
        """The voice of a place; another one of the same person and profile at each attempt."""
        at = int(np.searchsorted(self._edges, unit_hash(self._seed, "profile", place), side="right"))
        at = min(at, len(PROFILES) - 1)
        profile, people = PROFILES[at], self._fitting[at]
        names = sorted(people)
        person = names[int(unit_hash(self._seed, "person", place) * len(names))]
        draw = rng(self._seed, "bank voice", place, attempt)
        f0_hz = _between(profile.f0_hz, draw)
        # The clip nearest in pitch is moved least; where two tries with it came to nothing, the next one may do.
        near = sorted(people[person], key=lambda b: (abs(float(np.log(b.f0_hz / f0_hz))), b.name))
        base = near[min(attempt // 2, len(near) - 1)]
        low, high = max(profile.f0_hz[0], base.f0_hz / MAX_F0_FACTOR), min(profile.f0_hz[1], base.f0_hz * MAX_F0_FACTOR)
        f0_hz = round(min(max(f0_hz, low), high), 1)
        gender = Gender(
            formant_ratio=round(_between(_ratios(profile, base), draw), 4),
            pitch_median_hz=f0_hz,
            pitch_range_ratio=round(_between(profile.pitch_range_ratio, draw), 3),
            duration_ratio=round(_held(_between(profile.duration_ratio, draw), base), 3),
            floor_hz=float(round(0.6 * base.f0_hz)),
            ceiling_hz=float(round(2.3 * base.f0_hz)),
        )
        return Wanted(place, attempt, base, profile, gender)


def _fitting(bases: Sequence[Base], profile: Profile) -> dict[str, list[Base]]:
    """The sources that can become this profile, by person."""
    found: dict[str, list[Base]] = {}
    for base in bases:
        low, high = profile.f0_hz
        reaches = base.f0_hz * MAX_F0_FACTOR > low and base.f0_hz / MAX_F0_FACTOR < high
        # An old or a young person's clip stays one: its shift would start from other formants than an adult's.
        young = base.age == profile.age == "child"
        if reaches and (young or base.sex in profile.formant_ratio) and base.age in ("adult", profile.age):
            found.setdefault(base.person, []).append(base)
    return found


def _ratios(profile: Profile, base: Base) -> Range:
    return (0.94, 1.08) if base.age == profile.age == "child" else profile.formant_ratio[base.sex]


def _held(duration_ratio: float, base: Base) -> float:
    """The ratio, or the nearest at which clip and prompt have the length that a bank's have to have."""
    spans = [(CLIP_S, base.clip_s)] + ([(PROMPT_S, base.prompt_s)] if base.prompt_s is not None else [])
    low = max(shortest / seconds for (shortest, _), seconds in spans) * 1.01
    high = min(longest / seconds for (_, longest), seconds in spans) * 0.99
    return max(min(duration_ratio, high), min(low, high))


def _between(limits: Range, draw: np.random.Generator) -> float:
    """A number between two, even in its logarithm."""
    low, high = np.log(limits)
    return float(np.exp(draw.uniform(low, high)))
