"""Dialogues of kind tool: what is called, when, and that nothing is known before a result is there."""

import json
from collections.abc import Iterator

import pytest

from datagen.domains import load
from datagen.domains.service import ServiceDomain
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.service import write_service
from datagen.engines.writers.agenda.trial import trial_plan
from datagen.protocols import WriteRequest
from datagen.records.enums import Kind, MarkType, Speaker
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions

MAKER = Maker("agenda", "agenda", "1", "Apache-2.0")
DOMAINS = {name: load(name) for name in ("bank", "restaurant")}
Written = tuple[DialogPlan, Transcript]


def written(domain: ServiceDomain, n: int, options: AgendaOptions | None = None) -> Iterator[Written]:
    for scenario in domain.scenarios_of(Kind.TOOL):
        for i in range(n):
            plan = trial_plan(domain, scenario.name, i, kind=Kind.TOOL)
            transcript = write_service(domain, WriteRequest(plan, plan.seed), options or AgendaOptions(), MAKER)
            assert isinstance(transcript, Transcript), transcript
            yield plan, transcript


@pytest.fixture(scope="module", params=sorted(DOMAINS))
def some(request: pytest.FixtureRequest) -> list[Written]:
    return list(written(DOMAINS[request.param], 4))


def test_at_least_ten_scenarios_call_four_to_six_tools() -> None:
    for domain in DOMAINS.values():
        assert len(domain.scenarios_of(Kind.TOOL)) >= 10
        assert 4 <= len(domain.tools) <= 6
        assert len(domain.spec.roles) >= 3
        assert len(domain.spec.policies) >= 2


def test_every_dialogue_passes_every_gate(some: list[Written]) -> None:
    failures = [unit.check(t, p, WriteOptions()) for p, t in some]
    assert [f for f in failures if f] == []


def test_every_tool_is_called_in_some_dialogue(some: list[Written]) -> None:
    tools = {t["name"] for t in some[0][0].instance["tools"]}
    assert {c.name for _, t in some for turn in t.turns for c in turn.calls} == tools


def test_a_call_stands_at_the_end_of_a_phrase_and_its_result_is_spoken_later(some: list[Written]) -> None:
    for _, transcript in some:
        for turn in transcript.turns:
            for call in turn.calls:
                assert turn.words[call.word].endswith((".", "!", ","))
                assert turn.speaker is Speaker.AGENT
                assert call.result_turn > turn.index
                assert not any(m.type in (MarkType.SAFE_CUT,) for m in turn.marks)


def test_what_only_a_tool_tells_is_not_in_the_role_context(some: list[Written]) -> None:
    n_hidden = 0
    for plan, transcript in some:
        domain = DOMAINS[plan.domain]
        plain = {k: v for k, v in plan.instance.items() if k != "tools"}
        whole, shown = domain.fact_lines(plan.scenario, plain), domain.fact_lines(plan.scenario, plan.instance)
        hidden = [line for line in whole if line not in shown]
        assert transcript.role_context.count(" Tools: ") == 1
        assert not any(line in transcript.role_context for line in hidden)
        n_hidden += len(hidden)
        for fact in domain.facts_of(plan.scenario, with_tools=True):
            assert fact.text.names.isdisjoint(domain.hidden(plan.scenario))
    assert n_hidden > len(some) / 2


def test_results_come_in_a_turn_of_their_own_or_after_the_user_and_some_take_long(some: list[Written]) -> None:
    alone = after = 0
    for _, transcript in some:
        for turn in transcript.turns:
            for call in turn.calls:
                between = transcript.turns[turn.index + 1 : call.result_turn]
                alone += not between
                after += any(t.speaker is Speaker.USER for t in between)
    assert min(alone, after) > 10


def test_a_caller_who_was_wrong_is_asked_before_anything_is_called() -> None:
    """No call is made with a value that the caller then takes back."""
    options = AgendaOptions(wrong=1.0, readback=0.0)
    for plan, transcript in written(DOMAINS["bank"], 3, options):
        wrong = {v for k, v in plan.instance["wrong_values"].items()}
        for turn in transcript.turns:
            for call in turn.calls:
                assert wrong.isdisjoint(str(v) for v in json.loads(call.arguments).values()), plan.dialog_id


def test_a_holding_phrase_that_is_cut_makes_no_call() -> None:
    cut = 0
    for _, transcript in written(DOMAINS["bank"], 12, AgendaOptions(barge_in_per_dialog=1.0, second_barge_in=1.0)):
        for turn in transcript.turns:
            at = next((m.word for m in turn.marks if m.type is MarkType.BARGE_IN), None)
            if at is not None and turn.act.endswith("hold"):
                cut += 1
                assert all(call.word < at for call in turn.calls)
    assert cut


def test_service_dialogues_of_a_domain_with_tools_call_none() -> None:
    domain = DOMAINS["bank"]
    plan = trial_plan(domain, "dispute_charge", 1)
    transcript = write_service(domain, WriteRequest(plan, plan.seed), AgendaOptions(), MAKER)
    assert isinstance(transcript, Transcript)
    assert not any(t.calls for t in transcript.turns)
    assert "Tools:" not in transcript.role_context
    assert plan.instance["case"] in transcript.role_context
