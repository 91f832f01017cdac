"""The gate on constraints: one has to hold in more than one turn of the agent's, and turns after it is lifted do not count."""

import json
from dataclasses import replace

import pytest
from write_samples import sample

from datagen.records.enums import Kind
from datagen.stages.write.instruction import kept
from datagen.stages.write.options import WriteOptions

LINES = [
    "U: Answer in one sentence from now on.", "A: Sure, one sentence.", "U: Why is the sky blue?", "A: Air scatters blue light most.",
    "U: Thanks. Talk freely again.", "A: Gladly. What else?", "U: That's all.", "A: Okay. Bye now.",
]  # fmt: skip


@pytest.mark.parametrize(("until", "reason"), [(4, ""), (2, "constraint_short")])
def test_turns_after_it_is_lifted_are_not_under_it(until: int, reason: str) -> None:
    made = sample("instruction-000001", LINES, "You are a wise teacher.", Kind.INSTRUCTION)
    constraint = json.dumps({"type": "one_sentence", "from_turn": 0, "until_turn": until})
    failure = kept(replace(made.transcript, constraint=constraint), made.plan, WriteOptions())
    assert (failure.reason if failure else "") == reason
