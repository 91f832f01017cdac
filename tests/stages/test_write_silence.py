"""Long silences: who says what into them, and that the dialogue around stays what it was."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from write_samples import sample

from datagen.domains import load
from datagen.domains.phrasing import Dice
from datagen.domains.spontaneous import spontaneous
from datagen.engines.writers.agenda import AgendaOptions, AgendaWriter
from datagen.engines.writers.agenda.trial import trial_plan
from datagen.protocols import WriteRequest
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Mark, ToolCall, Transcript, Turn
from datagen.stages.write import edits, unit
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.silence import fall_silent
from datagen.stages.write.spontaneous_options import LongSilenceOptions
from datagen.store.ids import rng

TEXTS = spontaneous()


def options(share: float, check_in: float = 0.8, lead_in: float = 0.6, row: int = 2) -> WriteOptions:
    silence = LongSilenceOptions(share=share, check_in_share=check_in, lead_in_share=lead_in)
    return WriteOptions(long_silence=silence, max_turns_in_a_row=row)


@cache
def dialogs() -> list[tuple[DialogPlan, Transcript]]:
    domain = load("bank")
    names = [s.name for s in domain.scenarios]
    plans = [trial_plan(domain, names[i % len(names)], i) for i in range(80)]
    written = AgendaWriter(AgendaOptions()).write([WriteRequest(p, p.seed) for p in plans])
    return [(p, t) for p, t in zip(plans, written, strict=True) if isinstance(t, Transcript)]


def silent(share: float = 1.0, **more: float) -> list[tuple[DialogPlan, Transcript, Transcript]]:
    made = options(share, **more)  # type: ignore[arg-type]
    return [(p, t, fall_silent(t, made, TEXTS, Dice(rng(p.seed)))) for p, t in dialogs()]


def test_the_agent_checks_in_and_the_user_leads_in() -> None:
    n = 0
    for plan, before, after in silent(check_in=1.0):
        assert unit.check(after, plan, options(1.0)) is None
        if after is before:
            continue
        n += 1
        assert len(after.turns) == len(before.turns) + 1
        assert [t.index for t in after.turns] == list(range(len(after.turns)))
        (at,) = [t.index for t in after.turns if t.act == "check_in"]
        asked, check_in, answer = after.turns[at - 1 : at + 2]
        assert asked.speaker is check_in.speaker is Speaker.AGENT
        assert asked.text.endswith("?")
        assert asked.text == before.turns[at - 1].text
        assert check_in.marks == (Mark(MarkType.LONG_SILENCE, 0),)
        assert not any(m.type in (MarkType.BARGE_IN, MarkType.SAFE_CUT) for m in asked.marks)
        said = before.turns[at]
        assert answer.speaker is Speaker.USER
        assert answer.text.endswith(said.text)
        shift = len(answer.words) - len(said.words)
        assert [(m.word - shift, m.text) for m in answer.marks] == [(m.word, m.text) for m in said.marks]
    assert n > 70


def test_who_was_silent_then_merely_answers() -> None:
    for check_in in (0.0, 1.0):
        for _, before, after in silent(check_in=check_in):
            if after is before:
                continue
            at = next(t.index for t in after.turns if any(m.type is MarkType.LONG_SILENCE for m in t.marks))
            answer = next(t for t in after.turns[at:] if t.speaker is Speaker.USER)
            assert answer.type in (TurnType.ANSWER, TurnType.CONFIRMATION), answer
            assert not {"rude", "calm", "still_angry", "correct"} & set(answer.act.split("+"))


def test_a_lead_in_answers_the_check_in() -> None:
    for kind in TEXTS.check_ins:
        asked = [f for line in kind.agent for f in line.forms()]
        said = [f for line in kind.user for f in line.forms()]
        if any("everything" in f for f in asked):
            assert all("everything" in f for f in asked)
            assert not any("here" in f or "hear" in f for f in said)
        if any("hear me" in f for f in asked):
            assert all("hear me" in f for f in asked)
            assert not any("fine," in f or "here." in f for f in said)
        if kind.looking:
            assert len({f.endswith("?") or "?" in f for f in asked}) == 1


def test_without_a_check_in_the_users_turn_bears_the_mark() -> None:
    leads = 0
    for plan, before, after in silent(check_in=0.0):
        assert unit.check(after, plan, options(1.0)) is None
        assert len(after.turns) == len(before.turns)
        for a, b in zip(before.turns, after.turns, strict=True):
            if any(m.type is MarkType.LONG_SILENCE for m in b.marks):
                assert b.speaker is Speaker.USER
                assert b.text.endswith(a.text)
                leads += a.text != b.text
    assert 20 < leads < 80


def test_shares_are_kept() -> None:
    assert all(after is before for _, before, after in silent(0.0))
    assert 15 < sum(after is not before for _, before, after in silent(0.4)) < 50


def test_where_one_turn_is_all_that_a_speaker_may_take_nobody_checks_in() -> None:
    for _, before, after in silent(check_in=1.0, row=1):
        assert len(after.turns) == len(before.turns)
        assert all(a.speaker is not b.speaker for a, b in pairwise(after.turns))


def test_nobody_says_yes_twice() -> None:
    lines = [
        "A: Bank, Dana here.",
        "U: Hi.",
        "A: Is it the card?",
        "U: Yes, it is.",
        "A: Okay.",
        "U: Right.",
        "A: Bye.",
    ]
    s = sample("x-1", lines, "You work for X.")
    for seed in range(40):
        after = fall_silent(s.transcript, options(1.0, check_in=1.0), TEXTS, Dice(rng(seed)))
        assert after.turns[4].text.lower().count("yes") == 1, after.turns[4].text


@pytest.mark.parametrize("marks", [(Mark(MarkType.BARGE_IN, 1),), (Mark(MarkType.LONG_SILENCE, 0),)])
def test_a_question_that_is_cut_is_no_place(marks: tuple[Mark, ...]) -> None:
    lines = ["A: Bank, Dana here.", "U: Hi.", "A: Is it the card?", "U: It is.", "A: Okay.", "U: Right.", "A: Bye."]
    s = sample("x-1", lines, "You work for X.")
    turns = tuple(replace(t, marks=marks) if t.index == 2 else t for t in s.transcript.turns)
    transcript = replace(s.transcript, turns=turns)
    assert fall_silent(transcript, options(1.0), TEXTS, Dice(rng(1))) is transcript


def test_a_turn_put_in_moves_the_results_of_tools_behind_it() -> None:
    call = ToolCall("find", "{}", "{}", word=1, result_turn=3)
    turns = [Turn(i, list(Speaker)[i % 2], "Let me look that up.", calls=(call,) if i == 0 else ()) for i in range(4)]
    put_in = [*turns[:2], Turn(2, Speaker.AGENT, "Still there?"), *turns[2:]]
    new = edits.renumbered(put_in, 2)
    assert [t.index for t in new] == [0, 1, 2, 3, 4]
    assert new[0].calls[0].result_turn == 4
    led = edits.put_in(new[0], 0, "Oh, a siren.")
    assert (led.words[led.calls[0].word], new[0].words[1]) == ("me", "me")
