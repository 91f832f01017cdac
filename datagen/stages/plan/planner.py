"""The plan: dialogue i of a recipe, from the recipe, the seed and i alone."""

from collections.abc import Mapping, Sequence

import numpy as np

from datagen.config import MixEntry
from datagen.domains.base import Domain
from datagen.errors import UserError
from datagen.records.enums import Kind, Speaker, Split
from datagen.records.plan import DialogPlan
from datagen.stages.plan.casting import Cast
from datagen.stages.plan.options import PlanOptions
from datagen.store.ids import rng, seed_of, unit_hash
from datagen.store.pools import Shares, pools, split_of
from datagen.store.shares import capped

VERSION = 2

Part = tuple[Kind, str]
"""A kind of dialogue and the domain that it is made from."""


class Planner:
    """Draws dialogues by index; each depends on nothing but the recipe and its own index.

    Raises UserError where the mix's caps leave shares over, or a domain has no scenario for a split.
    """

    def __init__(
        self,
        mix: Sequence[MixEntry],
        domains: Mapping[str, Domain],
        cast: Cast,
        shares: Shares,
        options: PlanOptions,
        seed: int,
        only: Split | None = None,
    ) -> None:
        self._domains = domains
        self._cast = cast
        self._shares = shares
        self._options = options
        self._seed = seed
        self._only = only
        self._parts, weights = _mix_weights(mix)
        self._edges = np.cumsum(weights)
        self._scenarios = {
            (part, s): _scenario_edges(domains[part[1]], part[0], s, shares) for part in self._parts for s in Split
        }

    def split(self, index: int) -> Split:
        """The split of dialogue `index`; drawn before everything else of it, unless the recipe wants one alone."""
        if self._only is not None:
            return self._only
        return split_of(unit_hash(self._seed, "split", index), self._shares)

    def part(self, index: int) -> Part:
        """The kind and the domain of dialogue `index`."""
        at = int(np.searchsorted(self._edges, unit_hash(self._seed, "domain", index), side="right"))
        return self._parts[min(at, len(self._parts) - 1)]

    def domain(self, index: int) -> str:
        """The domain of dialogue `index`."""
        return self.part(index)[1]

    def dialog_id(self, index: int) -> str:
        """The name of dialogue `index`, e.g. `bank-000412`."""
        return f"{self.domain(index)}-{index:06d}"

    def plan(self, index: int) -> DialogPlan:
        """The whole plan of dialogue `index`."""
        split, part = self.split(index), self.part(index)
        kind, name = part
        domain = self._domains[name]
        dialog_id = self.dialog_id(index)
        seed = seed_of(self._seed, dialog_id)
        draw = rng(seed, "plan", 0)
        scenarios, edges = self._scenarios[part, split]
        if kind is Kind.PROBE:
            # An evaluation set has each of its probes once; the caller speaks, and the agent is to answer.
            scenario, first = scenarios[index % len(scenarios)], Speaker.USER
        else:
            scenario = scenarios[int(np.searchsorted(edges, draw.random() * edges[-1], side="right"))]
            first = Speaker.AGENT if draw.random() < self._options.agent_first_share else Speaker.USER
        instance = domain.instance(scenario, split, self._shares, draw)
        if kind is not domain.kind:
            instance = {**instance, **domain.details(kind, scenario)}
        agent, user = self._cast.draw(
            split, draw, str(instance.get("agent_sex", "")), str(instance.get("customer_sex", ""))
        )
        traits = domain.traits(scenario, draw)
        return DialogPlan(
            index=index, dialog_id=dialog_id, kind=kind, domain=name, scenario=scenario, split=split, seed=seed,
            first_speaker=first, agent_voice=agent, user_voice=user, instance=instance, traits=traits,
        )  # fmt: skip

    def mean_s(self) -> float:
        """The expected length of a dialogue of this mix, in seconds."""
        weights = np.diff(self._edges, prepend=0.0)
        return float(sum(w * self._options.length_s(kind) for (kind, _), w in zip(self._parts, weights, strict=True)))


def _scenario_edges(domain: Domain, kind: Kind, split: Split, shares: Shares) -> tuple[list[str], np.ndarray]:
    pool = _scenario_pools(domain, shares)
    # Probes are never trained on, so that all of them are in the split that is asked for.
    found = [s for s in domain.scenarios_of(kind) if kind is Kind.PROBE or pool[s.name] is split]
    share = dict(zip((Split.TRAIN, Split.VALID, Split.TEST), shares, strict=True))[split]
    if not found and share > 0:
        raise UserError(
            f"prompts/{domain.name}: {len(domain.scenarios_of(kind))} scenarios of kind {kind} leave none for split {split}. "
            f"Add some, or set splits.{split}=0."
        )
    return [s.name for s in found], np.cumsum([s.share for s in found])


def _scenario_pools(domain: Domain, shares: Shares) -> Mapping[str, Split]:
    """Each scenario's split, the same whatever kind of dialogue is made of it. Where a kind has only some of the scenarios, those
    have one in each split too."""
    salt = f"scenario {domain.name}"
    found = pools((s.name for s in domain.scenarios), shares, salt)
    for kind in domain.kinds:
        both = {**found, **pools((s.name for s in domain.scenarios_of(kind)), shares, salt)}
        # Of very few scenarios the one kind's could leave the other none.
        found = both if set(both.values()) >= set(found.values()) else found
    return found


def _mix_weights(mix: Sequence[MixEntry]) -> tuple[list[Part], list[float]]:
    """Each kind's and domain's share of the whole, caps applied: what a capped domain may not take goes to the others in proportion."""
    weight: dict[Part, float] = {}
    cap: dict[Part, float] = {}
    total = sum(e.share for e in mix)
    for entry in mix:
        for name in entry.domains:
            part = (entry.kind, name)
            weight[part] = weight.get(part, 0.0) + entry.share / total / len(entry.domains)
            cap[part] = min(cap.get(part, 1.0), entry.cap)
    shares = capped(weight, cap, "mix")
    return list(shares), list(shares.values())
