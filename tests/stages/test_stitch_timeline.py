"""The time line's arithmetic, for any turns, words and settings."""

import itertools
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.records.enums import EventType, Speaker
from datagen.records.speech import FRAME_SAMPLES, n_frames
from datagen.stages.stitch.bearing import bear
from datagen.stages.stitch.fto import LognormalFto
from datagen.stages.stitch.laying import CUT_GAP, OWN_GAP, RETURN_GAP, Rules
from datagen.stages.stitch.placing import place
from datagen.stages.stitch.placing_asides import quotas, room_for
from datagen.stages.stitch.shapes import AsideShape, Opening, Placement, TurnShape

shares = st.floats(0.01, 0.99)
sigmas = st.floats(0.0, 2.0)
models = st.builds(
    LognormalFto, st.floats(0.0, 0.99), st.floats(0.01, 3.0), sigmas, st.floats(0.01, 3.0), sigmas, max_gap_s=st.floats(0.05, 10.0)
)  # fmt: skip
rules_of_any_kind = st.builds(
    Rules, models, st.integers(1, 10), st.integers(1, 10), shares, shares, shares, shares,
    max_yield=st.integers(0, 60_000), clear=st.integers(0, 20_000), apart=st.integers(0, 40_000),
)  # fmt: skip


@st.composite
def shapes(draw: st.DrawFn) -> TurnShape:
    """A turn of 1 to 8 words, some without length, with any marks that shaping lets through."""
    at, words = draw(st.integers(0, 3_000)), []
    for _ in range(draw(st.integers(1, 8))):
        length = draw(st.integers(0, 15_000))
        words.append((at, at + length))
        at += length + draw(st.integers(0, 4_000))
    n = len(words)
    cuttable = [k for k in range(1, n) if words[k][0] > words[0][0]]
    places = sorted(draw(st.sets(st.integers(1, n - 1), max_size=3))) if n > 1 else []
    speaker = draw(st.sampled_from(list(Speaker)))
    over = st.builds(
        AsideShape,
        st.sampled_from([EventType.BACKCHANNEL, EventType.FAILED_BARGE_IN]),
        st.just(speaker.other),
        st.integers(0, n),
        st.integers(0, 5_000),
        st.integers(1, 20_000),
        st.just(((0, 1),)),
        st.floats(0, 3),
        st.booleans(),
        words_after=st.integers(1, 4),
    )
    own = [
        AsideShape(EventType.SIDE_TALK, speaker, k, 500, 5_000, ((0, 1),), wanted=True, in_pause=True) for k in places
    ]
    return TurnShape(
        speaker=speaker,
        length=words[-1][1] + draw(st.integers(1, 3_000)),
        words=tuple(words),
        u=draw(st.floats(0, 1)),
        shift=draw(st.integers(-40_000, 60_000)),
        pause_before=draw(st.integers(0, 40_000)),
        is_question=draw(st.booleans()),
        key_word=draw(st.none() | st.integers(0, n - 1)),
        name_word=draw(st.none() | st.integers(0, n - 1)),
        cut_word=draw(st.none() | st.sampled_from(cuttable)) if cuttable else None,
        yield_after=draw(st.integers(0, 40_000)),
        finish_word=draw(st.booleans()),
        pauses=tuple((k, draw(st.integers(0, 30_000))) for k in places),
        openings=tuple(
            Opening(kind, tuple(range(n)), after)
            for kind, after in ((EventType.BACKCHANNEL, 1), (EventType.FAILED_BARGE_IN, 3))
        ),
        asides=(*draw(st.lists(over, max_size=3)), *own),
        silence=draw(st.just(0) | st.integers(0, 200_000)),
    )


@st.composite
def dialogs(draw: st.DrawFn) -> list[TurnShape]:
    """Turns of which only those that the other speaker follows are barged in on, as shaping sees to."""
    turns = draw(st.lists(shapes(), min_size=1, max_size=9))
    followed = [a.speaker is not b.speaker for a, b in itertools.pairwise(turns)] + [False]
    return [t if ok else replace(t, cut_word=None) for t, ok in zip(turns, followed, strict=True)]


leads = st.integers(0, 50_000)
anything = given(dialogs(), rules_of_any_kind, leads, leads, st.just(10**9) | st.integers(0, 400_000))
a_rate = st.tuples(st.floats(0, 1e-4), st.floats(0, 1))
rates_of_any_kind = st.fixed_dictionaries(
    {(k, s): a_rate for k in (EventType.BACKCHANNEL, EventType.FAILED_BARGE_IN) for s in Speaker}
)


def kept(turns: list[TurnShape], placement: Placement) -> list[tuple[TurnShape, int]]:
    return [(t, i) for i, t in enumerate(turns[: len(placement.spots)])]


@anything
@settings(max_examples=60, deadline=None)
def test_turns_and_words_lie_inside_and_in_order(turns, rules, lead, tail, limit):
    placement = place(turns, rules, lead, tail, limit)
    for shape, i in kept(turns, placement):
        spot = placement.spots[i]
        assert 0 <= spot.start <= spot.end <= placement.n_samples - tail
        assert len(spot.words) == len(shape.words)
        assert all(a <= b for a, b in spot.words)
        assert all(left[1] <= right[0] for left, right in zip(spot.words, spot.words[1:], strict=False))
        assert spot.start <= spot.words[0][0]
        assert spot.cut or spot.words[-1][1] <= spot.end


@anything
@settings(max_examples=60, deadline=None)
def test_pieces_hold_the_audio_once_and_stay_inside_the_turn(turns, rules, lead, tail, limit):
    placement = place(turns, rules, lead, tail, limit)
    for shape, i in kept(turns, placement):
        spot = placement.spots[i]
        heard = sum(p.source[1] - p.source[0] for p in spot.pieces)
        assert all(spot.start <= p.at <= p.end <= spot.end for p in spot.pieces)
        assert all(spot.start <= a <= b <= spot.end for _, (a, b) in spot.pauses)
        assert all(
            a.end <= b.at and a.source[1] == b.source[0] for a, b in zip(spot.pieces, spot.pieces[1:], strict=False)
        )
        assert heard == shape.length if not spot.cut else heard <= shape.length
        # The words that are heard lie where their audio does.
        for (a, b), (source, _) in zip(spot.words, shape.words, strict=True):
            if a < b <= spot.end:
                assert any(p.at <= a < p.end and a - p.at == source - p.source[0] for p in spot.pieces)


@anything
@settings(max_examples=60, deadline=None)
def test_starts_and_ends_never_fall_back_and_nobody_speaks_over_themselves(turns, rules, lead, tail, limit):
    spots = place(turns, rules, lead, tail, limit).spots
    for i, (left, right) in enumerate(itertools.pairwise(spots)):
        assert left.start <= right.start
        assert left.end <= right.end
        own = [s.end for s, t in zip(spots[: i + 1], turns, strict=False) if t.speaker is turns[i + 1].speaker]
        gap = 0 if left.barge_in is not None else OWN_GAP
        assert all(end + gap <= right.start for end in own)


@anything
@settings(max_examples=60, deadline=None)
def test_every_overlap_is_named_and_bounded(turns, rules, lead, tail, limit):
    spots = place(turns, rules, lead, tail, limit).spots
    for i, (left, right) in enumerate(itertools.pairwise(spots)):
        common = max(0, left.end - right.start)
        if left.barge_in is not None:
            assert left.barge_in == right.start
            assert left.overlap is None
        elif common:
            first, last = right.words[0][0], left.words[-1][1]
            assert left.overlap == ((first, last) if first < last else None)
            share = rules.max_question_share if turns[i].is_question else rules.max_overlap_share
            own = [s.end for s, t in zip(spots[:i], turns, strict=False) if t.speaker is turns[i + 1].speaker]
            stretch = max([left.start, *own, *(end for _, (_, end) in left.pauses)])
            assert common <= share * (left.end - stretch)
            n_words = rules.max_question_words if turns[i].is_question else rules.max_overlap_words
            assert right.start >= left.words[-min(n_words, len(left.words))][0]
            assert common <= 0.7 * (right.end - right.start) or right.cut
            assert all(right.start >= end + RETURN_GAP for end in own)
            if turns[i].key_word is not None:
                first, last = left.words[turns[i].key_word]
                assert max(0, last - right.start) <= rules.max_key_share * (last - first)
            if turns[i].name_word is not None:
                first, last = left.words[turns[i].name_word]
                assert max(0, last - right.start) <= rules.max_name_share * (last - first)
        else:
            assert left.overlap is None
        assert right.fto == (right.start - left.end if turns[i].speaker is not turns[i + 1].speaker else None)
        # Nothing reaches past the next turn but one, so these pairs are all the overlaps there are.
        assert all(later.start >= left.end for later in spots[i + 2 :])


@anything
@settings(max_examples=60, deadline=None)
def test_cuts_come_after_the_first_word_begins_and_within_the_yield(turns, rules, lead, tail, limit):
    placement = place(turns, rules, lead, tail, limit)
    for shape, i in kept(turns, placement):
        spot = placement.spots[i]
        if shape.cut_word is None:
            assert not spot.cut
            continue
        assert spot.barge_in == spot.words[shape.cut_word][0] > spot.words[0][0]
        assert spot.barge_in <= spot.end <= placement.spots[i + 1].end
        if spot.cut:
            assert spot.end - spot.barge_in <= max(shape.yield_after, rules.max_yield)
            assert spot.end < spot.start + shape.length + sum(n for _, n in shape.pauses)


@given(dialogs(), rules_of_any_kind, rates_of_any_kind)
@settings(max_examples=120, deadline=None)
def test_asides_lie_inside_the_turn_and_clear_of_all_else_that_their_speaker_says(turns, rules, rates):
    spots = place(turns, rules, 0, 0, 10**9, rates).spots
    for shape, spot in zip(turns, spots, strict=True):
        spans = [span for _, span in spot.asides]
        heard = [a for a, _ in spot.words if a < spot.end]
        for index, (a, b) in spot.asides:
            aside = shape.asides[index]
            others = [s for s, t in zip(spots, turns, strict=True) if t.speaker is aside.side]
            assert spot.start <= a < b <= spot.end
            if aside.in_pause:
                pause = next(p for word, p in spot.pauses if word == aside.word)
                assert pause[0] <= a < b <= pause[1]
                continue
            assert b <= heard[-aside.words_after]
            anchor = spot.words[aside.word][1 if aside.type is EventType.BACKCHANNEL else 0]
            assert a == anchor + aside.delay
            assert all(b + rules.clear <= s.start or s.end + rules.clear <= a for s in others)
        assert all(left[1] + rules.clear <= right[0] for left, right in itertools.pairwise(spans))


@given(dialogs(), rules_of_any_kind, rates_of_any_kind)
@settings(max_examples=120, deadline=None)
def test_no_more_asides_than_their_rate_but_all_that_are_wanted_where_there_is_room(turns, rules, rates):
    spots = place(turns, rules, 0, 0, 10**9, rates).spots
    quota = quotas(room_for(turns, spots, rules.clear, rules.apart), rates)
    placed = [t.asides[i] for t, s in zip(turns, spots, strict=True) for i, _ in s.asides]
    for sort in rates:
        own = [a for a in placed if (a.type, a.side) == sort]
        assert len(own) <= max(quota[sort], sum(a.wanted for a in own))
    generous = dict.fromkeys(rates, (1.0, 0.0))
    more = place(turns, rules, 0, 0, 10**9, generous).spots
    assert sum(len(s.asides) for s in more) >= len(placed)


@anything
@settings(max_examples=60, deadline=None)
def test_a_long_silence_is_silent_and_takes_the_offsets_place(turns, rules, lead, tail, limit):
    spots = place(turns, rules, lead, tail, limit).spots
    for i, (left, right) in enumerate(itertools.pairwise(spots)):
        if turns[i + 1].silence and turns[i].cut_word is None:
            assert right.silence == (left.end, right.start)
            assert right.start - left.end == max(turns[i + 1].silence, OWN_GAP)
        else:
            assert right.silence is None


@anything
@settings(max_examples=60, deadline=None)
def test_what_does_not_fit_is_left_out_whole(turns, rules, lead, tail, limit):
    placement = place(turns, rules, lead, tail, limit)
    n = len(placement.spots)
    assert n + placement.n_turns_cut == len(turns)
    assert placement.n_samples <= limit
    assert placement.n_samples == (placement.spots[-1].end + tail if n else 0)
    assert n_frames(placement.n_samples) == -(-placement.n_samples // FRAME_SAMPLES)
    if n:
        assert turns[n - 1].cut_word is None
    whole = place(turns, rules, lead, tail, 10**9)
    assert placement.spots[:-1] == whole.spots[: max(n - 1, 0)]
    if n < len(turns):
        free = next(
            (k for k in range(n + 1, len(turns) + 1) if k == len(turns) or turns[k - 1].cut_word is None), n + 1
        )
        assert max(s.end for s in whole.spots[:free]) + tail > limit


def steady(speaker: Speaker, **more) -> TurnShape:
    """Ten words of 0.2 s without gaps."""
    return TurnShape(speaker, 48_000, tuple((k * 4_800, (k + 1) * 4_800) for k in range(10)), **more)


RULES = Rules(LognormalFto(0.5, 0.4, 0.5, 0.4, 0.5, 4.0), 4, 4, 0.5, 0.3, 0.25, 0.5, max_yield=24_000, clear=3_600)


def test_a_barge_in_starts_with_the_marked_word_and_cuts_after_the_yield():
    turns = [steady(Speaker.AGENT, cut_word=4, yield_after=7_000), steady(Speaker.USER), steady(Speaker.AGENT, u=0.9)]
    first, second, third = place(turns, RULES, 1_000, 0, 10**9).spots
    assert second.start == first.words[4][0] == 1_000 + 4 * 4_800
    assert first.end == second.start + 7_000
    assert second.fto == -7_000
    assert first.pieces[-1].cut
    assert third.start > second.end


def test_a_yield_that_finishes_its_word_ends_with_it():
    turns = [steady(Speaker.AGENT, cut_word=4, yield_after=7_000, finish_word=True), steady(Speaker.USER)]
    first, second = place(turns, RULES, 0, 0, 10**9).spots
    assert first.end == second.start + 2 * 4_800


def test_a_word_too_long_to_be_waited_for_is_cut():
    long = TurnShape(
        Speaker.AGENT, 150_000, ((0, 4_800), (4_800, 150_000)), cut_word=1, yield_after=7_000, finish_word=True
    )
    first, _ = place([long, steady(Speaker.USER)], RULES, 0, 0, 10**9).spots
    assert first.end == 4_800 + 7_000


def test_a_turn_that_is_over_before_it_yields_is_heard_whole():
    turns = [steady(Speaker.AGENT, cut_word=9, yield_after=20_000), steady(Speaker.USER)]
    first, second = place(turns, RULES, 0, 0, 10**9).spots
    assert (first.cut, first.end, first.barge_in) == (False, 48_000, second.start)


def test_a_pause_parts_the_audio_between_the_words_and_moves_what_follows():
    (spot,) = place([steady(Speaker.AGENT, pauses=((3, 12_000),))], RULES, 100, 0, 10**9).spots
    assert spot.end == 100 + 48_000 + 12_000
    assert spot.words[2][1] == 100 + 3 * 4_800
    assert spot.words[3][0] == 100 + 3 * 4_800 + 12_000
    assert spot.pauses == ((3, (100 + 3 * 4_800, 100 + 3 * 4_800 + 12_000)),)


def test_a_pause_after_the_cut_never_happens():
    cut = steady(Speaker.AGENT, cut_word=2, yield_after=7_000, pauses=((1, 5_000), (7, 9_000)))
    first, _ = place([cut, steady(Speaker.USER)], RULES, 0, 0, 10**9).spots
    assert [word for word, _ in first.pauses] == [1]


def test_turns_of_one_speaker_are_apart_by_the_pause_and_have_no_fto():
    turns = [steady(Speaker.AGENT), steady(Speaker.AGENT, pause_before=9_000), steady(Speaker.AGENT, pause_before=0)]
    first, second, third = place(turns, RULES, 0, 0, 10**9).spots
    assert (second.start - first.end, second.fto) == (9_000, None)
    assert third.start - second.end == OWN_GAP


def test_a_dialogue_is_never_cut_between_a_barge_in_and_the_turn_that_makes_it():
    turns = [steady(Speaker.USER), steady(Speaker.AGENT, cut_word=2, yield_after=5_000), steady(Speaker.USER)]
    whole = place(turns, RULES, 0, 0, 10**9)
    between = place(turns, RULES, 0, 0, whole.spots[1].end + 100)
    assert (len(between.spots), between.n_turns_cut) == (1, 2)
    assert between.n_samples == whole.spots[0].end


def test_a_speaker_finishes_before_starting_again_around_a_short_turn():
    """The short turn overlaps its predecessor by 0.7 of its length, and its successor would overlap it by 0.5."""
    deep = replace(RULES, fto=LognormalFto(0.9, 0.4, 0.5, 3.0, 0.0, 4.0))
    short = TurnShape(Speaker.USER, 6_000, ((0, 6_000),), u=0.1)
    first, second, third = place([steady(Speaker.AGENT), short, steady(Speaker.AGENT, u=0.1)], deep, 0, 0, 10**9).spots
    assert second.fto == -4_200
    assert third.start == first.end + RETURN_GAP


def test_a_turn_that_is_cut_does_not_overlap_up_to_its_cut():
    """Else its speaker would be cut in on by somebody who has only just finished the turn before."""
    deep = replace(RULES, fto=LognormalFto(0.9, 0.4, 0.5, 3.0, 0.0, 4.0), max_overlap_words=50)
    for cut_word, fto in ((2, 0), (8, -(8 * 4_800 - CUT_GAP))):
        cut = steady(Speaker.AGENT, u=0.1, cut_word=cut_word, yield_after=100)
        first, second, third = place([steady(Speaker.USER), cut, steady(Speaker.USER)], deep, 0, 0, 10**9).spots
        assert second.fto == fto
        assert third.start == first.end + fto + cut_word * 4_800


def test_a_turn_yields_before_the_one_that_barged_in_is_cut_itself():
    turns = [
        steady(Speaker.AGENT, cut_word=2, yield_after=30_000),
        steady(Speaker.USER, cut_word=2, yield_after=5_000),
        steady(Speaker.AGENT),
    ]
    first, second, third = place(turns, RULES, 0, 0, 10**9).spots
    assert third.start == second.words[2][0]
    assert first.end == third.start - OWN_GAP


def test_deep_overlaps_go_to_turns_that_bear_them():
    """Of two overlaps the deeper was drawn for one word; it moves to the long turn of the same speaker, the other back."""
    model = LognormalFto(0.5, 0.4, 0.5, 0.3, 0.8, 4.0)
    rules = replace(RULES, fto=model)
    short = TurnShape(Speaker.USER, 6_000, ((0, 6_000),), u=0.1)
    turns = [steady(Speaker.AGENT), short, steady(Speaker.AGENT, u=0.8), steady(Speaker.USER, u=0.45)]
    moved = bear(turns, rules)
    assert [t.u for t in moved] == [0.5, 0.45, 0.8, 0.1]
    assert [replace(t, u=0.5) for t in moved] == [replace(t, u=0.5) for t in turns]
    spots = place(moved, rules, 0, 0, 10**9).spots
    assert [s.fto for s in spots[1:]] == [round(model.quantile(u) * 24_000) for u in (0.45, 0.8, 0.1)]
    # Where no turn bears it, it stays and is drawn again among what the turns bear.
    alone = bear(turns[:2], rules)
    assert [t.u for t in alone] == [0.5, 0.1]
    assert -0.7 * 6_000 <= place(alone, rules, 0, 0, 10**9).spots[1].fto < 0


def test_an_overlap_stays_with_its_speaker_where_it_can():
    """The agent's turn would be the tighter fit."""
    rules = replace(RULES, fto=LognormalFto(0.5, 0.4, 0.5, 0.3, 0.8, 4.0), max_overlap_words=50)
    tight = TurnShape(Speaker.AGENT, 33_000, ((0, 33_000),), u=0.8)
    short = TurnShape(Speaker.USER, 6_000, ((0, 6_000),), u=0.1)
    turns = [steady(Speaker.AGENT), short, steady(Speaker.AGENT, u=0.9), steady(Speaker.USER, u=0.9), tight]
    assert [t.u for t in bear(turns, rules)] == [0.5, 0.9, 0.9, 0.1, 0.8]


@given(dialogs(), rules_of_any_kind)
@settings(max_examples=60, deadline=None)
def test_bearing_only_ever_exchanges(turns, rules):
    moved = bear(turns, rules)
    assert sorted(t.u for t in moved) == sorted(t.u for t in turns)
    assert [replace(t, u=0.5) for t in moved] == [replace(t, u=0.5) for t in turns]


def test_an_answer_leaves_the_questions_first_words_alone():
    deep = replace(RULES, fto=LognormalFto(0.9, 0.4, 0.5, 3.0, 0.0, 4.0), max_overlap_words=50, max_question_words=50)
    for is_question, share in ((False, 0.5), (True, 0.3)):
        turns = [steady(Speaker.AGENT, is_question=is_question), steady(Speaker.USER, u=0.1)]
        _, reply = place(turns, deep, 0, 0, 10**9).spots
        assert reply.fto == -round(48_000 * share)
