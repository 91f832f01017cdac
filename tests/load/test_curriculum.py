"""Stages by step: what each says, from its first sample to its last, and what makes no curriculum."""

from collections.abc import Mapping
from itertools import islice

import pytest

from datagen.errors import UserError
from datagen.load.curriculum import Curriculum, Stage

NAMES = ("service", "qa", "calls")


def shares(weights: Mapping[str, float], called: str) -> list[float]:
    total = sum(weights.values())
    return [weights.get(n, 0.0) / total for n in NAMES]


def counts(curriculum: Curriculum, first: int, last: int) -> list[int]:
    """How many of samples `first` to `last` each source has, by going through them."""
    turns = [s for s, _ in islice(curriculum.course(shares, seed=1).turns(), last)][first:]
    return [turns.count(i) for i in range(len(NAMES))]


FIRST_SYNTHETIC = Curriculum(
    [
        Stage(until_step=10, weights={"service": 3, "qa": 1}),
        Stage(until_step=20, weights={"service": 2, "qa": 1, "calls": 1}),
        Stage(until_step=None, weights={"calls": 1}),
    ],
    samples_a_step=8,
)


def test_each_stage_has_its_weights_from_its_first_step_on() -> None:
    FIRST_SYNTHETIC.check(NAMES)
    assert counts(FIRST_SYNTHETIC, 0, 80) == [60, 20, 0]
    assert counts(FIRST_SYNTHETIC, 80, 160) == [40, 20, 20]
    assert counts(FIRST_SYNTHETIC, 160, 200) == [0, 0, 40]
    for n in range(81, 161):
        in_stage = counts(FIRST_SYNTHETIC, 80, n)
        assert all(abs(c - (n - 80) * w) < 1 for c, w in zip(in_stage, (0.5, 0.25, 0.25), strict=True))


@pytest.mark.parametrize("start", [0, 79, 80, 81, 159, 160, 161])
def test_turns_go_on_across_a_border_as_if_never_stopped(start: int) -> None:
    course = FIRST_SYNTHETIC.course(shares, seed=1)
    whole = list(islice(course.turns(), 200))
    assert list(islice(course.turns(start), 200 - start)) == whole[start:]


def test_a_ramp_goes_evenly_from_the_stage_before() -> None:
    curriculum = Curriculum(
        [Stage(10, {"service": 1}), Stage(None, {"service": 1, "calls": 3}, ramp_steps=100)], samples_a_step=4
    )
    curriculum.check(("service", "calls"))
    course = curriculum.course(shares, seed=0)
    calls = [course.shares(at)[2] for at in range(40, 440)]
    assert calls == sorted(calls)
    assert all(abs(share - 0.75 * i / 400) < 0.75 / 64 for i, share in enumerate(calls))
    assert course.shares(39)[2] == 0
    assert course.shares(440)[2] == 0.75
    # Over the ramp the shares' mean, 3/8 of 400 samples; then the stage's own.
    assert abs(counts(curriculum, 40, 440)[2] - 150) <= 1
    assert counts(curriculum, 440, 840) == [100, 0, 300]


def test_a_ramp_may_be_all_of_a_stage() -> None:
    stages = [Stage(5, {"qa": 1}), Stage(10, {"calls": 1}, ramp_steps=5), Stage(None, {"calls": 1})]
    curriculum = Curriculum(stages, samples_a_step=2)
    curriculum.check(("qa", "calls"))
    assert counts(curriculum, 0, 10) == [0, 10, 0]
    assert counts(curriculum, 10, 20) == [0, 5, 5]
    assert counts(curriculum, 20, 30) == [0, 0, 10]


def test_another_seed_lets_others_be_first() -> None:
    even = Curriculum([Stage(None, dict.fromkeys(NAMES, 1.0))])
    firsts = {next(even.course(shares, seed).turns())[0] for seed in range(12)}
    assert firsts == {0, 1, 2}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "the curriculum has no stage"),
        ([Stage(10, {"qa": 1})], "ends at step 10. Its last stage has until_step=None"),
        ([Stage(None, {"qa": 1}), Stage(None, {"qa": 1})], "stage 1 has no end"),
        ([Stage(10, {"qa": 1}), Stage(10, {"qa": 1}), Stage(None, {"qa": 1})], "stage 2 is until step 10, and the one before ends at 10"),
        ([Stage(0, {"qa": 1}), Stage(None, {"qa": 1})], "stage 1 is until step 0"),
        ([Stage(None, {"qa": -1})], "stage 1: the weight of 'qa' is -1"),
        ([Stage(None, {"qa": float("nan")})], "stage 1: the weight of 'qa' is nan"),
        ([Stage(None, {"qa": 0})], "stage 1 has no weight above 0"),
        ([Stage(5, {"qa": 1}), Stage(None, {"fisher": 1})], "stage 2 has a weight of 'fisher', and the mix has 'service', 'qa', 'calls'"),
        ([Stage(None, {"qa": 1}, ramp_steps=3)], "stage 1 has ramp_steps=3: a ramp comes from the stage before"),
        ([Stage(5, {"qa": 1}), Stage(9, {"qa": 1}, 5), Stage(None, {"qa": 1})], "stage 2 is 4 steps long, and its ramp 5"),
        ([Stage(None, {"qa": 1, "service": 1})], "calls: in the mix without a weight above 0 in any stage"),
    ],
)  # fmt: skip
def test_what_makes_no_curriculum_is_one_line(stages: list[Stage], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Curriculum(stages).check(NAMES)


def test_a_step_takes_a_dialogue_at_least() -> None:
    with pytest.raises(UserError, match="samples_a_step=0"):
        Curriculum([Stage(None, {"qa": 1})], samples_a_step=0).check(("qa",))
