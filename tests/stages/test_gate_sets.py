"""The gates on their test sets: good dialogues pass, bad ones are caught, and GATES.md says how many."""

from pathlib import Path

import pytest
from gate_figures import GATES, OPTIONS, fault, figures, table
from gate_samples import SETS, cases

from datagen.stages.write import unit

PAGE = Path(unit.__file__).with_name("GATES.md")
LEAST_PRECISION = 0.95
LEAST_RECALL = 0.9
RULES_ALONE = {"contradiction": 0.6}
"""Contradictions are found by rules that let pass what is not certain."""


@pytest.mark.parametrize("of", SETS)
def test_gates_reject_few_good_dialogues_and_most_bad_ones(of: str) -> None:
    for gate, figure in figures(of).items():
        assert figure.precision >= LEAST_PRECISION, f"{gate}: {figure}"
        assert figure.recall >= RULES_ALONE.get(gate, LEAST_RECALL), f"{gate}: {figure}"


@pytest.mark.parametrize("of", SETS)
def test_the_whole_check_lets_every_good_dialogue_through(of: str) -> None:
    refused = [f for c in cases(of) if c.good and (f := unit.check(c.transcript, c.plan, OPTIONS))]
    assert refused == []


def test_what_is_caught_is_caught_for_its_own_reason() -> None:
    bad = [c for of in SETS for c in cases(of) if not c.good]
    found = [(c, fault(c.gate, c)) for c in bad]
    caught = [(c, reason) for c, reason in found if reason]
    right = sum(reason.startswith(c.fault) for c, reason in caught)
    assert right >= 0.97 * len(caught), [(c.name, c.fault, r) for c, r in caught if not r.startswith(c.fault)]


def test_each_gate_has_its_sets() -> None:
    both = [*cases("tuned"), *cases("held_out")]
    for gate in GATES:
        for good in (True, False):
            assert sum(c.gate == gate and c.good is good for c in both) >= 20, f"{gate}, good: {good}"
    folder = Path(__file__).parent / "gate_sets"
    assert sum(p.stat().st_size for p in folder.iterdir()) < 300_000


def test_the_page_has_the_figures() -> None:
    assert table() in PAGE.read_text(encoding="utf-8"), f"Paste what tests/stages/gate_figures.py prints:\n{table()}"


def test_the_page_has_every_reason() -> None:
    page = PAGE.read_text(encoding="utf-8")
    reasons = {r for of in SETS for c in cases(of) if not c.good and (r := fault(c.gate, c))}
    assert [r for r in sorted(reasons) if f"`{r}`" not in page] == []
