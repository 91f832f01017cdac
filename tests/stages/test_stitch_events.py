"""What happens besides turns: attempts, side talk, silences, disfluencies, each realised, labelled and as often as asked."""

import itertools
from collections import Counter
from typing import get_args

import numpy as np
import pytest
from stitch_factories import LEVEL, TONE_HZ, clips, plan, turn

from datagen.audio.levels import rms_db
from datagen.records.enums import EventType, MarkType, Speaker, TurnType
from datagen.records.speech import SAMPLE_RATE_HZ, SpokenDialog, SpokenTurn
from datagen.records.timeline import Event, StitchedDialog, Timeline
from datagen.records.transcript import Mark
from datagen.stages.stitch.asides import no_clips
from datagen.stages.stitch.keywords import is_key
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.spread import Spread, spread
from datagen.stages.stitch.unit import stitch

AGENT, USER = Speaker.AGENT, Speaker.USER
WORDS = [0.25] * 12
QUIET = {
    "backchannel": {"user_per_min": 0, "agent_per_min": 0},
    "failed_barge_in": {"per_min": 0},
    "side_talk": {"share": 0},
}


def made(*turns: SpokenTurn, seed: int = 0, index: int = 0, bank=clips, **tables) -> StitchedDialog:
    options = StitchOptions.model_validate({**QUIET, **tables})
    result = stitch(plan(index), SpokenDialog("d", turns), options, np.random.default_rng(seed), 0, bank)
    assert isinstance(result, StitchedDialog), result
    return result


def events(line: Timeline, kind: EventType) -> list[Event]:
    return [e for t in line.turns for e in t.events if e.type is kind]


def talk(n: int = 12, n_words: int = 12) -> list[SpokenTurn]:
    return [turn(i, list(Speaker)[i % 2], [0.25] * n_words, gap_s=0.02, clause=3) for i in range(n)]


def sound(result: StitchedDialog, event: Event) -> np.ndarray:
    return result.channels[event.channel, round(event.start_s * SAMPLE_RATE_HZ) : round(event.end_s * SAMPLE_RATE_HZ)]


def test_a_failed_barge_in_is_heard_over_the_agent_who_goes_on():
    first = turn(0, AGENT, WORDS, marks=[Mark(MarkType.FAILED_BARGE_IN, 4, "but wait")])
    result = made(first, turn(1, USER, WORDS))
    line = result.timeline
    (event,) = events(line, EventType.FAILED_BARGE_IN)
    assert (event.channel, event.target_turn, event.attrs["text"]) == (1, 0, "but wait")
    assert event.attrs["marked"] is True
    assert 0 <= event.start_s - line.turns[0].words[4].start_s <= 0.15 + 0.011
    assert line.turns[0].unheard_text == ""
    assert sum(w.start_s > event.end_s for w in line.turns[0].words) >= 3
    assert event.attrs["overlap_s"] == pytest.approx(event.end_s - event.start_s, abs=1e-3)
    assert rms_db(sound(result, event)) == pytest.approx(rms_db(first.speech.audio), abs=0.5)
    assert [w.word for w in line.aside_words[1]] == ["wa", "wb"]


def test_side_talk_in_ones_own_turn_lies_in_a_pause_in_which_the_agent_is_silent():
    first = turn(0, USER, WORDS, marks=[Mark(MarkType.SIDE_TALK, 5, "not now")])
    result = made(first, turn(1, AGENT, WORDS))
    line = result.timeline
    (event,) = events(line, EventType.SIDE_TALK)
    (pause,) = events(line, EventType.PAUSE)
    assert (event.channel, event.target_turn, event.attrs["overlap_s"]) == (1, 0, 0)
    assert pause.start_s + 0.25 <= event.start_s < event.end_s <= pause.end_s - 0.25
    assert line.turns[0].words[4].end_s <= pause.start_s < pause.end_s <= line.turns[0].words[5].start_s
    a, b = (round(t * SAMPLE_RATE_HZ) for t in (pause.start_s, pause.end_s))
    assert not result.channels[0, a:b].any()
    assert rms_db(sound(result, event)) == pytest.approx(rms_db(first.speech.audio) - 8, abs=0.3)


def test_side_talk_over_the_agent_does_not_stop_it():
    result = made(*talk(4), side_talk={"share": 1, "over_agent_share": 1})
    (event,) = events(result.timeline, EventType.SIDE_TALK)
    target = result.timeline.turns[event.target_turn]
    assert target.speaker is AGENT
    assert target.unheard_text == ""
    assert target.start_s < event.start_s < event.end_s < target.end_s


def test_side_talk_cannot_be_the_agents_and_needs_words_on_both_sides():
    marks = [Mark(MarkType.SIDE_TALK, 3, "not now")]
    line = made(
        turn(0, AGENT, WORDS, marks=marks), turn(1, USER, WORDS, marks=[Mark(MarkType.SIDE_TALK, 0, "no")])
    ).timeline
    assert line.n_marks_dropped == 2
    assert not events(line, EventType.SIDE_TALK)


@pytest.mark.parametrize(("side", "checks_in"), [(AGENT, True), (USER, False)])
def test_a_long_silence_comes_before_the_users_turn_or_the_check_in(side, checks_in):
    silent = turn(1, side, WORDS, marks=[Mark(MarkType.LONG_SILENCE, 0)])
    result = made(turn(0, AGENT, WORDS), silent, turn(2, side.other, WORDS))
    line = result.timeline
    (event,) = events(line, EventType.LONG_SILENCE)
    assert (event.channel, event.target_turn, event.attrs["checks_in"]) == (1, 1, checks_in)
    assert (event.start_s, event.end_s) == (line.turns[0].end_s, line.turns[1].start_s)
    assert 5 <= event.end_s - event.start_s <= 30
    a, b = (round(t * SAMPLE_RATE_HZ) for t in (event.start_s, event.end_s))
    assert not result.channels[:, a:b].any()


def test_disfluencies_and_cue_sounds_are_labelled_at_their_words():
    marks = [Mark(MarkType.FILLER, 2, "wc"), Mark(MarkType.CORRECTION, 4, "we wf wg"), Mark(MarkType.SOUND, 9, "siren")]
    first = made(turn(0, USER, WORDS, marks=marks), turn(1, AGENT, WORDS)).timeline.turns[0]
    filler, correction = (e for e in first.events if e.type is EventType.DISFLUENCY)
    assert (filler.attrs["kind"], filler.attrs["text"]) == ("filler", "wc")
    assert (filler.start_s, filler.end_s) == (first.words[2].start_s, first.words[2].end_s)
    assert (correction.start_s, correction.end_s) == (first.words[4].start_s, first.words[6].end_s)
    (cue,) = (e for e in first.events if e.type is EventType.SOUND)
    assert (cue.start_s, cue.end_s, cue.channel) == (first.words[9].start_s, first.words[9].start_s, 1)
    assert cue.attrs == {"sound": "siren", "cue": True}


def test_what_was_marked_behind_a_cut_never_happens():
    marks = [Mark(MarkType.BARGE_IN, 4), Mark(MarkType.FILLER, 9, "wj"), Mark(MarkType.FAILED_BARGE_IN, 8, "but")]
    line = made(turn(0, AGENT, WORDS, marks=marks), turn(1, USER, WORDS)).timeline
    assert [e.type for e in line.turns[0].events] == [EventType.BARGE_IN]


def test_the_agent_interrupts_only_by_its_share_and_only_users():
    rambling = turn(0, USER, [0.25] * 20, marks=[Mark(MarkType.SAFE_CUT, 10)])
    turns = (rambling, turn(1, AGENT, WORDS, marks=[Mark(MarkType.SAFE_CUT, 6)]), turn(2, USER, WORDS))
    assert not events(made(*turns).timeline, EventType.AGENT_INTERRUPTION)
    line = made(*turns, agent_interruption={"share": 1}).timeline
    (event,) = events(line, EventType.AGENT_INTERRUPTION)
    assert (event.channel, event.target_turn, event.attrs["word"], event.attrs["sampled"]) == (0, 0, 10, True)
    assert event.attrs["position"] == 0.5
    assert not events(line, EventType.BARGE_IN)


def test_rates_are_met_over_a_build_and_spread_over_its_dialogues():
    """200 dialogues: each rate within 5 % of what was asked, over the minutes of turns with a place for one."""
    asked = {
        (EventType.BACKCHANNEL, USER): 4.0,
        (EventType.BACKCHANNEL, AGENT): 3.0,
        (EventType.FAILED_BARGE_IN, USER): 1.0,
    }
    tables = {
        "backchannel": {"user_per_min": 4, "agent_per_min": 3}, "failed_barge_in": {"per_min": 1},
        "side_talk": {"share": 0.3},
    }  # fmt: skip
    found, said_min, with_side_talk = Counter(), Counter(), 0
    turns = talk()
    for index in range(200):
        line = made(*turns, seed=index, index=index, **tables).timeline
        said_min[EventType.BACKCHANNEL, USER] += line.room.user_backchannel_s / 60
        said_min[EventType.BACKCHANNEL, AGENT] += line.room.agent_backchannel_s / 60
        said_min[EventType.FAILED_BARGE_IN, USER] += line.room.failed_barge_in_s / 60
        for t in line.turns:
            found.update((e.type, list(Speaker)[e.channel]) for e in t.events)
        with_side_talk += any(events(line, EventType.SIDE_TALK))
    for (kind, side), per_min in asked.items():
        assert found[kind, side] / said_min[kind, side] == pytest.approx(per_min, rel=0.05)
    assert with_side_talk / 200 == pytest.approx(0.3, rel=0.05)


def test_backchannels_keep_off_beginnings_ends_and_numbers():
    for seed, index in itertools.product(range(3), range(10)):
        line = made(*talk(), seed=seed, index=index, backchannel={"user_per_min": 12, "agent_per_min": 12}).timeline
        for event in events(line, EventType.BACKCHANNEL):
            target = line.turns[event.target_turn]
            assert 2 <= event.attrs["word"] <= len(target.words) - 3
            assert event.end_s <= target.words[-1].start_s
            assert event.attrs["text"] in ("mm", "hm")


def test_nobody_makes_themselves_heard_where_a_word_is_searched_for_or_a_question_asked():
    """Commas stand everywhere; only the first turn has a place, and a silence waits for the last."""
    many = {"user_per_min": 30, "agent_per_min": 30, "apart_s": 0, "clear_s": 0}
    plain = turn(0, AGENT, [0.25] * 12, clause=6)
    hesitant = turn(
        1, USER, [0.25] * 12, clause=6, marks=[Mark(MarkType.FILLER, 4, "we wf,"), Mark(MarkType.BACKCHANNEL, 5, "mm")]
    )
    greeting = turn(2, AGENT, [0.25] * 12, TurnType.GREETING, clause=6)
    waited_for = turn(3, AGENT, [0.25] * 12, clause=6, marks=[Mark(MarkType.LONG_SILENCE, 0)])
    line = made(plain, hesitant, greeting, waited_for, backchannel=many, fto={"overlap_share": 0}).timeline
    assert [(e.target_turn, e.attrs["word"]) for e in events(line, EventType.BACKCHANNEL)] == [(0, 5)]


def test_names_and_numbers_are_what_nobody_talks_over():
    words = [
        "Hi,",
        "I",
        "said",
        "it's",
        "Dana",
        "Norris.",
        "She",
        "paid",
        "$45",
        "on",
        "Main",
        "Street,",
        "and",
        "I'm",
        "sure.",
    ]
    assert [w for i, w in enumerate(words) if is_key(words, i)] == ["Dana", "Norris.", "$45", "Main", "Street,"]


def test_without_a_bank_nothing_is_sampled_and_marks_say_their_own():
    said = [*talk(2), turn(2, AGENT, WORDS, marks=[Mark(MarkType.BACKCHANNEL, 6, "yes")]), turn(3, USER, WORDS)]
    line = made(*said, bank=no_clips, backchannel={"user_per_min": 30, "agent_per_min": 30, "apart_s": 0}).timeline
    assert [e.attrs["text"] for e in events(line, EventType.BACKCHANNEL)] == ["yes"]


def test_the_agents_latency_moves_its_own_turns_and_is_told():
    fixed = {"timing": "fixed", "fto": {"pair_share": 0, "speaker_share": 0}}
    lines = [made(*talk(), index=i, **fixed, agent_latency_s=(0.1, 0.5)).timeline for i in range(40)]
    told = [line.agent_latency_s for line in lines]
    for line in lines:
        ftos = {s: {round(t.fto_s, 3) for t in line.turns[1:] if t.speaker is s} for s in Speaker}
        assert ftos[USER] == {0.64}
        assert ftos[AGENT] == {round(line.agent_latency_s, 3)}
    # Evenly spread: a tenth of the range holds a tenth of the dialogues.
    counts, _ = np.histogram(told, 5, (0.74, 1.14))
    assert counts.min() >= 7


def test_numbers_spread_by_index_fill_0_to_1_evenly_and_apart_from_one_another():
    names = get_args(Spread)
    rows = {name: np.array([spread(i, name) for i in range(200)]) for name in names}
    for row in rows.values():
        counts, _ = np.histogram(row, 10, (0, 1))
        assert counts.min() >= 16
        assert counts.max() <= 24
    for left, right in itertools.combinations(names, 2):
        assert abs(np.corrcoef(rows[left], rows[right])[0, 1]) < 0.2


def test_asides_have_soft_edges():
    first = turn(0, AGENT, WORDS, marks=[Mark(MarkType.FAILED_BARGE_IN, 4, "but wait")])
    channel = made(first, turn(1, USER, WORDS)).channels[1]
    own_step = 2 * LEVEL * np.sin(np.pi * TONE_HZ[USER] / SAMPLE_RATE_HZ)
    assert np.abs(np.diff(channel)).max() <= own_step + LEVEL * np.pi / 2 / 96 + 2 / 32_768
