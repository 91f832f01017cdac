"""Who has the floor: small cases by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.fit.floor import measure
from datagen.fit.measured import Segment


def said(*spans: tuple[str, float, float]) -> list[Segment]:
    return [Segment(*span) for span in spans]


def ftos(*spans: tuple[str, float, float]) -> list[float]:
    return [round(t.fto_s, 6) for t in measure("r", said(*spans)).transfers]


def test_a_gap_and_an_overlap() -> None:
    assert ftos(("a", 0, 3), ("b", 3.4, 6), ("a", 5.5, 9)) == [0.4, -0.5]


def test_a_pause_keeps_the_floor() -> None:
    found = measure("r", said(("a", 0, 3), ("a", 3.6, 6), ("b", 6.2, 8)))
    assert [round(t.fto_s, 6) for t in found.transfers] == [0.2]
    assert found.pauses_s == [pytest.approx(0.6)]
    assert found.n_turns == 2
    assert found.turn_s == pytest.approx(7.8)


def test_a_long_silence_of_one_speaker_parts_two_turns() -> None:
    found = measure("r", said(("a", 0, 3), ("a", 6, 8), ("b", 8.2, 10)))
    assert (found.between_s, found.pauses_s, found.n_turns) == ([3], [], 3)


@pytest.mark.parametrize("aside", [(1.0, 1.4), (2.9, 3.3), (3.1, 3.4), (3.2, 3.9)], ids=["in", "edge", "pause", "over"])
def test_a_backchannel_takes_no_floor(aside: tuple[float, float]) -> None:
    found = measure("r", said(("a", 0, 3), ("b", *aside), ("a", 3.6, 6), ("b", 6.2, 8)))
    assert [round(t.fto_s, 6) for t in found.transfers] == [0.2]
    assert found.n_backchannels == 1


def test_a_long_interjection_inside_takes_no_floor() -> None:
    found = measure("r", said(("a", 0, 8), ("b", 2, 5), ("b", 8.2, 10)))
    assert [round(t.fto_s, 6) for t in found.transfers] == [0.2]
    assert (found.n_inside, found.n_backchannels) == (1, 0)


def test_the_first_word_of_a_turn_may_lie_inside_the_end_of_the_others() -> None:
    assert ftos(("a", 0, 3), ("b", 2.5, 2.9), ("b", 3.2, 6), ("a", 6.3, 8)) == [-0.5, 0.3]


def test_the_last_word_of_a_turn_may_lie_inside_the_start_of_the_others() -> None:
    assert ftos(("a", 0, 3), ("b", 3.2, 6), ("a", 3.4, 3.7), ("a", 6.1, 8)) == [-0.5, 0.1]


def test_a_backchannel_soon_after_the_own_turn_is_none_of_it() -> None:
    found = measure("r", said(("a", 0, 3), ("b", 3.2, 8), ("a", 4.5, 4.8), ("a", 8.3, 10)))
    assert [round(t.fto_s, 6) for t in found.transfers] == [0.2, 0.3]
    assert found.n_backchannels == 1


def test_who_speaks_short_and_is_followed_by_a_third_has_had_the_floor() -> None:
    assert ftos(("a", 0, 3), ("b", 3.2, 3.7), ("c", 4.0, 6)) == [0.2, 0.3]


def test_a_short_answer_at_the_very_end_is_a_turn() -> None:
    assert ftos(("a", 0, 3), ("b", 3.2, 3.7)) == [0.2]


def test_a_lapse_is_no_gap() -> None:
    found = measure("r", said(("a", 0, 3), ("b", 20, 24)))
    assert (found.transfers, found.n_excluded) == ([], 1)


def test_one_speaker_has_no_transfers() -> None:
    found = measure("r", said(("a", 0, 3), ("a", 3.5, 6)))
    assert (found.transfers, found.n_one_sided, found.n_turns) == ([], 1, 1)


_SPANS = st.tuples(st.sampled_from("abc"), st.floats(0, 60), st.floats(0.01, 8))


@given(st.lists(_SPANS, min_size=1, max_size=40))
def test_any_speech_whatever_its_order_gives_the_same_finite_answer(spans: list[tuple[str, float, float]]) -> None:
    segments = [Segment(who, start, start + length) for who, start, length in spans]
    found = measure("r", segments)
    again = measure("r", segments[::-1])
    assert found == again
    assert found.n_turns >= 1
    assert len(found.transfers) + len(found.between_s) + found.n_excluded < len(segments)
    assert all(abs(t.fto_s) <= 10 for t in found.transfers)
    assert all(0.2 <= p <= 2.0 for p in found.pauses_s)
