"""What both kinds of talk hold to, questions and answers as well as casual talk."""

from dataclasses import replace
from itertools import pairwise

import pytest
from talks import CASUAL, QA, Talk, variety

from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.protocols import Failure
from datagen.records.enums import MarkType, Speaker


@pytest.fixture(params=[QA, CASUAL], ids=["qa", "casual"])
def talk(request: pytest.FixtureRequest) -> Talk:
    found: Talk = request.param
    return found


def test_the_same_request_gives_the_same_transcript_in_any_order(talk: Talk) -> None:
    forward = [talk.write(i) for i in range(20)]
    assert [talk.write(i) for i in reversed(range(20))] == forward[::-1]


def test_turns_alternate_and_marks_fit(talk: Talk) -> None:
    seen = set()
    for i in range(300):
        plan, transcript = talk.plan(i), talk.write(i)
        turns = transcript.turns
        assert turns[0].speaker is plan.first_speaker
        assert all(a.speaker is not b.speaker for a, b in pairwise(turns))
        assert [t.index for t in turns] == list(range(len(turns)))
        assert sum(len(t.words) for t in turns) <= 260
        for turn in turns:
            assert turn.text == " ".join(turn.words)
            assert not set("<>{}[]*|") & set(turn.text)
            assert turn.text[0].isupper() or turn.text[0].isdigit()
            assert turn.text.endswith((".", "?", "!"))
            for mark in turn.marks:
                seen.add(mark.type)
                assert 0 <= mark.word < len(turn.words)
                assert (mark.type is MarkType.BACKCHANNEL) == bool(mark.text)
                if mark.type is MarkType.BARGE_IN:
                    assert turn.speaker is Speaker.AGENT
                    assert turn.index < len(turns) - 1
    assert seen == {MarkType.BACKCHANNEL, MarkType.BARGE_IN, MarkType.SAFE_CUT}


def test_without_cuts_only_listeners_are_marked(talk: Talk) -> None:
    still = AgendaOptions(barge_in_per_dialog=0, safe_cuts=False)
    marks = [m for i in range(60) for t in talk.write(i, still).turns for m in t.marks]
    assert {m.type for m in marks} == {MarkType.BACKCHANNEL}


def test_who_cuts_in_by_the_knob_finds_a_place(talk: Talk) -> None:
    def share(rate: float) -> float:
        options = AgendaOptions(barge_in_per_dialog=rate)
        cut = [
            any(m.type is MarkType.BARGE_IN for t in talk.write(i, options).turns for m in t.marks) for i in range(100)
        ]
        return sum(cut) / len(cut)

    assert share(0.0) == 0
    assert share(1.0) > 0.75


def test_a_plan_of_an_unknown_scenario_fails_by_itself(talk: Talk) -> None:
    plan = replace(talk.plan(1), scenario="nothing.here")
    result = talk.answer_to(plan)
    assert isinstance(result, Failure)
    assert "nothing.here" in result.detail


def test_three_hundred_dialogues_vary(talk: Talk) -> None:
    duplicates, near, distinct = variety(talk, 300)
    assert duplicates == 0
    assert near < 0.05
    assert distinct > 0.15


@pytest.mark.slow
def test_a_thousand_dialogues_vary(talk: Talk) -> None:
    duplicates, near, distinct = variety(talk, 1000)
    assert duplicates == 0
    assert near < 0.05
    assert distinct > 0.1
