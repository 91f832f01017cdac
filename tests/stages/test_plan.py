"""The plan: by index, in its split's pools, in voices that differ."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen import domains
from datagen.config import MixEntry
from datagen.domains.base import Problem, ScenarioInfo
from datagen.errors import UserError
from datagen.records.enums import Kind, Split
from datagen.records.plan import Voice
from datagen.stages.plan.casting import Cast, distances
from datagen.stages.plan.options import PlanOptions
from datagen.stages.plan.planner import Planner, _scenario_edges
from datagen.stages.plan.shards import shards

SHARES = (0.8, 0.1, 0.1)


def voice(i: int, f0_hz: float, scale: float = 1.0) -> Voice:
    return Voice(
        f"v{i:03d}",
        "espeak",
        "en",
        {},
        "male" if f0_hz < 150 else "female",
        f0_hz,
        (500 * scale, 1500 * scale, 2500 * scale),
        "GPL-3.0",
        "test",
    )


VOICES = [voice(i, 80 * 1.02**i, 0.85 + 0.4 * (i % 7) / 7) for i in range(60)]


class Toy:
    """A domain of twenty scenarios, drawn from as any other."""

    kind, kinds, title, digest = Kind.SERVICE, (Kind.SERVICE,), "Toy", "d"
    scenarios = tuple(ScenarioInfo(f"s{i}", f"Scenario {i}") for i in range(20))

    def __init__(self, name: str) -> None:
        self.name = name

    def scenarios_of(self, kind: Kind) -> tuple[ScenarioInfo, ...]:
        return self.scenarios

    def instance(
        self, scenario: str, split: Split, shares: tuple[float, float, float], rng: np.random.Generator
    ) -> Mapping[str, Any]:
        return {"n": int(rng.integers(1000))}

    def traits(self, scenario: str, rng: np.random.Generator) -> Mapping[str, Any]:
        return {}

    def check(self) -> list[Problem]:
        return []


def planner(mix: list[MixEntry] | None = None, seed: int = 1) -> Planner:
    mix = mix or [MixEntry(domains=("a", "b"))]
    domains = {n: Toy(n) for e in mix for n in e.domains}
    return Planner(mix, domains, Cast(VOICES, SHARES, 1.0), SHARES, PlanOptions(), seed)


def test_a_plan_depends_on_its_index_alone() -> None:
    one, other = planner(), planner()
    backwards = {i: other.plan(i) for i in reversed(range(50))}
    assert all(one.plan(i) == backwards[i] for i in range(50))


def test_another_seed_is_another_plan() -> None:
    assert [planner().plan(i).seed for i in range(5)] != [planner(seed=2).plan(i).seed for i in range(5)]


def test_splits_take_their_shares_and_scenarios_and_voices_stay_inside() -> None:
    plans = [planner().plan(i) for i in range(3000)]
    n = Counter(p.split for p in plans)
    assert abs(n[Split.TRAIN] / 3000 - 0.8) < 0.03
    for pick in (lambda p: p.agent_voice, lambda p: p.user_voice, lambda p: (p.domain, p.scenario)):
        seen: dict[Any, set[Split]] = {}
        for p in plans:
            seen.setdefault(pick(p), set()).add(p.split)
        assert all(len(s) == 1 for s in seen.values())


def test_agent_and_user_are_never_close() -> None:
    apart = distances(VOICES)
    at = {v.id: i for i, v in enumerate(VOICES)}
    assert min(apart[at[p.agent_voice], at[p.user_voice]] for p in map(planner().plan, range(500))) >= 1.0


def test_voices_are_of_the_sex_that_the_names_suggest() -> None:
    cast = Cast(VOICES, SHARES, 1.0)
    sex = {v.id: v.sex for v in VOICES}
    draws = [cast.draw(Split.TRAIN, np.random.default_rng(i), "female", "male") for i in range(300)]
    assert {(sex[a], sex[u]) for a, u in draws} == {("female", "male")}
    assert {sex[a] for a, _ in (cast.draw(Split.TRAIN, np.random.default_rng(i)) for i in range(100))} == {
        "female",
        "male",
    }


def test_distance_is_one_at_four_semitones_and_at_twelve_percent() -> None:
    d = distances([voice(0, 100), voice(1, 100 * 2 ** (4 / 12)), voice(2, 100, 1.12)])
    assert d[0, 1] == pytest.approx(1)
    assert d[0, 2] == pytest.approx(1)


def test_voices_too_alike_are_one_clear_line() -> None:
    with pytest.raises(UserError, match=r"plan.min_voice_distance: none of the \d+ voices of split"):
        Cast([voice(i, 100) for i in range(30)], SHARES, 1.0)


def test_a_capped_domain_gives_its_rest_to_the_others() -> None:
    mix = [MixEntry(domains=("a",), share=8, cap=0.5), MixEntry(domains=("b", "c"), share=2)]
    plan = planner(mix)
    n = Counter(plan.domain(i) for i in range(20_000))
    assert n["a"] / 20_000 == pytest.approx(0.5, abs=0.02)
    assert n["b"] / 20_000 == pytest.approx(0.25, abs=0.02)


def test_caps_that_leave_a_share_over_are_refused() -> None:
    with pytest.raises(UserError, match="caps add up to 0.60"):
        planner([MixEntry(domains=("a", "b"), cap=0.3)])


@given(st.integers(1, 400), st.integers(1, 70), st.lists(st.integers(1, 70), max_size=4))
def test_shards_hold_every_dialogue_once_and_sealed_ones_keep_their_size(n: int, size: int, sealed: list[int]) -> None:
    found = list(shards(n, planner().split, size, {Split.TRAIN: sealed}))
    assert sorted(i for s in found for i in s.indices) == list(range(n))
    assert len({s.name for s in found}) == len(found)
    train = [len(s.indices) for s in found if s.split is Split.TRAIN]
    for before, now in zip(sealed, train[:-1], strict=False):
        assert before == now


def test_growing_keeps_the_published_shards() -> None:
    split = planner().split
    small = list(shards(100, split, 30, {}))
    sealed: dict[Split, list[int]] = {}
    for s in small:
        sealed.setdefault(s.split, []).append(len(s.indices))
    grown = {s.name: s for s in shards(300, split, 30, sealed)}
    assert all(grown[s.name] == s for s in small)


def test_every_kind_of_a_domain_has_scenarios_in_every_split() -> None:
    shares = (0.9, 0.05, 0.05)
    for name in domains.available():
        domain = domains.load(name)
        if domain.kind is not Kind.SERVICE:
            continue
        owner: dict[str, Split] = {}
        for kind in domain.kinds:
            for split in Split:
                scenarios, _ = _scenario_edges(domain, kind, split, shares)
                assert scenarios, (name, kind, split)
                assert all(owner.setdefault(s, split) is split for s in scenarios), (name, kind, split)
