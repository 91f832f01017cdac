"""Word problems: the numbers are drawn, the answers computed, and an agent that says another one is rejected."""

from dataclasses import replace

import pytest

from datagen.domains import load
from datagen.domains.phrasing import Dice
from datagen.domains.sums import compile_numbers
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.qa import write_qa
from datagen.protocols import WriteRequest
from datagen.records.enums import Kind, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.reasoning import answered
from datagen.store.ids import rng, seed_of

DOMAIN = load("qa")
PROBLEMS = [n for n, q in DOMAIN.questions.items() if q.numbers is not None]


def written(scenario: str, i: int) -> tuple[DialogPlan, Transcript]:
    draw = rng("sums", scenario, i)
    instance = DOMAIN.instance(scenario, Split.TRAIN, (0.9, 0.05, 0.05), draw)
    traits = DOMAIN.traits(scenario, draw)
    seed = seed_of("sums", scenario, i)
    plan = DialogPlan(
        i, f"qa-{i:06d}", Kind.QA, "qa", scenario, Split.TRAIN, seed, Speaker.USER, "", "", instance, traits
    )
    made = write_qa(DOMAIN, WriteRequest(plan, seed), AgendaOptions(), Maker("a", "a", "", ""))
    assert isinstance(made, Transcript)
    return plan, made


def test_there_are_at_least_25_templates_of_sound_files() -> None:
    assert len(PROBLEMS) >= 25
    assert DOMAIN.check() == []


def test_the_computed_answer_is_said_and_another_is_rejected() -> None:
    for scenario in PROBLEMS:
        for i in range(3):
            plan, made = written(scenario, i)
            assert answered(made, plan, WriteOptions()) is None
            wrong = tuple(replace(t, text="It's hard to say.") if t.speaker is Speaker.AGENT else t for t in made.turns)
            failure = answered(replace(made, turns=wrong), plan, WriteOptions())
            assert failure is not None
            assert failure.reason == "wrong_answer"
            assert plan.instance["numbers"]["answer"] in failure.detail


def test_formulas_are_worked_out_in_whole_numbers() -> None:
    numbers = compile_numbers({"a": (17, 17), "b": (5, 5), "n": "a // b", "answer": "a % b"}, (), ("a > b",))
    assert numbers.values(Dice(rng(1))) == {"a": 17, "b": 5, "n": 3, "answer": 2}
    money = compile_numbers({"a": (250, 250), "answer": "a * 2"}, ("a", "answer"), ())
    assert money.draw(Dice(rng(1))) == {"a": "$2.50", "answer": "$5"}


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"a": (1, 2)}, "needs a formula for answer"),
        ({"a": (3, 1), "answer": "a"}, "lowest, highest"),
        ({"answer": "b + 1"}, "no number 'b'"),
        ({"a": (1, 2), "answer": "__import__('os')"}, "no number '__import__'|no place"),
        ({"a": (1, 2), "answer": "a ** 9"}, "only"),
        ({"a": (1, 2), "answer": "a +"}, "no formula"),
        ({"a": (1, 2), "answer": "a / 2"}, "only"),
    ],
)
def test_what_is_no_formula_is_refused(table: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        compile_numbers(table, (), ())  # type: ignore[arg-type]


def test_a_draw_below_zero_or_never_met_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        compile_numbers({"a": (1, 1), "answer": "a - 2"}, (), ()).values(Dice(rng(1)))
    with pytest.raises(ValueError, match="draws"):
        compile_numbers({"a": (1, 1), "answer": "a"}, (), ("a > 2",)).values(Dice(rng(1)))
