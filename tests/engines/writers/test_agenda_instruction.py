"""Dialogues of kind instruction: what is set is kept, by code, in every later turn of the agent's."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from datagen.domains import load
from datagen.domains.spontaneous import spontaneous
from datagen.engines.writers.agenda.instruction import write_instruction
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.protocols import WriteRequest
from datagen.records.enums import Kind, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.spontaneous_options import LongSilenceOptions, SoundCueOptions
from datagen.store.ids import rng, seed_of
from datagen.store.pools import pools

DOMAIN = load("instruction")
SHARES = (0.9, 0.05, 0.05)
Written = tuple[DialogPlan, Transcript]


def plan_of(scenario: str, i: int, split: Split = Split.TRAIN) -> DialogPlan:
    draw = rng("instruction test", scenario, i, split)
    instance, traits = DOMAIN.instance(scenario, split, SHARES, draw), DOMAIN.traits(scenario, draw)
    seed = seed_of("instruction test", scenario, i)
    first = Speaker.AGENT if i % 3 else Speaker.USER
    return DialogPlan(
        i,
        f"instruction-{i:06d}",
        Kind.INSTRUCTION,
        "instruction",
        scenario,
        split,
        seed,
        first,
        "",
        "",
        instance,
        traits,
    )


@pytest.fixture(scope="module")
def some() -> list[Written]:
    out = []
    for scenario in DOMAIN.scenarios:
        for i in range(8):
            plan = plan_of(scenario.name, i)
            made = write_instruction(DOMAIN, WriteRequest(plan, plan.seed), AgendaOptions(), Maker("a", "a", "", ""))
            assert isinstance(made, Transcript), made
            out.append((plan, made))
    return out


def test_the_gates_let_nearly_all_through(some: list[Written]) -> None:
    reasons = Counter(f.reason for p, t in some if (f := unit.check(t, p, WriteOptions())))
    assert sum(reasons.values()) <= 0.02 * len(some), reasons
    assert "constraint_broken" not in reasons


def test_some_are_changed_some_lifted_and_some_reminded(some: list[Written]) -> None:
    constraints = [json.loads(t.constraint) for _, t in some]
    changed = sum("then" in c for c in constraints)
    lifted = sum("until_turn" in c and "then" not in c for c in constraints)
    assert 0.05 < changed / len(some) < 0.4
    assert 0.05 < lifted / len(some) < 0.4
    assert {c["type"] for c in constraints} >= {"one_sentence", "yes_no_only", "spell_out", "say_name"}


def test_a_broken_turn_is_rejected_with_its_numbers(some: list[Written]) -> None:
    plan, made = next(
        (p, t) for p, t in some if json.loads(t.constraint)["type"] == "max_words" and "until" not in t.constraint
    )
    last = max(t.index for t in made.turns if t.speaker is Speaker.AGENT)
    long = " ".join(["word"] * 40) + "."
    turns = tuple(replace(t, text=long, marks=()) if t.index == last else t for t in made.turns)
    failure = unit.check(replace(made, turns=turns), plan, WriteOptions())
    assert failure is not None
    assert failure.reason == "constraint_broken"
    assert f"turn {last}" in failure.detail
    assert "40 words" in failure.detail
    missing = unit.check(replace(made, constraint=""), plan, WriteOptions())
    assert missing is not None
    assert missing.reason == "constraint_missing"


def test_what_is_put_in_later_breaks_none(some: list[Written]) -> None:
    options = WriteOptions(long_silence=LongSilenceOptions(share=1.0), sound_cue=SoundCueOptions(share=1.0))
    n_changed = 0
    for plan, made in some:
        if unit.check(made, plan, options) is None:
            spoken = unit.loosen(made, plan, options, spontaneous(()), plan.seed)
            assert unit.check(spoken, plan, options) is None
            n_changed += spoken.turns != made.turns
    assert n_changed > 50


def test_held_out_questions_stay_held_out() -> None:
    by_split = pools(DOMAIN.topics.questions, SHARES, f"scenario {DOMAIN.topics.name}")
    for split in Split:
        for scenario in DOMAIN.scenarios[:6]:
            instance = plan_of(scenario.name, 3, split).instance
            asked = {i.split("#")[0] for i in (*instance["items"], *instance["other_items"], *instance["free_items"])}
            assert asked
            assert all(by_split[q] is split for q in asked)


def test_the_folder_is_sound() -> None:
    assert DOMAIN.check() == []
