"""The gate on tool calls, against one dialogue and what may be wrong with it."""

from dataclasses import replace

import pytest

from datagen.domains import load
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.service import write_service
from datagen.engines.writers.agenda.trial import trial_plan
from datagen.protocols import WriteRequest
from datagen.records.enums import Kind, MarkType
from datagen.records.maker import Maker
from datagen.records.transcript import Mark, ToolCall, Transcript, Turn
from datagen.stages.write import grounding
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.tools import called

DOMAIN = load("bank")
PLAN = trial_plan(DOMAIN, "dispute_charge", 2, kind=Kind.TOOL)
GOOD = write_service(
    DOMAIN, WriteRequest(PLAN, PLAN.seed), AgendaOptions(barge_in_per_dialog=0.0), Maker("a", "a", "", "")
)
assert isinstance(GOOD, Transcript)
AT = next(t.index for t in GOOD.turns if t.calls)
CALL = GOOD.turns[AT].calls[0]


def reason(transcript: Transcript) -> str:
    failure = called(transcript, PLAN, WriteOptions())
    return failure.reason if failure else ""


def with_turn(turn: Turn) -> Transcript:
    assert isinstance(GOOD, Transcript)
    return replace(GOOD, turns=tuple(turn if t.index == turn.index else t for t in GOOD.turns))


def with_call(**changes: object) -> Transcript:
    assert isinstance(GOOD, Transcript)
    return with_turn(replace(GOOD.turns[AT], calls=(replace(CALL, **changes),)))  # type: ignore[arg-type]


def test_a_good_dialogue_passes() -> None:
    assert reason(GOOD) == ""
    assert CALL.name == "find_payment"


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ("tool_schema", {"name": "find_weather"}),
        ("tool_schema", {"arguments": "[]"}),
        ("tool_schema", {"arguments": '{"amount": "much"}'}),
        ("tool_schema", {"arguments": '{"colour": "red"}'}),
        ("tool_schema", {"result": '{"date": 3}'}),
        ("tool_schema", {"result": "not JSON"}),
        ("tool_place", {"word": 0}),
        ("tool_place", {"word": 999}),
        ("tool_place", {"result_turn": AT}),
        ("tool_place", {"result_turn": AT + 1000}),
        ("tool_ungrounded", {"arguments": '{"amount": 123456.75}'}),
        ("tool_ungrounded", {"arguments": '{"merchant": "Elsewhere Bookshop Limited"}'}),
        ("tool_unspoken", {"result": '{"date": "January 1st, 1901"}'}),
    ],
)
def test_what_is_wrong_has_its_reason(wanted: str, changes: dict[str, object]) -> None:
    assert reason(with_call(**changes)) == wanted


@pytest.mark.parametrize("mark", [MarkType.BARGE_IN, MarkType.SAFE_CUT])
def test_a_cut_before_the_call_leaves_it_uncalled(mark: MarkType) -> None:
    assert isinstance(GOOD, Transcript)
    assert reason(with_turn(replace(GOOD.turns[AT], marks=(Mark(mark, CALL.word),)))) == "tool_place"


def test_a_phrase_that_does_not_hold_is_none() -> None:
    assert isinstance(GOOD, Transcript)
    turn = replace(GOOD.turns[AT], text="You have a lovely voice.", calls=(replace(CALL, word=4),), marks=())
    assert reason(with_turn(turn)) == "tool_place"


def test_calls_belong_to_kind_tool_alone() -> None:
    assert isinstance(GOOD, Transcript)
    bare = replace(GOOD, turns=tuple(replace(t, calls=()) for t in GOOD.turns))
    assert reason(bare) == "tool_missing"
    service = trial_plan(DOMAIN, "dispute_charge", 2)
    failure = called(GOOD, service, WriteOptions())
    assert failure is not None
    assert failure.reason == "tool_kind"
    assert called(bare, service, WriteOptions()) is None


def test_the_agent_may_say_a_result_once_it_is_there_and_not_before() -> None:
    assert isinstance(GOOD, Transcript)
    options = WriteOptions()
    assert grounding.grounded(GOOD, PLAN, options) is None
    late = tuple(
        replace(t, calls=tuple(replace(c, result_turn=len(GOOD.turns) - 1) for c in t.calls)) for t in GOOD.turns
    )
    failure = grounding.grounded(replace(GOOD, turns=late), PLAN, options)
    assert failure is not None
    assert failure.reason.startswith("ungrounded_")


def test_numbers_of_a_result_may_be_said_as_money() -> None:
    text = "Let me check that, one moment."
    call = ToolCall("find_payment", "{}", '{"limit": 1500}', 5, 1)
    turns = (Turn(0, CALL_SIDE, text, calls=(call,)), Turn(1, CALL_SIDE, "The limit is $1,500."))
    assert isinstance(GOOD, Transcript)
    assert reason(replace(GOOD, turns=turns)) == ""


CALL_SIDE = GOOD.turns[AT].speaker
