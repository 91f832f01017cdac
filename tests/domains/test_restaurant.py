"""The restaurant's content: complete, grounded, every part of it spoken, no two dialogues alike."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from datagen.domains import load
from datagen.domains.phrasing import Phrase
from datagen.domains.service import ServiceDomain
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.writer import AgendaWriter
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Speaker, Split
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions
from datagen.store.ids import rng, seed_of

SHARES = (0.9, 0.05, 0.05)
MOST_DIALOGUES = 60
"""In which every part of a scenario has to come up; what does not is as good as absent."""
OWN = re.compile(r"scenarios/(\w+)\.toml (steps|questions|refusals)\.(\w+)")


@pytest.fixture(scope="module")
def restaurant() -> ServiceDomain:
    domain = load("restaurant")
    assert isinstance(domain, ServiceDomain)
    return domain


def planned(domain: ServiceDomain, index: int, scenario: str, **traits: object) -> DialogPlan:
    seed = seed_of(11, f"restaurant-{index:06d}")
    draw = rng(seed, "plan", 0)
    instance = domain.instance(scenario, Split.TRAIN, SHARES, draw)
    return DialogPlan(
        index=index, dialog_id=f"restaurant-{index:06d}", kind=domain.kind, domain="restaurant", scenario=scenario,
        split=Split.TRAIN, seed=seed, first_speaker=Speaker.AGENT if index % 5 else Speaker.USER, agent_voice="a", user_voice="b",
        instance=instance, traits={**domain.traits(scenario, draw), **traits},
    )  # fmt: skip


def plans(domain: ServiceDomain, n_each: int, **traits: object) -> Iterator[DialogPlan]:
    for i in range(n_each * len(domain.scenarios)):
        yield planned(domain, i, domain.scenarios[i % len(domain.scenarios)].name, **traits)


def written(domain_plans: Iterator[DialogPlan]) -> dict[str, Transcript]:
    """The transcripts by id; fails on the first that the writer or a gate of the write stage refuses."""
    writer, options = AgendaWriter(AgendaOptions()), WriteOptions()
    kept = {}
    for plan in domain_plans:
        answer = writer.write([WriteRequest(plan, plan.seed)])[0]
        assert isinstance(answer, Transcript), f"{plan.scenario}: {answer}"
        refused = unit.check(answer, plan, options)
        assert refused is None, f"{plan.scenario}: {refused}"
        kept[plan.dialog_id] = unit.finish(answer, options)
    return kept


def test_domain_is_complete(restaurant: ServiceDomain) -> None:
    assert [f"{p.where}: {p.what}" for p in restaurant.check()] == []
    assert len(restaurant.scenarios) >= 14
    assert len(restaurant.companies) >= 200


def test_menu_prices_every_dish(restaurant: ServiceDomain) -> None:
    for dish, price in (("main", "main_price"), ("other_main", "main_price"), ("side", "side_price")):
        table = restaurant.spec.slots
        assert set(table[dish]["values"].values()) == set(table[price]["values"])
    assert len(table["main_price"]["values"]) + len(table["side_price"]["values"]) >= 25
    cuisines = set(table["cuisine"]["values"].values())
    assert (
        {key.split()[0] for key in table["main"]["values"]}
        == cuisines
        == {k.split()[0] for k in table["side"]["values"]}
    )
    assert set(table["cuisine"]["values"]) == {b for names in restaurant.companies.values() for b in names}


def test_dialogues_pass_every_gate_and_differ(restaurant: ServiceDomain) -> None:
    kept = written(plans(restaurant, 6))
    texts = {tuple(t.text for t in transcript.turns) for transcript in kept.values()}
    assert len(texts) == len(kept) >= 120
    assert unit.near_duplicates({k: t.signature for k, t in kept.items()}, WriteOptions()) == {}


def test_every_part_of_every_scenario_is_spoken(restaurant: ServiceDomain, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: set[tuple[str, ...]] = set()
    render = Phrase.render

    def spy(phrase: Phrase, *args: object) -> str:
        if found := OWN.search(phrase.where):
            spoken.add(found.groups())
        return render(phrase, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Phrase, "render", spy)
    missing = []
    for name, scenario in restaurant.scenario_by_name.items():
        expected = {(name, "steps", s.name) for s in scenario.steps}
        # The domain's own questions and refusals are said in some scenario, not in each.
        expected |= {(name, "questions", q.name) for q in scenario.questions if q not in restaurant.questions}
        expected |= {(name, "refusals", r.name) for r in scenario.refusals if r not in restaurant.refusals}
        for index in range(MOST_DIALOGUES):
            written(iter([planned(restaurant, index, name, refusal=True, n_questions=3, early=False)]))
            if expected <= spoken:
                break
        missing += sorted(expected - spoken)
    assert missing == []


def test_what_the_agent_says_fits_together(restaurant: ServiceDomain) -> None:
    for plan in plans(restaurant, 30):
        slots = plan.instance
        kitchen, closes, opens = (_minutes(slots[k]) for k in ("kitchen_close", "close_time", "open_time"))
        assert opens < kitchen < closes
        for name in (
            "time",
            "new_time",
            "old_time",
            "early_time",
            "late_time",
            "last_order",
            "last_add",
            "promised",
            "delivered",
        ):
            if name in slots:
                assert opens <= _minutes(slots[name]) <= kitchen, (
                    f"{plan.scenario}: {name} {slots[name]}, kitchen {slots['kitchen_close']}"
                )
        if plan.scenario == "running_late" and not slots["holds"]:
            delay = int(slots["delay"].split()[0])
            assert _minutes(slots["time"]) + delay > _minutes(slots["limit"])
        if plan.scenario in ("large_party", "private_event"):
            most = slots["max_party"] if plan.scenario == "large_party" else slots["capacity"]
            assert int(slots["party" if plan.scenario == "large_party" else "guests"]) <= int(most)


def test_failures_are_told_apart(restaurant: ServiceDomain) -> None:
    """A role context that lost a fact is refused: the gates of these tests can fail."""
    plan = planned(restaurant, 3, "gift_card", n_questions=0, refusal=False)
    answer = AgendaWriter(AgendaOptions()).write([WriteRequest(plan, plan.seed)])[0]
    assert not isinstance(answer, Failure)
    robbed = replace(answer, role_context=answer.role_context.replace(plan.instance["valid"], "a while"))
    refused = unit.check(robbed, plan, WriteOptions())
    assert refused is not None
    assert refused.reason.startswith("ungrounded")


def _minutes(shown: str) -> int:
    found = re.fullmatch(r"(\d+)(?::(\d\d))? (AM|PM)", shown)
    assert found, shown
    hour, minute, half = found.groups()
    return int(hour) % 12 * 60 + int(minute or 0) + (720 if half == "PM" else 0)
