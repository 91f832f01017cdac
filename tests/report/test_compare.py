"""Comparing two builds: order and length of dialogues decide nothing, and what they do to a judge is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from datagen.engines.judges.llm import Better
from datagen.engines.judges.prompts import Judged
from datagen.errors import DataError, EngineError, UserError
from datagen.protocols import Failure
from datagen.report.compare import Verdict, compare, correlation, summary

F, S, T = Better.FIRST, Better.SECOND, Better.TIE


class By:
    """A judge that goes by a rule."""

    def __init__(self, rule) -> None:
        self.rule, self.asked, self.closed = rule, [], False

    async def compare_one(self, first: Judged, second: Judged, seed: int) -> Better | Failure:
        self.asked.append((first, second, seed))
        return self.rule(first, second)

    async def close(self) -> None:
        self.closed = True


def test_a_judge_that_always_names_the_first_prefers_nobody(built: Path) -> None:
    judge = By(lambda first, second: F)
    found = compare(built, built, judge, 5, seed=1)
    assert (found.n_pairs, found.a_share, found.b_share, found.tie_share) == (5, 0.0, 0.0, 1.0)
    assert (found.consistent_share, found.first_share) == (0.0, 1.0)
    assert judge.closed
    assert len({seed for *_, seed in judge.asked}) == 10
    assert all("agent: " in first.turns and first.role_context for first, *_ in judge.asked)


def test_a_failure_of_the_judges_is_counted_and_nothing_but_failures_is_an_error(built: Path) -> None:
    answers = iter([Failure("judge_unread", "no object"), F, S, F, S, F, S])
    found = compare(built, built, By(lambda first, second: next(answers)), 4, seed=1)
    assert (found.n_pairs, found.n_failed) == (3, 1)
    with pytest.raises(DataError, match="gave no verdict on 3 pairs, e.g. judge_unread: no object"):
        compare(built, built, By(lambda first, second: Failure("judge_unread", "no object")), 3, seed=1)


def test_servers_that_do_not_answer_are_the_servers_fault(built: Path) -> None:
    silent = Failure("unanswered", "no answer in 2 s")
    with pytest.raises(EngineError, match="gave no verdict on 3 pairs, e.g. unanswered: no answer in 2 s"):
        compare(built, built, By(lambda first, second: silent), 3, seed=1)


def test_no_build_is_a_line(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no build here"):
        compare(built, tmp_path, By(lambda first, second: F), 3, seed=1)


def test_only_what_both_orders_say_counts() -> None:
    a, b, first, tie, half = (Verdict(*x, 10, 20) for x in ((F, S), (S, F), (F, F), (T, T), (F, T)))
    assert [v.winner for v in (a, b, first, tie, half)] == ["a", "b", "tie", "tie", "tie"]
    assert [v.consistent for v in (a, b, first, tie, half)] == [True, True, False, True, False]
    found = summary([a, a, b, first], 0)
    assert (found.a_share, found.b_share, found.tie_share, found.consistent_share) == (0.5, 0.25, 0.25, 0.75)
    assert found.first_share == pytest.approx(5 / 8)
    assert found.longer_share == pytest.approx(1 / 3)


def test_a_taste_for_length_is_seen() -> None:
    lengths = [(10, 30), (30, 10), (12, 40), (50, 20), (9, 11)]
    longer = [Verdict(*((S, F) if a < b else (F, S)), a, b) for a, b in lengths]
    found = summary(longer, 0)
    assert found.longer_share == 1.0
    assert found.length_correlation is not None
    assert found.length_correlation > 0.8
    level = summary([replace(v, words_a=10, words_b=10) for v in longer], 0)
    assert (level.longer_share, level.length_correlation) == (None, None)
    assert correlation([1, 2], [1, 2]) is None
