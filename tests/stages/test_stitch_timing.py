"""What a build's timing is measured against: the target's distribution, the expectations, and the gate."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from stitch_corpus import part, parts, simulated

from datagen.config import read_options
from datagen.records.enums import EventType
from datagen.stages.stitch.fto import LognormalFto
from datagen.stages.stitch.gate import missed
from datagen.stages.stitch.gate_options import GateOptions
from datagen.stages.stitch.measures import TimingSums
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.target import FtoTarget, is_constant, mixture
from datagen.stages.stitch.timing import Timing, timing
from datagen.stages.stitch.word_cover import Cover, common_s

CONTINUOUS = ("conversational", "telephone", "brisk")
RATE = 24_000


def options(**values) -> StitchOptions:
    return read_options(StitchOptions, values, "stitch")


@cache
def target(name: str = "conversational", *more: int) -> FtoTarget:
    """A preset's distribution, with more transfers shifted by so many milliseconds, one for three without a shift."""
    found = mixture(options(timing=name).fto_model(), {0: 3, **dict.fromkeys(more, 1)})
    assert found is not None
    return found


def measured(chosen: StitchOptions, dialogs) -> Timing:
    sums = TimingSums(chosen)
    for one in dialogs:
        sums.add(one)
    return timing(sums)


# The target's distribution.


@pytest.mark.parametrize("name", CONTINUOUS)
def test_the_table_is_the_model(name):
    model, found = options(timing=name).fto_model(), target(name)
    for x in np.linspace(-2, 3, 41):
        assert found.share_below(x) == pytest.approx(model.cdf(x), abs=2e-6)
    assert found.mean_gap_s() == pytest.approx(model.mean_gap_s(), rel=1e-4)
    assert found.mean_overlap_s() == pytest.approx(model.mean_overlap_s(), rel=1e-4)
    for u in (0.05, 0.3, 0.5, 0.9):
        assert found.quantile(u) == pytest.approx(model.quantile(u), abs=2e-3)


def test_a_mixture_is_the_mean_of_its_shifted_parts():
    model = options().fto_model()
    found = target("conversational", 900)
    for x in np.linspace(-1, 3, 23):
        assert found.share_below(x) == pytest.approx(0.75 * model.cdf(x) + 0.25 * model.cdf(x - 0.9), abs=2e-6)
    assert found.mean_overlap_s() == pytest.approx(
        0.75 * model.mean_overlap_s() + 0.25 * model.mean_overlap_s(0.9), rel=1e-4
    )


def test_no_transfer_has_no_target():
    assert mixture(options().fto_model(), {}) is None


@given(st.lists(st.floats(-3, 4), min_size=1, max_size=60))
def test_the_distance_is_that_of_scipy(values):
    found = target()
    wanted = stats.kstest(values, found.shares_below).statistic
    assert found.distance(np.array(values)) == pytest.approx(wanted, abs=1e-12)


def test_a_sample_of_the_model_is_near_and_of_another_model_is_not():
    rng = np.random.default_rng(3)
    for name in CONTINUOUS:
        model = options(timing=name).fto_model()
        own = np.array([model.quantile(u) for u in rng.random(2_000)])
        assert target(name).distance(own) < 0.04
        assert all(target(other).distance(own) > 0.06 for other in CONTINUOUS if other != name)


def test_constants_among_the_ftos_are_met_within_a_millisecond():
    """A gap of 0.2 s exactly, and spread overlaps: a naive distance takes a rounded sample for a miss."""
    model = LognormalFto(0.4, 0.2, 0.0, 0.4, 0.6, 4.0)
    found = mixture(model, {0: 1})
    assert found is not None
    assert not is_constant(model)
    sample = np.array([model.quantile(u) for u in (np.arange(1_000) + 0.5) / 1_000])
    assert found.distance(np.rint((sample + 1e-4) * RATE) / RATE) < 0.01
    assert found.distance(sample + 0.05) > 0.5


def test_only_fixed_is_constant():
    assert is_constant(options(timing="fixed").fto_model())
    assert not any(is_constant(options(timing=name).fto_model()) for name in CONTINUOUS)


# Words within overlaps.


def test_two_unbroken_turns_are_heard_together_as_long_as_they_overlap():
    tails, heads = Cover(), Cover()
    second = np.array([RATE], np.int64)
    for cover in (tails, heads):
        cover.add(np.array([0], np.int64), second, second)
    found = common_s(tails, heads)
    assert found[50] == pytest.approx(0.5, abs=0.01)
    assert found[0] == 0


def test_a_pause_at_the_edge_is_no_overlap_of_words():
    tails, heads = Cover(), Cover()
    zero, second = np.array([0], np.int64), np.array([RATE], np.int64)
    tails.add(np.array([RATE // 5], np.int64), second, second)  # silent for its last 0.2 s
    heads.add(zero, second, second)
    assert common_s(tails, heads)[20] == pytest.approx(0.0, abs=0.011)
    assert common_s(tails, heads)[50] == pytest.approx(0.3, abs=0.011)


# What is measured.


def test_one_dialogue_by_hand():
    """Lead 1 s; agent 2 s; gap 0.5 s; user 1 s; agent after 0.25 s of overlap, 2 s, cut by the user after 1.5 s; tail 1 s."""
    one = part(
        [("agent", 1.0, 3.0), ("user", 3.5, 4.5), ("agent", 4.25, 6.25), ("user", 5.75, 7.0), ("user", 7.8, 8.8)],
        events=[(2, EventType.BARGE_IN, 1, 5.75, 6.25), (0, EventType.BACKCHANNEL, 1, 1.8, 2.2)], duration_s=9.8,
    )  # fmt: skip
    found = measured(options(), [one]).output
    assert found["n_ftos"] == 2  # the user's first, and the agent's second
    assert found["fto_p50_s"] == pytest.approx(0.125)
    assert found["fto_overlap_share"] == 0.5
    assert found["user_fto_p50_s"] == 0.5
    assert found["agent_fto_p50_s"] == -0.25
    assert found["yield_mean_s"] == 0.5
    assert found["own_pause_mean_s"] == pytest.approx(0.8)
    minutes = 9.8 / 60
    assert found["gap_s_per_min"] == pytest.approx(0.5 / minutes)
    assert found["overlap_s_per_min"] == pytest.approx(0.75 / minutes)
    assert found["overlap_per_min"] == pytest.approx(2 / minutes)
    assert found["barge_in_per_h"] == pytest.approx(60 / minutes)
    assert found["backchannel_user_per_min"] == pytest.approx(1 / (4 / 60))  # the agent's turns last 4 s
    assert found["backchannel_agent_per_min"] == 0
    assert found["mean_duration_s"] == 9.8


def test_a_long_silence_is_no_fto_and_side_talk_makes_no_hesitation():
    one = part(
        [("agent", 0.5, 2.5), ("user", 12.5, 18.5)],
        events=[
            (1, EventType.LONG_SILENCE, 1, 2.5, 12.5), (1, EventType.PAUSE, 1, 14.0, 16.0), (1, EventType.SIDE_TALK, 1, 14.5, 15.5),
        ],
    )  # fmt: skip
    found = measured(options(), [one]).output
    assert found["n_ftos"] == 0
    assert not {"ks_fto", "fto_p50_s"} & set(found)
    assert found["long_silence_mean_s"] == 10.0
    assert "hesitation_mean_s" not in found
    assert found["side_talk_share"] == 1.0


@pytest.mark.parametrize("n_turns", [0, 1, 2])
def test_builds_of_hardly_anything_have_a_timing(n_turns):
    turns = [("agent", 0.5, 2.0), ("agent", 2.5, 3.5)][:n_turns]
    found = measured(options(), [part(turns, duration_s=4.0)])
    assert found.ftos is None
    assert found.output["n_ftos"] == 0
    assert set(found.target) <= set(found.output)
    assert all(math.isfinite(v) for v in (*found.output.values(), *found.target.values()))


def test_what_falls_on_words_is_counted_by_turn():
    one = part([("agent", 1.0, 2.0), ("user", 1.5, 3.0), ("agent", 4.0, 5.0)])
    turn, start, end = (
        np.array([0, 0, 0, 1, 2, 2]),
        np.array([0, 1.5, 2.5, 1.0, 0.0, 4.25]),
        np.array([9, 1.75, 3.5, 2.0, 1.0, 4.5]),
    )
    found = one.words_within(turn, *(np.rint(at * RATE).astype(np.int64) for at in (start, end)))
    assert (found / RATE).tolist() == [1.0, 0.25, 0.0, 0.5, 0.0, 0.25]


def test_no_dialogue_has_no_timing():
    assert measured(options(), []) == Timing({}, {}, None)
    assert measured(options(), [part([], n_dialogs=0)]) == Timing({}, {}, None)


def test_how_the_dialogues_are_cut_into_shards_and_their_order_change_nothing():
    chosen = options()
    dialogs = list(parts(chosen, 12))
    assert measured(chosen, dialogs) == measured(chosen, reversed(dialogs))
    assert measured(chosen, dialogs) == measured(chosen, parts(chosen, 12, shard=5))


# Output and target, on dialogues as stitch makes them.


@pytest.fixture(scope="module", params=CONTINUOUS)
def thousand(request) -> Timing:
    """Dialogues of uneven turns."""
    return simulated(options(timing=request.param), 75)


def test_a_thousand_ftos_follow_every_continuous_preset(thousand):
    assert thousand.output["n_ftos"] > 1_000
    assert thousand.output["ks_fto"] < 0.06


@pytest.mark.parametrize(
    "name",
    [
        "fto_overlap_share", "overlap_share", "silence_share", "gap_per_min", "gap_s_per_min", "overlap_per_min", "overlap_s_per_min",
        "pause_s_per_min", "backchannel_agent_per_min", "backchannel_user_per_min",
    ],
)  # fmt: skip
def test_every_share_and_rate_is_within_a_tenth_of_its_target(thousand, name):
    assert thousand.output[name] == pytest.approx(thousand.target[name], rel=0.1)


def test_fixed_is_met_within_a_millisecond():
    found = simulated(options(timing="fixed"), 8)
    assert found.output["fto_max_error_s"] < 1e-3
    assert "ks_fto" not in found.output
    off = measured(options(timing="fixed"), [part([("agent", 0.5, 2.0), ("user", 2.65, 4.0), ("agent", 4.64, 6.0)])])
    assert off.output["fto_max_error_s"] == pytest.approx(0.01, abs=1e-6)


def test_the_agents_latency_is_in_the_target():
    slow = simulated(options(agent_latency_s=(0.5, 1.5)), 30)
    assert slow.output["ks_fto"] < 0.06
    assert slow.target["agent_fto_p50_s"] == pytest.approx(1.1, abs=0.1)
    assert slow.output["agent_fto_p50_s"] == pytest.approx(slow.target["agent_fto_p50_s"], abs=0.1)
    assert slow.target["user_fto_p50_s"] == pytest.approx(0.1, abs=0.05)


def test_an_empirical_preset_is_its_own_target():
    model = options().fto_model()
    quantiles = [round(model.quantile(u), 4) for u in np.linspace(0.002, 0.998, 201)]
    chosen = options(timing="empirical", empirical={"fto_s": quantiles, "pause_s": [0.4, 0.5, 0.7, 1.0, 2.0]})
    found = simulated(chosen, 40)
    assert found.output["ks_fto"] < 0.06
    assert found.target["hesitation_mean_s"] == pytest.approx((0.45 + 0.6 + 0.85 + 1.5) / 4)
    assert found.output["hesitation_mean_s"] == pytest.approx(found.target["hesitation_mean_s"], rel=0.2)
    assert found.output["gap_s_per_min"] == pytest.approx(found.target["gap_s_per_min"], rel=0.1)


def test_a_timing_that_is_not_asked_for_is_seen():
    """The same dialogues, held against another preset: it is the recipe that the output is compared with."""
    chosen = options(timing="telephone")
    found = measured(options(timing="brisk"), parts(chosen, 30))
    assert found.output["ks_fto"] > 0.1
    assert abs(found.output["overlap_share"] / found.target["overlap_share"] - 1) > 0.5


def test_the_target_knows_nothing_of_the_draws():
    """Moving every gap by a tenth of a second moves the output and leaves the expectations of FTOs where they are."""
    base = [("agent", 1.0, 3.0), ("user", 3.2, 5.0), ("agent", 5.4, 8.0)]
    moved = [("agent", 1.0, 3.0), ("user", 3.3, 5.1), ("agent", 5.6, 8.2)]
    found, other = (measured(options(), [part(turns)]) for turns in (base, moved))
    assert found.output["gap_s_per_min"] != other.output["gap_s_per_min"]
    for name in ("gap_s_per_min", "overlap_s_per_min", "silence_share", "overlap_share", "fto_p50_s"):
        assert found.target[name] == pytest.approx(other.target[name], abs=1e-6), name


def test_the_histogram_counts_all_and_expects_all():
    found = simulated(options(), 10)
    assert found.ftos is not None
    assert sum(found.ftos.counts) == found.output["n_ftos"]
    assert sum(found.ftos.target) == pytest.approx(1, abs=1e-4)
    assert len(found.ftos.counts) == len(found.ftos.target) == 50


# The gate.

OUTPUT = {
    "n_ftos": 1_240.0,
    "ks_fto": 0.12,
    "fto_p50_s": -0.3,
    "fto_overlap_share": 0.6,
    "overlap_share": 0.08,
    "silence_share": 0.2,
}
TARGET = {"fto_p50_s": 0.1, "fto_overlap_share": 0.479, "overlap_share": 0.06, "silence_share": 0.19}


def test_the_gate_says_what_how_far_and_which_knob():
    said = missed(OUTPUT, TARGET, GateOptions())
    assert said is not None
    assert "\n" not in said
    for part_ in (
        "ks_fto is 0.120",
        "1,240",
        "limit 0.1",
        "-0.30 s against +0.10 s",
        "60.0% against 47.9%",
        "stitch.gate.max_ks_fto",
    ):
        assert part_ in said
    said = missed(OUTPUT, TARGET, GateOptions(max_ks_fto=1, max_share_error=0.3))
    assert said is not None
    assert "overlap_share is 8.0%, and its target 6.0%: 33% off (limit 30%)" in said


@pytest.mark.parametrize(
    "gate",
    [{"max_ks_fto": 0.2}, {"max_ks_fto": 1}, {"min_ftos": 1_241}, {"max_ks_fto": 1, "max_share_error": 0.4}],
)
def test_the_gate_lets_pass_what_it_may(gate):
    assert missed(OUTPUT, TARGET, GateOptions(**gate)) is None


def test_the_gate_passes_a_build_without_transfers():
    assert missed({"n_ftos": 0.0}, {}, GateOptions(min_ftos=1)) is None
    assert missed({}, {}, GateOptions(min_ftos=1)) is None


def test_the_gate_changes_no_output():
    assert options(gate={"max_ks_fto": 0.5}).output_options() == options().output_options()
