"""Whose turn it is: never a sample off, the same from wherever one begins."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.load.schedule import PARTS, Course, Span, in_parts, parts

SHARES = (
    st.lists(st.one_of(st.just(0.0), st.floats(1e-4, 1)), min_size=1, max_size=7)
    .filter(any)
    .map(lambda ws: [w / sum(ws) for w in ws])
)
LITTLE = settings(max_examples=60, deadline=None)


def span_of(*pieces: tuple[int, tuple[int, ...]]) -> Span:
    return Span(tuple(pieces), tuple(range(len(pieces[0][1]))))


def check_turns(span: Span, n: int) -> None:
    """Every source is within one of its due after every one of `n` samples, counted in whole parts."""
    each = [p for length, p in span.pieces[:-1] for _ in range(length)]
    due, had, whole = [0] * len(span.priority), [0] * len(span.priority), sum(span.pieces[0][1])
    for at, (source, before) in enumerate(islice(span.turns(), n)):
        assert before == had[source]
        had[source] += 1
        now = each[at] if at < len(each) else span.pieces[-1][1]
        due = [d + p for d, p in zip(due, now, strict=True)]
        assert all(abs(d - h * whole) < whole for d, h in zip(due, had, strict=True))
        assert all(d or not h for d, h in zip(due, had, strict=True))
    assert span.counts(n) == tuple(had)


@LITTLE
@given(SHARES)
def test_shares_as_parts_are_true_to_a_part(shares: list[float]) -> None:
    for found in (parts(shares), in_parts(shares)):
        whole = sum(found)
        assert whole <= PARTS
        for part, share in zip(found, shares, strict=True):
            assert (part > 0) == (share > 0)
            assert abs(part / whole - share) < 2 / PARTS


def test_simple_weights_are_exact() -> None:
    assert parts([0.5, 0.25, 0.25]) == (2, 1, 1)
    assert parts([1 / 3] * 3) == (1, 1, 1)
    assert parts([0.1, 0.2, 0.7]) == (1, 2, 7)
    assert parts([16 / 17, 1 / 17]) == (16, 1)
    assert sum(in_parts([1e-9, 1 - 1e-9])) == PARTS
    assert in_parts([1e-9, 1 - 1e-9])[0] == 1


@LITTLE
@given(SHARES)
def test_no_source_is_ever_a_whole_sample_off(shares: list[float]) -> None:
    check_turns(span_of((1, parts(shares))), 400)


@LITTLE
@given(st.integers(1, 5).flatmap(lambda n: st.lists(
    st.tuples(st.integers(1, 60), st.lists(st.integers(0, 9), min_size=n, max_size=n).filter(any)), min_size=1, max_size=6
)))  # fmt: skip
def test_nor_where_shares_change_on_the_way(pieces: list[tuple[int, list[int]]]) -> None:
    made = [(n, in_parts([p / sum(ps) for p in ps])) for n, ps in pieces]
    check_turns(span_of(*made), 300)


def test_two_to_one_takes_turns() -> None:
    assert [s for s, _ in islice(span_of((1, (2, 1))).turns(), 9)] == [0, 0, 1] * 3
    behind = Span(((1, (1, 1)),), (1, 0))  # both are due: priority decides
    assert [s for s, _ in islice(behind.turns(), 4)] == [1, 0, 1, 0]


@pytest.mark.parametrize("start", [0, 1, 6, 7, 50, 7_000_003])
def test_turns_from_anywhere_are_the_same_turns(start: int) -> None:
    span = span_of((1, (4, 2, 1)))
    before = span.counts(start)
    assert sum(before) == start
    had = list(before)
    for source, number in islice(span.turns(start), 40):
        assert number == had[source]
        had[source] += 1
    assert span.counts(start + 40) == tuple(had)
    if start < 100:
        whole = list(islice(span.turns(), start + 40))
        assert list(islice(span.turns(start), 40)) == whole[start:]


@pytest.mark.parametrize("start", [0, 9, 10, 11, 29, 30, 31, 47])
def test_a_course_goes_from_span_to_span(start: int) -> None:
    ramp = ((10, (3, 1)), (10, (2, 2)))
    course = Course([(10, span_of((1, (3, 0)))), (20, span_of(*ramp))], span_of((1, (1, 2))))
    whole = list(islice(course.turns(), 60))
    assert list(islice(course.turns(start), 60 - start)) == whole[start:]
    assert course.counts(start) == tuple(sum(s == i for s, _ in whole[:start]) for i in range(2))
    assert [n for s, n in whole if s == 0] == list(range(sum(s == 0 for s, _ in whole)))
    assert course.counts(10) == (10, 0)
    assert course.shares(9) == (1, 0)
    assert course.shares(10) == (0.75, 0.25)
    assert course.shares(29) == (0.5, 0.5)
    assert course.shares(30) == pytest.approx((1 / 3, 2 / 3))
