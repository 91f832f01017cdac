"""Recorded replies through the reader and the gates: each ends as its file says."""

import pytest
from recorded import GPT, QWEN, Recorded, of, recorded

from datagen.protocols import Failure
from datagen.records.enums import Kind, MarkType, Tag, TurnType
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions

KINDS = (Kind.SERVICE, Kind.QA, Kind.CASUAL, Kind.TOOL, Kind.INSTRUCTION)


def named(name: str) -> Transcript:
    found = next(r for r in recorded() if r.name == name).read()
    assert isinstance(found, Transcript)
    return found


@pytest.mark.parametrize("reply", recorded(), ids=lambda r: r.name)
def test_a_reply_ends_as_its_file_says(reply: Recorded) -> None:
    found = reply.read()
    by, failure = (
        ("reader", found) if isinstance(found, Failure) else ("gate", unit.check(found, reply.plan, WriteOptions()))
    )
    got = (failure.reason, by) if isinstance(failure, Failure) else ("good", "")
    assert got == (reply.expect, reply.by), failure


def test_there_are_good_and_bad_ones_of_every_kind_and_of_both_model_families() -> None:
    assert len(recorded()) >= 40
    for kind in KINDS:
        assert of(kind)
        assert any(r.by for r in recorded() if r.kind is kind)
    assert {(r.model, bool(r.by)) for r in recorded()} == {(m, bad) for m in (QWEN, GPT) for bad in (True, False)}


def test_delivery_becomes_tags_and_marks_on_plain_words() -> None:
    turns = named("service-qwen-plain").turns
    assert turns[1].tags == (Tag.ANXIOUS,)
    assert turns[6].text.endswith("It takes 10 business days, and the reference is D41-7733.")
    assert [(m.type, turns[6].words[m.word]) for m in turns[6].marks] == [(MarkType.BARGE_IN, "and")]
    assert turns[11].text_tagged == "[sigh] Okay. Thanks for your help."
    bikes = named("service-qwen-fenced").turns
    assert [(m.type, m.text, bikes[8].words[m.word]) for m in bikes[8].marks] == [
        (MarkType.BACKCHANNEL, "mhm", "days,")
    ]
    assert [(m.type, bikes[3].words[m.word]) for m in bikes[3].marks] == [(MarkType.PAUSE, "555-0177.")]


def test_turns_have_types() -> None:
    kinds = [t.type for t in named("service-qwen-plain").turns]
    assert kinds[0] is TurnType.GREETING
    assert kinds[2] is TurnType.QUESTION
    assert kinds[3] is TurnType.ANSWER
    assert kinds[5] is TurnType.CONFIRMATION
    assert kinds[-1] is TurnType.CLOSING
    assert named("tool-qwen-plain").turns[6].type is TurnType.AFTER_LOOKUP


def test_declared_facts_are_kept_where_they_were_said_and_given() -> None:
    facts = named("service-qwen-plain").facts_used
    assert "D41-7733" in facts
    assert "10 business days" in facts
    assert "555-0199" not in facts


@pytest.mark.parametrize("name", ["tool-qwen-plain", "tool-gpt-openai-shape", "tool-qwen-number-as-text"])
def test_a_call_is_the_plans_and_stands_at_the_holding_phrase(name: str) -> None:
    turns = named(name).turns
    ((index, call),) = [(t.index, c) for t in turns for c in t.calls]
    assert (call.name, call.arguments) == ("find_repair", '{"ticket":"R-2041"}')
    assert call.result == '{"status":"waiting for a part","total":310.5}'
    assert call.word == len(turns[index].words) - 1
    assert call.result_turn > index
    assert "$310.50" in turns[call.result_turn].text


def test_a_rule_holds_from_the_turn_that_sets_it() -> None:
    assert named("instruction-qwen-plain").constraint == '{"from_turn":1,"n":12,"type":"max_words"}'


def test_reasoning_never_reaches_the_text() -> None:
    said = " ".join(t.text for t in named("service-qwen-reasoning-first").turns)
    assert "$120" not in said
    assert "$86.50" in said
