"""Spoken turns to a time line and two channels: events, heard and unheard text, fades, levels, limits."""

from dataclasses import replace

import numpy as np
import pytest
from stitch_factories import LEVEL, MARGIN_S, TONE_HZ, clips, dialog, plan, turn

from datagen.audio.levels import rms_db
from datagen.protocols import Failure
from datagen.records.enums import EventType, Heard, MarkType, Speaker, TurnType
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ, SpokenDialog, SpokenTurn, n_frames
from datagen.records.timeline import StitchedDialog
from datagen.records.transcript import Mark
from datagen.stages.stitch.options import BargeInOptions, StitchOptions
from datagen.stages.stitch.prefix import estimate_prefix_columns
from datagen.stages.stitch.unit import stitch

AGENT, USER = Speaker.AGENT, Speaker.USER
WORDS = [0.3] * 10


OFTEN = StitchOptions.model_validate({"backchannel": {"user_per_min": 30, "agent_per_min": 30, "min_words": 100}})
"""Every marked backchannel, and none that is sampled: no turn has so many words."""


def spoken(*turns: SpokenTurn) -> SpokenDialog:
    return SpokenDialog("bank-000000", turns)


def made(
    said: SpokenDialog, options: StitchOptions | None = None, seed: int = 0, prefix: int = 0, index: int = 0
) -> StitchedDialog:
    result = stitch(plan(index), said, options or StitchOptions(), np.random.default_rng(seed), prefix, clips)
    assert isinstance(result, StitchedDialog), result
    return result


def barge(word: int, kind: MarkType = MarkType.BARGE_IN, side: Speaker = AGENT) -> SpokenDialog:
    """A turn of ten words that the next one cuts at `word`."""
    return spoken(
        turn(0, side, WORDS, marks=[Mark(kind, word)]),
        turn(1, side.other, WORDS),
        turn(2, side, WORDS, TurnType.ANSWER),
    )


def at_yield(yield_s: float, finish: float = 0.0, **more) -> StitchOptions:
    return StitchOptions(
        barge_in=BargeInOptions(yield_median_s=yield_s, yield_sigma=0, finish_word_share=finish, **more), fade_s=0.03
    )


def test_both_channels_are_as_long_as_the_time_line_says_and_in_16_bit_steps():
    for seed in range(8):
        result = made(dialog(seed), seed=seed)
        n = result.timeline.n_samples
        assert result.channels.shape == (2, n)
        assert result.channels.dtype == np.float32
        assert n_frames(n) == -(-n // FRAME_SAMPLES)
        steps = result.channels * 32_768
        assert np.array_equal(steps, np.rint(steps))


def test_the_same_inputs_give_the_same_bytes_and_another_seed_does_not():
    first, again, other = (made(dialog(3), seed=s) for s in (1, 1, 2))
    assert first.channels.tobytes() == again.channels.tobytes()
    assert first.timeline == again.timeline
    assert first.timeline != other.timeline


def test_the_audio_of_every_heard_word_is_where_its_times_say():
    """Silence everywhere else: each channel sounds only inside its own speaker's turns and backchannels."""
    result = made(dialog(5), seed=5)
    line = result.timeline
    sounding = np.zeros((2, line.n_samples), dtype=bool)
    for t in line.turns:
        sounding[t.speaker.channel, round(t.start_s * SAMPLE_RATE_HZ) : round(t.end_s * SAMPLE_RATE_HZ)] = True
        for e in t.events:
            if e.type in (EventType.BACKCHANNEL, EventType.FAILED_BARGE_IN, EventType.SIDE_TALK):
                first, last = e.start_s - MARGIN_S, e.end_s + MARGIN_S
                sounding[e.channel, round(first * SAMPLE_RATE_HZ) : round(last * SAMPLE_RATE_HZ)] = True
    assert not result.channels[~sounding].any()
    for side in Speaker:
        for word in line.track_words(side):
            middle = round((word.start_s + word.end_s) / 2 * SAMPLE_RATE_HZ)
            assert np.abs(result.channels[side.channel, middle - 60 : middle + 60]).max() > 0.1 * LEVEL


def test_a_barge_in_keeps_heard_and_unheard_text_apart():
    result = made(barge(4), at_yield(0.4))
    cut, reply = result.timeline.turns[:2]
    assert reply.start_s == cut.words[4].start_s
    assert cut.end_s - reply.start_s == pytest.approx(0.4, abs=1e-4)
    assert reply.fto_s == pytest.approx(-0.4, abs=1e-4)
    assert [w.heard for w in cut.words] == [Heard.YES] * 5 + [Heard.PARTIAL] + [Heard.NO] * 4
    # A third of word 5 was heard: not enough.
    assert cut.heard_text == "wa wb wc wd we"
    assert cut.unheard_text == "wf wg wh wi wj"
    (event,) = cut.events
    assert (event.type, event.channel, event.target_turn) == (EventType.BARGE_IN, 1, 0)
    assert (event.start_s, event.end_s) == (reply.start_s, cut.end_s)
    assert event.attrs["word"] == 4
    assert event.attrs["yield_s"] == pytest.approx(0.4, abs=1e-4)
    assert event.attrs["partial_share"] == pytest.approx(1 / 3, abs=1e-3)
    assert event.attrs["cut"] is True


def test_a_word_of_which_half_was_heard_counts_as_heard():
    cut = made(barge(4), at_yield(0.5)).timeline.turns[0]
    assert cut.words[5].heard is Heard.PARTIAL
    assert cut.heard_text == "wa wb wc wd we wf"
    assert [w.word for w in cut.track_words()] == cut.heard_text.split()


def test_a_yield_that_waits_for_the_word_leaves_none_in_part():
    cut = made(barge(4), at_yield(0.4, finish=1.0)).timeline.turns[0]
    assert Heard.PARTIAL not in {w.heard for w in cut.words}
    assert cut.heard_text == "wa wb wc wd we wf"


def test_an_agent_that_cuts_in_is_an_interruption():
    cut = made(barge(4, side=USER), at_yield(0.4)).timeline.turns[0]
    assert [(e.type, e.channel) for e in cut.events] == [(EventType.AGENT_INTERRUPTION, 0)]


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_fades_without_a_click(seed):
    """No step beyond the tone's own; without the fade the cut would be one of up to the tone's height."""
    result = made(barge(4), StitchOptions(barge_in=BargeInOptions(finish_word_share=0)), seed)
    own_step = 2 * LEVEL * np.sin(np.pi * TONE_HZ[AGENT] / SAMPLE_RATE_HZ)
    assert np.abs(np.diff(result.channels[0])).max() <= 1.02 * own_step + 2 / 32_768
    end = round(result.timeline.turns[0].end_s * SAMPLE_RATE_HZ)
    assert np.abs(result.channels[0, end - 120 : end]).max() < 0.1 * LEVEL
    assert not result.channels[0, end : end + 1_000].any()


def test_edges_and_pauses_are_without_clicks_too():
    said = spoken(turn(0, AGENT, WORDS, marks=[Mark(MarkType.PAUSE, 3), Mark(MarkType.PAUSE, 7)]), turn(1, USER, WORDS))
    result = made(said, StitchOptions(edge_fade_s=0.004))
    own_step = 2 * LEVEL * np.sin(np.pi * max(TONE_HZ.values()) / SAMPLE_RATE_HZ)
    # The edge's ramp of 96 samples adds its own slope to the tone's.
    assert np.abs(np.diff(result.channels)).max() <= own_step + LEVEL * np.pi / 2 / 96 + 2 / 32_768


def test_a_safe_cut_is_taken_only_if_the_knob_says_so():
    said = barge(5, MarkType.SAFE_CUT)
    assert made(said).timeline.turns[0].unheard_text == ""
    cut = made(said, at_yield(0.4, sampled_share=1.0)).timeline.turns[0]
    assert cut.unheard_text != ""
    assert cut.events[0].attrs["sampled"] is True


def test_a_pause_is_silent_and_named():
    result = made(spoken(turn(0, USER, WORDS, marks=[Mark(MarkType.PAUSE, 4)]), turn(1, AGENT, WORDS)))
    first = result.timeline.turns[0]
    pause = next(e for e in first.events if e.type is EventType.PAUSE)
    assert 0.4 <= pause.end_s - pause.start_s <= 2.5
    assert (pause.channel, pause.attrs["word"]) == (1, 4)
    assert first.words[3].end_s <= pause.start_s
    assert pause.end_s <= first.words[4].start_s
    a, b = (round(t * SAMPLE_RATE_HZ) for t in (pause.start_s, pause.end_s))
    assert not result.channels[1, a:b].any()
    assert result.channels[1, a - 200 : a].any()
    assert result.channels[1, b : b + 200].any()


def test_a_backchannel_is_softer_than_its_speakers_turns_and_enters_their_words():
    said = spoken(turn(0, USER, WORDS, marks=[Mark(MarkType.BACKCHANNEL, 2, "mhm")]), turn(1, AGENT, WORDS))
    result = made(said, OFTEN)
    first = result.timeline.turns[0]
    event = next(e for e in first.events if e.type is EventType.BACKCHANNEL)
    assert (event.channel, event.attrs["text"], event.target_turn) == (0, "mhm", 0)
    assert first.words[2].end_s < event.start_s < event.end_s < first.words[-1].start_s
    (word,) = result.timeline.aside_words[0]
    assert event.start_s <= word.start_s < word.end_s <= event.end_s
    assert word in result.timeline.agent_words()
    a, b = (round(t * SAMPLE_RATE_HZ) for t in (word.start_s, word.end_s))
    turn_db = rms_db(said.turns[1].speech.audio)
    assert rms_db(result.channels[0, a:b]) == pytest.approx(turn_db - 6, abs=0.3)


def test_a_backchannel_of_a_speaker_without_turns_is_softer_than_it_was_spoken():
    said = spoken(turn(0, USER, WORDS, marks=[Mark(MarkType.BACKCHANNEL, 2, "mhm")]), turn(1, USER, WORDS))
    channel = made(said, OFTEN).channels[0]
    assert np.abs(channel).max() == pytest.approx(LEVEL * 10 ** (-6 / 20), rel=0.02)


def test_what_finds_no_room_is_dropped_and_counted():
    marks = [Mark(MarkType.FAILED_BARGE_IN, 9, "but"), Mark(MarkType.PAUSE, 0), Mark(MarkType.PAUSE, 40)]
    line = made(spoken(turn(0, AGENT, WORDS, marks=marks), turn(1, USER, WORDS))).timeline
    assert line.n_marks_dropped == 3
    assert line.aside_words == ((), ())
    assert {e.type for e in line.turns[0].events} <= {EventType.OVERLAP}


def test_the_overlap_event_is_the_overlap():
    options = StitchOptions.model_validate({"fto": {"overlap_share": 0.95}})
    line = made(spoken(*(turn(i, list(Speaker)[i % 2], WORDS) for i in range(8))), options).timeline
    n_overlaps = 0
    for left, right in zip(line.turns, line.turns[1:], strict=False):
        events = [e for e in left.events if e.type is EventType.OVERLAP]
        assert len(events) == (right.fto_s < -2 * MARGIN_S)
        for e in events:
            spans = (right.words[0].start_s, left.words[-1].end_s, right.speaker.channel)
            assert (e.start_s, e.end_s, e.channel) == spans
            # The audio reaches a little beyond its words on both sides.
            assert -right.fto_s - e.attrs["overlap_s"] == pytest.approx(2 * MARGIN_S, abs=1e-3)
            n_overlaps += 1
    assert n_overlaps >= 4


def test_nobody_talks_over_an_amount_before_most_of_it_is_said():
    """Words of 0.8 s; the last but one is a number in the second dialogue, of which at most a quarter is covered."""
    deepest = {}
    options = StitchOptions.model_validate(
        {"fto": {"overlap_share": 0.95, "overlap_median_s": 2.3, "overlap_sigma": 0.0}}
    )
    for text in ("wa wb wc wd we", "wa wb wc $45.57 we"):
        first = turn(0, USER, [0.8] * 5)
        said = tuple(replace(w, word=t) for w, t in zip(first.speech.words, text.split(), strict=True))
        first = replace(first, turn=replace(first.turn, text=text), speech=replace(first.speech, words=said))
        found = [made(spoken(first, turn(1, AGENT, WORDS)), options, seed).timeline for seed in range(12)]
        deepest[text] = min(line.turns[1].fto_s for line in found)
        for line in found:
            word = line.turns[0].words[3]
            if "$" in text:
                assert line.turns[1].start_s >= word.start_s + 0.75 * 0.8 - 1e-4
    assert deepest["wa wb wc wd we"] < -1.5 < deepest["wa wb wc $45.57 we"] < -0.5


def test_a_dialogue_that_is_too_long_ends_with_a_turn_and_says_so():
    said = spoken(*(turn(i, list(Speaker)[i % 2], [0.3] * 30) for i in range(30)))
    line = made(said, prefix=400).timeline
    assert line.n_turns_cut == 30 - len(line.turns) > 0
    assert n_frames(line.n_samples) + 400 <= 2048
    assert line.turns[-1].unheard_text == ""
    # One turn more would not have gone in: a turn takes 9.04 s, and gaps come on top.
    assert n_frames(line.n_samples) + 400 + (9 + 4 + 1.5) * 12.5 > 2048
    assert made(said, StitchOptions(max_columns=8_000), prefix=400).timeline.n_turns_cut == 0


def test_the_prefix_estimate_counts_words_digits_voice_and_spacers():
    assert estimate_prefix_columns("") == 125 + 12 + int(1.6 * 2) + 1
    role = "You work for Harbor Bank which is a bank and your name is Ana. Information: the fee is $12.50."
    assert estimate_prefix_columns(role) == 125 + 12 + int(1.6 * 21 + 4) + 1


def broken(**change) -> SpokenDialog:
    first = turn(0, AGENT, WORDS)
    words = list(first.speech.words)
    words[3] = replace(words[3], **change)
    return spoken(replace(first, speech=replace(first.speech, words=tuple(words))), turn(1, USER, WORDS))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (barge(0), "bad_barge_in"),
        (barge(10), "bad_barge_in"),
        (spoken(turn(0, AGENT, WORDS, marks=[Mark(MarkType.BARGE_IN, 3)])), "bad_barge_in"),
        (spoken(turn(0, AGENT, WORDS, marks=[Mark(MarkType.BARGE_IN, 3)]), turn(1, AGENT, WORDS)), "bad_barge_in"),
        (broken(start_s=0.1), "bad_words"),
        (broken(end_s=0.2), "bad_words"),
        (broken(end_s=30.0), "bad_words"),
        (broken(start_s=-0.5), "bad_words"),
        (spoken(replace(turn(0, AGENT, WORDS), turn=turn(0, AGENT, [0.3] * 3).turn)), "bad_words"),
        (spoken(), "no_turns"),
        (spoken(turn(0, AGENT, [0.5] * 500), turn(1, USER, WORDS)), "too_long"),
    ],
)
def test_a_row_that_cannot_be_stitched_is_a_failure_with_its_reason(said, reason):
    result = stitch(plan(), said, StitchOptions(), np.random.default_rng(0), 300)
    assert isinstance(result, Failure)
    assert result.reason == reason
    assert result.detail
    assert "\n" not in result.detail
