"""The distribution of FTOs: its two halves, its presets, what the knobs do to it and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stitch_factories import dialog, plan, turn

from datagen.config import read_options
from datagen.errors import UserError
from datagen.records.enums import Speaker, TurnType
from datagen.records.speech import SAMPLE_RATE_HZ, SpokenDialog
from datagen.stages.stitch.bearing import bear
from datagen.stages.stitch.lognormal import Lognormal
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.placing import place
from datagen.stages.stitch.presets import presets
from datagen.stages.stitch.shaping import Shaped, shape
from datagen.stages.stitch.unit import rules_of

LONG = [0.3] * 14


def options(**values) -> StitchOptions:
    return read_options(StitchOptions, values, "stitch")


def draws(chosen: StitchOptions, n: int = 2_000) -> np.ndarray:
    """FTOs without turns that would bound them, from evenly drawn quantiles."""
    rng = np.random.default_rng(5)
    model = chosen.fto_model()
    return np.array([model.quantile(u) for u in rng.random(n)])


def ftos(chosen: StitchOptions, said: SpokenDialog, index: int) -> list[float]:
    """The FTOs in seconds of one dialogue as it is placed."""
    shaped = shape(plan(index), said, chosen, np.random.default_rng(index))
    assert isinstance(shaped, Shaped)
    rules = rules_of(chosen)
    placement = place(bear(shaped.shapes, rules), rules, shaped.lead, shaped.tail, 10**9)
    return [s.fto / SAMPLE_RATE_HZ for s in placement.spots if s.fto is not None]


def measured(chosen: StitchOptions, n_dialogs: int = 60, kind: TurnType = TurnType.STATEMENT) -> np.ndarray:
    """The FTOs of dialogues of 20 long turns each."""
    turns = tuple(turn(i, list(Speaker)[i % 2], LONG, kind, level=0) for i in range(20))
    return np.array([fto for index in range(n_dialogs) for fto in ftos(chosen, SpokenDialog("d", turns), index)])


@given(st.floats(0.01, 5), st.floats(0, 2), st.floats(0, 1), st.floats(1, 8), st.floats(0, 1), st.floats(0, 1))
def test_a_lognormals_draws_stay_within_its_limits_and_rise(median, sigma, low, high, u, v):
    values = Lognormal(median, sigma, low, high)
    below, above = sorted((values.quantile(u), values.quantile(v)))
    assert low <= below <= above <= high
    assert values.quantile(min(u, v)) <= values.quantile(max(u, v))


@pytest.mark.parametrize("name", ["conversational", "telephone", "brisk"])
def test_2000_draws_have_skewed_gaps_and_the_presets_overlap_share(name):
    found, asked = draws(options(timing=name)), presets()[name]
    gaps, overlaps = found[found >= 0], -found[found < 0]
    assert np.mean(found < 0) == pytest.approx(asked.overlap_share, rel=0.1)
    assert np.median(gaps) == pytest.approx(asked.gap_median_s, rel=0.1)
    assert np.median(overlaps) == pytest.approx(asked.overlap_median_s, rel=0.1)
    for half in (gaps, overlaps):
        assert np.mean(half) > 1.05 * np.median(half)
        assert np.quantile(half, 0.9) - np.median(half) > 1.4 * (np.median(half) - np.quantile(half, 0.1))


def test_conversational_has_the_median_that_its_source_gives():
    assert np.median(draws(options())) == pytest.approx(0.08, abs=0.03)


def test_fixed_is_one_gap_to_the_sample():
    found = measured(options(timing="fixed"), n_dialogs=2)
    assert np.ptp(found) < 1e-9
    assert found[0] == pytest.approx(0.64, abs=1e-3)


@pytest.mark.parametrize("name", ["conversational", "telephone", "brisk"])
def test_the_placed_turns_keep_the_presets_shares_and_medians(name):
    found, asked = measured(options(timing=name)), presets()[name]
    assert np.mean(found < 0) == pytest.approx(asked.overlap_share, rel=0.1)
    assert np.median(found[found >= 0]) == pytest.approx(asked.gap_median_s, rel=0.15)


def service_like(index: int) -> SpokenDialog:
    """Twenty turns, the user's short (one of them in five a single word or two), the agent's longer."""
    rng = np.random.default_rng(index)
    sizes = [int(np.clip(rng.lognormal(1.6 if i % 2 else 2.4, 0.7), 1, 40)) for i in range(20)]
    turns = [
        turn(i, list(Speaker)[i % 2], rng.uniform(0.15, 0.45, n), gap_s=0.02, level=0) for i, n in enumerate(sizes)
    ]
    return SpokenDialog("d", tuple(turns))


@pytest.mark.parametrize("name", ["conversational", "telephone", "brisk"])
def test_a_thousand_ftos_of_uneven_turns_keep_the_target_distribution(name):
    """The Kolmogorov-Smirnov distance to the preset itself, though short turns bear no long overlaps."""
    chosen, found = options(timing=name), []
    for index in range(53):
        found += ftos(chosen, service_like(index), index)
    assert len(found) > 1_000
    target = np.array([chosen.fto_model().cdf(x) for x in sorted(found)])
    steps = np.arange(len(found) + 1) / len(found)
    assert max(np.max(target - steps[:-1]), np.max(steps[1:] - target)) < 0.05
    assert np.mean(np.array(found) < 0) == pytest.approx(presets()[name].overlap_share, rel=0.1)


def test_the_models_cdf_undoes_its_quantile():
    model = options().fto_model()
    for u in np.linspace(0.01, 0.99, 50):
        assert model.cdf(model.quantile(u)) == pytest.approx(u, abs=1e-6)
        assert model.cdf(model.quantile(u, 0.5), 0.5) == pytest.approx(u, abs=1e-6)


def test_pairs_differ_as_their_share_says():
    """The latent variance between dialogues is the pair's share, and without one there is none."""
    said = dialog(1, 40, marked=False)

    def between(pair_share: float) -> float:
        chosen = options(fto={"pair_share": pair_share, "speaker_share": 0.0})
        means = []
        for index in range(150):
            shaped = shape(plan(index), said, chosen, np.random.default_rng(index))
            assert isinstance(shaped, Shaped)
            means.append(np.mean([s.u for s in shaped.shapes]))
        return float(np.var(means))

    assert between(0.0) < 0.0035
    assert between(0.5) > 4 * between(0.0)


def test_speakers_of_one_pair_differ_as_their_share_says():
    """How far apart the two speakers' mean quantiles are within a dialogue."""
    said = dialog(1, 40, marked=False)

    def apart(speaker_share: float) -> float:
        chosen = options(fto={"pair_share": 0.0, "speaker_share": speaker_share})
        gaps = []
        for index in range(60):
            shaped = shape(plan(index), said, chosen, np.random.default_rng(index))
            assert isinstance(shaped, Shaped)
            means = [np.mean([s.u for s in shaped.shapes if s.speaker is side]) for side in Speaker]
            gaps.append(means[0] - means[1])
        return float(np.var(gaps))

    assert apart(0.5) > 4 * apart(0.0)


@pytest.mark.parametrize(
    "wanted", [{"median_s": 0.2}, {"median_s": 0.5, "overlap_share": 0.1}, {"median_s": -0.3, "overlap_share": 0.7}]
)
def test_a_median_that_is_asked_for_is_met(wanted):
    assert np.median(draws(options(fto=wanted), 8_000)) == pytest.approx(wanted["median_s"], abs=0.03)


def test_overrides_shifts_and_latency_move_what_they_name():
    gap = {"overlap_share": 0.0, "gap_median_s": 0.1, "gap_sigma": 0.0, "pair_share": 0.0, "speaker_share": 0.0}
    assert measured(options(fto=gap), 1) == pytest.approx(0.1, abs=1e-4)
    assert measured(options(fto=gap, shift={"answer_s": 0.5}), 1, TurnType.ANSWER) == pytest.approx(0.6, abs=1e-4)
    assert measured(options(fto=gap), 1, TurnType.AFTER_LOOKUP) == pytest.approx(2.1, abs=1e-4)
    late = measured(options(fto=gap, agent_latency_s=(0.3, 0.3)), 1)
    assert late[0::2] == pytest.approx(0.1, abs=1e-4)  # the user's
    assert late[1::2] == pytest.approx(0.4, abs=1e-4)


def test_a_changed_preset_is_another_output():
    assert options().output_options()["preset"]["gap_median_s"] == 0.38
    assert options().output_options() != options(timing="brisk").output_options()


def test_every_preset_names_its_source_and_its_quality():
    for name, found in presets().items():
        assert len(found.source) > 20, name
        assert any(word in found.quality for word in ("published", "second-hand", "assumed")), name
        assert math.isfinite(options(timing=name).fto_model().quantile(0.5))


def test_pairs_explain_more_than_speakers_and_objections_come_late():
    for name in ("conversational", "telephone", "brisk"):
        pair, speaker = options(timing=name).variance_shares()
        assert pair > speaker > 0, name
        shifts = [
            options(timing=name).shift_s(kind)
            for kind in (TurnType.CONFIRMATION, TurnType.OBJECTION, TurnType.AFTER_LOOKUP)
        ]
        assert shifts == sorted(shifts), name
    assert options(timing="fixed").variance_shares() == (0, 0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"timing": "conversationel"}, "stitch: there is no preset 'conversationel'. Did you mean conversational?"),
        ({"timing": "x"}, "There are: conversational, telephone, brisk, fixed, empirical."),
        ({"fto": {"gap_medain_s": 1}}, "stitch.fto.gap_medain_s: there is no such key. Did you mean gap_median_s?"),
        ({"fto": {"overlap_share": 1.2}}, "stitch.fto.overlap_share: input should be less than 1, got 1.2"),
        ({"fto": {"median_s": 0.2, "gap_median_s": 0.2}}, "both set the gaps. Leave one out."),
        ({"fto": {"median_s": 0.2, "overlap_share": 0.6}}, "cannot be met with 60% overlaps"),
        ({"fto": {"median_s": -0.2, "overlap_share": 0.3}}, "cannot be met with 30% overlaps"),
        ({"fto": {"pair_share": 0.7, "speaker_share": 0.4}}, "is 1.1, and has to stay under 1"),
        ({"fto": {"gap_median_s": 5.0}}, "above fto.max_gap_s = 4 s"),
        ({"fto": {"overlap_share": 0.8, "median_s": 0.5}}, "a median FTO of 0.5 s cannot be met with 80% overlaps"),
        ({"fto": {"overlap_share": 0.8, "gap_share": 0.5}}, "80% overlap (overlap_share) and 50% silence (gap_share) come to 130%"),
        ({"timing": "fixed", "fto": {"overlap_share": 0.3}}, "fixed is one constant gap without overlap, and fto.overlap_share = 0.3"),
        ({"timing": "fixed", "fto": {"gap_sigma": 0.3}}, "fto.gap_sigma = 0.3 asks for more than that"),
        ({"timing": "fixed", "fto": {"pair_share": 0.3}}, "fto.pair_share = 0.3 asks for more than that"),
        ({"timing": "fixed", "fto": {"gap_share": 0.3}}, "fto.gap_share = 0.3 asks for more than that"),
        ({"fto": {"overlap_share": 0.0, "overlap_sigma": 0.3}}, "fto.overlap_sigma = 0.3 says how long they are"),
        ({"fto": {"overlap_share": 0.0}, "agent_latency_s": (-0.3, 0)}, "agent_latency_s = -0.3 s makes one of every gap below"),
        ({"timing": "fixed", "shift": {"answer_s": -0.7}}, "shift.answer_s = -0.7 s makes one of every gap below 0.7 s"),
        ({"fto": {"overlap_median_s": 4.0}}, "half of the overlaps are above 4 s, and fto.max_overlap_words = 6"),
        ({"pause": {"between_turns_median_s": 6.0}}, "is 6 s, above fto.max_gap_s = 4 s"),
        ({"agent_latency_s": (0.5, 0.1)}, "stitch.agent_latency_s: needs -2 <= lowest <= highest <= 10 s, got 0.5 and 0.1"),
        ({"agent_latency_s": -3}, "got -3 and -3"),
        ({"lead_s": (2.0, 1.0)}, "stitch.lead_s: needs 0 <= lowest <= highest <= 60 s, got 2 and 1."),
        ({"barge_in": {"yield_s": (0.1,)}}, "stitch.barge_in.yield_s"),
        ({"barge_in": {"yield_median_s": 3}}, "stitch.barge_in: yield_median_s is 3 s, outside of yield_s = 0.12 to 1.2 s"),
        ({"barge_in": {"yield_s": (2.0, 3.0)}}, "yield_median_s is 0.4 s, outside of yield_s = 2 to 3 s"),
        ({"long_silence": {"median_s": 3}}, "stitch.long_silence: median_s is 3 s, outside of length_s = 5 to 30 s"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_met_are_one_clear_line(values, said):
    with pytest.raises(UserError) as caught:
        options(**values)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
