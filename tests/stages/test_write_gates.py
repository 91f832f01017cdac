"""The gates of the write stage: what they let through, what they reject, with which reason and how fast."""

from dataclasses import replace

import pytest
from write_samples import Sample, sample, samples

from datagen.records.enums import Kind, MarkType, Speaker
from datagen.records.transcript import Mark
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.unit import check

OPTIONS = WriteOptions()
BANK = "You work for Riverside Bank which is a retail bank and your name is Dana. Information: the fee is $35.00."
ALL = [*samples("tuned"), *samples("held_out")]


def fault(s: Sample, options: WriteOptions = OPTIONS) -> str:
    failure = check(s.transcript, s.plan, options)
    return failure.reason if failure else ""


@pytest.mark.parametrize("s", ALL, ids=lambda s: s.transcript.dialog_id)
def test_judges_the_dialogue_right(s: Sample) -> None:
    assert fault(s) == s.fault


def test_the_sets_are_large_enough_to_mean_something() -> None:
    assert sum(not s.fault for s in ALL) >= 25
    assert sum(bool(s.fault) for s in ALL) >= 25


def test_says_what_where_and_why() -> None:
    s = sample("bank-000412", ["A: Riverside Bank, Dana here.", "U: And the fee?", "A: It is $45.00."], BANK)
    failure = check(s.transcript, s.plan, OPTIONS)
    assert failure is not None
    assert (
        failure.detail
        == "bank-000412 turn 2: the agent says $45.00, which is in neither the role context nor what the user said."
    )


def test_general_knowledge_of_a_teacher_is_free_by_default() -> None:
    s = next(s for s in ALL if s.plan.kind is Kind.QA)
    assert fault(s) == ""
    assert fault(s, WriteOptions(grounded_kinds=(Kind.QA,))).startswith("ungrounded_")


GOOD = ["A: Riverside Bank, Dana here.", "U: Hi, what is the fee for that?", "A: It's thirty-five dollars."]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["A: Riverside Bank, Dana here, hello and welcome."], "too_few_turns"),
        (["A: Riverside Bank, Dana here.", "A: Are you there, hello, hello?"], "one_speaker"),
        (["A: Riverside Bank.", "U: ", "A: Hello, is anybody there at all today?"], "empty_turn"),
        (["A: Hi.", "U: Hi.", "A: One.", "A: Well.", "A: So how can I help you?"], "same_speaker"),
        (["A: Hi.", "U: Hi."], "short_dialog"),
        (["A: Riverside Bank, Dana here.", "U: Hi 🙂, what is the fee for that?"], "leak_script"),
        (["A: Riverside Bank, Dana here.", "U: Привет, what is the fee for that?"], "leak_script"),
        (["A: Riverside Bank, Dana here.", "U: So — what is the fee for that?"], "leak_unsayable"),
        (["A: Riverside Bank, Dana here.", "U: So what is **the fee** for that?"], "leak_markdown"),
        (["A: Riverside Bank, Dana here.", "U: I am [angry] about the fee for that."], "leak_direction"),
        (["A: Riverside Bank, Dana here.", "U: Mail me at jo_ann@example.com, will you?"], ""),
        (["A: Riverside Bank, Dana here.", "U: Is it (212) 555-0142 that you call me at?"], ""),
        (["A: Riverside Bank, Dana here.", "U: Listen: the fee is far too high for me."], ""),
        (["A: Riverside Bank, Dana here.", "U: Caller: the fee is far too high for me."], "leak_speaker"),
        (["A: Riverside Bank, Dana here.", "U: My card " + "really " * 60], "long_turn"),
        (["A: Riverside Bank, Dana here.", "U: 74074. That's my zip code, and the number is 12."], ""),
        (["A: Riverside Bank, Dana here.", "U: 1. The fee is far too high for me."], "leak_markdown"),
        (GOOD, ""),
    ],
)
def test_form(lines: list[str], reason: str) -> None:
    assert fault(sample("x-1", lines, BANK)) == reason


def marked(*marks: Mark, turn: int = 0) -> Sample:
    s = sample("x-1", GOOD, BANK)
    turns = tuple(replace(t, marks=marks) if t.index == turn else t for t in s.transcript.turns)
    return replace(s, transcript=replace(s.transcript, turns=turns))


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (Mark(MarkType.BARGE_IN, 2), ""),
        (Mark(MarkType.PAUSE, 0), ""),
        (Mark(MarkType.BARGE_IN, 0), "mark_range"),
        (Mark(MarkType.SAFE_CUT, 4), "mark_range"),
        (Mark(MarkType.PAUSE, -1), "mark_range"),
        (Mark(MarkType.BACKCHANNEL, 1), "mark_text"),
        (Mark(MarkType.BACKCHANNEL, 1, "mhm"), ""),
        (Mark(MarkType.BACKCHANNEL, 1, "*nods*"), "leak_direction"),
    ],
)
def test_marks(mark: Mark, reason: str) -> None:
    assert fault(marked(mark)) == reason


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (Mark(MarkType.FILLER, 0, "Hi,"), ""),
        (Mark(MarkType.FILLER, 1, "what is"), ""),
        (Mark(MarkType.REPETITION, 1, "what was"), "mark_text"),
        (Mark(MarkType.CORRECTION, 6, "that? please"), "mark_text"),
        (Mark(MarkType.FILLER, 0), "mark_text"),
        (Mark(MarkType.LONG_SILENCE, 0), ""),
        (Mark(MarkType.LONG_SILENCE, 1), "mark_range"),
        (Mark(MarkType.SOUND, 3, "door_slam"), ""),
        (Mark(MarkType.SOUND, 3), "mark_text"),
        (Mark(MarkType.SOUND, 3, "A siren"), "mark_text"),
        (Mark(MarkType.SOUND, 7, "siren"), "mark_range"),
        (Mark(MarkType.SIDE_TALK, 2, "Not now, please."), ""),
        (Mark(MarkType.SIDE_TALK, 2), "mark_text"),
        (Mark(MarkType.FAILED_BARGE_IN, 2, "Wait, but"), "mark_side"),
    ],
)
def test_marks_of_the_user(mark: Mark, reason: str) -> None:
    assert fault(marked(mark, turn=1)) == reason


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (Mark(MarkType.FAILED_BARGE_IN, 2, "Wait, but"), ""),
        (Mark(MarkType.FAILED_BARGE_IN, 2), "mark_text"),
        (Mark(MarkType.FAILED_BARGE_IN, 2, "[sighs]"), "leak_direction"),
        (Mark(MarkType.SOUND, 1, "siren"), "mark_side"),
        (Mark(MarkType.SIDE_TALK, 1, "Not now, please."), "mark_side"),
        (Mark(MarkType.LONG_SILENCE, 0), ""),
    ],
)
def test_marks_of_the_agent(mark: Mark, reason: str) -> None:
    assert fault(marked(mark)) == reason


def test_what_a_cut_left_unheard_may_be_said_again() -> None:
    told = "The fee is waived for every new account this year."
    lines = [f"A: Sure. {told} {told}", "U: Which ones are new?", f"A: All of this month's. {told} And {told.lower()}"]
    s = sample("x-1", lines, BANK)
    assert fault(s) == "repetition"
    cut = replace(s.transcript.turns[0], marks=(Mark(MarkType.BARGE_IN, 2),))
    assert fault(replace(s, transcript=replace(s.transcript, turns=(cut, *s.transcript.turns[1:])))) == ""


def test_a_cut_turn_is_followed_by_the_one_who_cut_it() -> None:
    s = sample(
        "x-1", ["A: Riverside Bank, Dana here.", "A: Who is calling today?", "U: It is me, about the fee."], BANK
    )
    turns = s.transcript.turns
    cut = replace(turns[0], marks=(Mark(MarkType.BARGE_IN, 2),))
    assert fault(replace(s, transcript=replace(s.transcript, turns=(cut, *turns[1:])))) == "barge_in"


def test_the_plan_says_who_speaks_first() -> None:
    s = sample("x-1", GOOD, BANK)
    assert fault(replace(s, plan=replace(s.plan, first_speaker=Speaker.USER))) == "first_speaker"
    assert fault(replace(s, plan=replace(s.plan, dialog_id="x-2"))) == "wrong_dialog"
