"""Tool calls and constraints of a build's rows: sound ones are let through, each fault is named."""

import json

import pytest

from datagen.check.calls import check_calls, check_constraint

TOOL = {
    "name": "find", "description": "Finds it.", "parameters": {"a": {"type": "integer", "required": True}},
    "returns": {"b": {"type": "string", "required": True}},
}  # fmt: skip
WORDS = [
    {"word": w, "spoken": w, "start_s": s, "end_s": s + 0.4, "heard": "yes"}
    for w, s in (("One", 0.1), ("moment.", 0.6))
]
CALL = {"name": "find", "arguments": '{"a":1}', "result": '{"b":"x"}', "call_s": 1.0, "result_s": 2.5, "result_turn": 2}


def rows(**changes: object) -> list[dict[str, object]]:
    call = {**CALL, **changes}
    return [
        {
            "turn": 0,
            "speaker": "agent",
            "text": "One moment.",
            "start_s": 0.0,
            "end_s": 1.0,
            "words": WORDS,
            "tool_calls": [call],
        },
        {"turn": 1, "speaker": "user", "text": "Okay.", "start_s": 1.2, "end_s": 1.6, "words": [], "tool_calls": []},
        {"turn": 2, "speaker": "agent", "text": "It's x.", "start_s": 2.8, "end_s": 4.0, "words": [], "tool_calls": []},
    ]


def dialog(**changes: object) -> dict[str, object]:
    instance = json.dumps({"tools": [TOOL]})
    return {"kind": "tool", "n_tool_calls": 1, "duration_s": 5.0, "instance": instance, "constraint": None, **changes}


def test_a_sound_call_is_let_through() -> None:
    assert list(check_calls(rows(), dialog())) == []
    assert list(check_constraint(rows(), dialog())) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"name": "seek"}, "calls 'seek'"),
        ({"arguments": "nothing"}, "arguments are no JSON object"),
        ({"arguments": '{"a":"1"}'}, "which is no integer"),
        ({"result": "{}"}, "lack b"),
        ({"call_s": 3.0}, "answered at"),
        ({"result_s": 2.9}, "spoken from 2.800"),
        ({"call_s": -1.0}, "made at -1.000"),
        ({"call_s": 0.7}, "no word"),
        ({"result_turn": 1}, "result_turn is 1"),
        ({"result_turn": 9}, "result_turn is 9"),
    ],
)
def test_each_fault_of_a_call_is_named(changes: dict[str, object], what: str) -> None:
    assert any(what in found for _, found in check_calls(rows(**changes), dialog()))


def test_calls_have_to_be_counted_and_of_their_kind() -> None:
    assert any("n_tool_calls is 3" in w for _, w in check_calls(rows(), dialog(n_tool_calls=3)))
    assert any("calls 1 tools" in w for _, w in check_calls(rows(), dialog(kind="service")))


def test_a_constraint_is_held_to_its_turns() -> None:
    kept = json.dumps({"type": "max_words", "n": 3, "from_turn": 1})
    assert list(check_constraint(rows(), dialog(kind="instruction", constraint=kept))) == []
    broken = json.dumps({"type": "end_question", "from_turn": 1})
    assert [w for w, _ in check_constraint(rows(), dialog(kind="instruction", constraint=broken))] == ["turn 2"]
    assert list(check_constraint(rows(), dialog(kind="instruction")))
    assert list(check_constraint(rows(), dialog(constraint=kept)))
