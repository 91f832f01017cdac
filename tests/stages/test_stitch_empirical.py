"""FTOs by quantiles: a distribution like the others, its file, and the wishes that cannot be met beside it."""

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen import recipes
from datagen.build import resolve
from datagen.config import read_options
from datagen.errors import UserError
from datagen.records.enums import Speaker, TurnType
from datagen.stages.stitch.empirical import EmpiricalFto, Quantiles
from datagen.stages.stitch.fto import FtoModel, LognormalFto
from datagen.stages.stitch.lognormal import Lognormal
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.presets import presets

FTO_S = [-1.2, -0.5, -0.2, 0.1, 0.3, 0.7, 2.0]


def options(**values: object) -> StitchOptions:
    return read_options(StitchOptions, values, "stitch")


def empirical(**values: object) -> StitchOptions:
    return options(timing="empirical", empirical={"fto_s": FTO_S, **values})


_LISTS = st.lists(st.floats(-9, 20).map(lambda v: round(v, 3)), min_size=5, max_size=30).map(sorted)
_EMPIRICAL = _LISTS.map(lambda values: EmpiricalFto(tuple(values)))
_LOGNORMAL = st.builds(
    LognormalFto, st.floats(0, 0.99), st.floats(0.01, 3), st.floats(0, 1.5), st.floats(0.01, 3), st.floats(0, 1.5),
    st.floats(0.05, 10),
)  # fmt: skip
MODELS: st.SearchStrategy[FtoModel] = st.one_of(_EMPIRICAL, _LOGNORMAL)
UNIT = st.floats(0, 1)
BOUNDS = st.one_of(st.just(math.inf), st.floats(0, 10))


@given(MODELS, UNIT, UNIT, BOUNDS)
def test_quantiles_rise_and_stay_within_the_bound(model: FtoModel, u: float, v: float, bound_s: float) -> None:
    low, high = (model.quantile(x, bound_s) for x in sorted((u, v)))
    assert math.isfinite(low)
    assert -bound_s - 1e-9 <= low <= high + 1e-9


@given(MODELS, st.floats(-10, 20), st.floats(-10, 20), BOUNDS)
def test_cdfs_rise_from_0_to_1(model: FtoModel, a: float, b: float, bound_s: float) -> None:
    low, high = (model.cdf(x, bound_s) for x in sorted((a, b)))
    assert 0 <= low <= high + 1e-9 <= 1 + 2e-9
    assert model.cdf(1e6, bound_s) == pytest.approx(1)
    assert model.cdf(-1e6, bound_s) == 0


@given(MODELS, UNIT, BOUNDS)
def test_cdf_and_quantile_undo_each_other(model: FtoModel, u: float, bound_s: float) -> None:
    """Up to values that a share of the draws has: there the cdf jumps over `u`."""
    at = model.quantile(u, bound_s)
    assert model.cdf(at + 1e-6, bound_s) >= u - 1e-4
    assert model.cdf(at - 1e-6, bound_s) <= u + 1e-4


@settings(deadline=None, max_examples=60)
@given(MODELS, BOUNDS)
def test_a_bound_leaves_the_share_of_overlaps_alone(model: FtoModel, bound_s: float) -> None:
    us = (np.arange(400) + 0.5) / 400
    free, bound = (np.array([model.quantile(u, b) for u in us]) for b in (math.inf, bound_s))
    assert np.mean(free < 0) == pytest.approx(model.overlap_share, abs=0.003)
    if bound_s > 1e-3:
        assert np.mean(bound < 0) == pytest.approx(np.mean(free < 0), abs=0.006)
    assert np.all(free[free >= 0] == bound[free >= 0])


@settings(deadline=None, max_examples=60)
@given(MODELS, st.floats(-2, 2))
def test_means_are_those_of_the_draws(model: FtoModel, shift_s: float) -> None:
    shifted = np.array([model.quantile(u) for u in (np.arange(4_000) + 0.5) / 4_000]) + shift_s
    assert model.mean_gap_s(shift_s) == pytest.approx(np.mean(np.maximum(shifted, 0)), abs=0.01, rel=0.02)
    assert model.mean_overlap_s(shift_s) == pytest.approx(np.mean(np.maximum(-shifted, 0)), abs=0.01, rel=0.05)
    mean = model.mean_gap_s() - model.mean_overlap_s()
    assert model.mean_gap_s(shift_s) - model.mean_overlap_s(shift_s) == pytest.approx(mean + shift_s, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.floats(0.05, 3), st.floats(0, 1.5), st.floats(0, 0.5), st.floats(0.6, 5), st.floats(0, 6))
def test_the_mean_below_a_value_is_that_of_the_draws(
    median: float, sigma: float, low: float, high: float, value: float
) -> None:
    lengths = Lognormal(median, sigma, low, high)
    drawn = np.array([lengths.quantile(u) for u in (np.arange(2_000) + 0.5) / 2_000])
    near = np.mean(np.abs(drawn - value) < 1e-3)  # a constant at the value counts as below or not
    assert lengths.mean_below(value) == pytest.approx(np.mean(np.where(drawn <= value, drawn, 0)), abs=0.01 + 5 * near)


def test_an_overlap_share_is_where_the_quantiles_cross_0() -> None:
    model = EmpiricalFto(tuple(FTO_S))
    assert model.overlap_share == pytest.approx((2 + 0.2 / 0.3) / 6)
    assert model.quantile(model.overlap_share) == pytest.approx(0)
    assert EmpiricalFto((0.0, 0.0, 1.0)).overlap_share == 0
    assert EmpiricalFto((-1.0, 0.0, 0.0, 0.0, 1.0)).overlap_share == 0.25
    assert Quantiles((0.64,) * 5).cdf(0.64) == 1
    assert Quantiles((0.64,) * 5).cdf(0.6399) == 0


def test_a_named_presets_quantiles_make_the_same_model() -> None:
    for name in presets():
        model = StitchOptions(timing=name).fto_model()
        listed = [round(model.quantile(min(max(i / 400, 0.001), 0.999)), 5) for i in range(401)]
        same = options(timing="empirical", empirical={"fto_s": listed}).fto_model()
        for u in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98):
            assert same.quantile(u) == pytest.approx(model.quantile(u), abs=0.02)
        assert same.overlap_share == pytest.approx(model.overlap_share, abs=0.003)


def test_quantiles_are_quick_to_draw_from() -> None:
    model = EmpiricalFto(tuple(np.linspace(-1.2, 3, 201)))
    began = time.process_time()
    for i in range(20_000):
        model.quantile(i / 20_000, 0.3)
    assert time.process_time() - began < 2.0  # 0.1 ms a draw is a hundredth of what a turn may take


def test_the_table_sets_shares_shifts_pauses_and_backchannels() -> None:
    chosen = empirical(
        pair_share=0.3, speaker_share=0.02, shift={"answer_s": 0.2}, pause_s=[0.2, 0.3, 0.4, 0.5, 1.0],
        between_turns_median_s=0.9, between_turns_sigma=0.1, backchannel_per_min=4.5,
    )  # fmt: skip
    assert chosen.variance_shares() == (0.3, 0.02)
    assert chosen.shift_s(TurnType.ANSWER) == 0.2
    assert chosen.shift_s(TurnType.AFTER_LOOKUP) == 0
    assert chosen.pause_lengths().quantile(0.5) == 0.4
    assert chosen.between_turns().quantile(0.5) == pytest.approx(0.9)
    assert chosen.backchannel_per_min(Speaker.USER) == 4.5
    assert empirical(between_turns_median_s=5.0).between_turns().quantile(0.4) > 4
    own = options(
        timing="empirical", empirical={"fto_s": FTO_S, "backchannel_per_min": 4.5, "pair_share": 0.3},
        backchannel={"user_per_min": 1.0}, fto={"pair_share": 0.1}, shift={"answer_s": -0.1},
    )  # fmt: skip
    assert own.backchannel_per_min(Speaker.USER) == 1.0
    assert own.backchannel_per_min(Speaker.AGENT) == 4.5
    assert own.variance_shares()[0] == 0.1
    assert own.shift_s(TurnType.ANSWER) == -0.1
    named = options()
    assert named.pause_lengths().quantile(0.5) == pytest.approx(named.pause.median_s, rel=0.1)
    assert named.backchannel_per_min(Speaker.USER) == named.backchannel.user_per_min


def test_numbers_are_the_content_and_words_about_them_are_not() -> None:
    assert empirical().output_options() == empirical(source="elsewhere", quality="better").output_options()
    assert empirical().output_options() != empirical(pair_share=0.2).output_options()
    assert empirical().output_options()["preset"]["fto_s"] == FTO_S


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("fto_s", [], "has 0 quantiles, and needs 5"),
        ("fto_s", [0.2], "has 1 quantiles, and needs 5"),
        ("fto_s", 0.2, "needs a list of at least 5 numbers, got 0.2"),
        ("fto_s", "0.1 0.2", "needs a list of at least 5 numbers, got '0.1 0.2'"),
        ("fto_s", None, "needs a list of at least 5 numbers, got None"),
        ("fto_s", [0.1, 0.2, 0.3, 0.25, 0.4], "falls at position 3 of 5: 0.25 s after 0.3 s. Quantiles never fall"),
        ("fto_s", [0.1, math.nan, 0.3, 0.4, 0.5], "position 1 of 5 is nan: needs a finite number"),
        ("fto_s", [0.1, 0.2, 0.3, 0.4, math.inf], "position 4 of 5 is inf: needs a finite number"),
        ("fto_s", [0.1, 0.2, "0.3", 0.4, 0.5], "position 2 of 5 is '0.3': needs a finite number"),
        ("fto_s", [0.1, 0.2, True, 0.4, 0.5], "position 2 of 5 is True"),
        ("fto_s", [0.1, 0.2, 10**400, 0.4, 0.5], "position 2 of 5 is 1000"),
        ("fto_s", [0.1, [0.2], 0.3, 0.4, 0.5], "position 1 of 5 is [0.2]"),
        ("fto_s", [-50, 0.2, 0.3, 0.4, 0.5], "position 0 of 5 is -50 s, outside of -10 to 60 s"),
        ("fto_s", [0.1, 0.2, 0.3, 0.4, 380], "position 4 of 5 is 380 s, outside of -10 to 60 s"),
        ("fto_s", [-5, -4, -3, -2, -1], "all 5 quantiles are overlaps (the highest is -1 s)"),
        ("fto_s", [float(i) / 1_000 for i in range(20_000)], "has 20000 quantiles"),
        ("pause_s", [-0.2, 0.2, 0.3, 0.4, 0.5], "position 0 of 5 is -0.2 s, outside of 0 to 60 s"),
        ("pause_s", [0.5, 0.2, 0.3, 0.4, 0.5], "falls at position 1"),
        ("pair_share", 1.5, "less than 1"),
        ("fot_s", [1, 2, 3, 4, 5], "there is no such key. Did you mean fto_s?"),
    ],
)  # fmt: skip
def test_a_broken_list_names_file_key_position_and_values(tmp_path: Path, key: str, values: object, said: str) -> None:
    with pytest.raises(UserError) as caught:
        options(timing="empirical", empirical={"fto_s": FTO_S, key: values})
    assert f"stitch.empirical.{key}: " in str(caught.value)
    assert said in str(caught.value)
    if values is None:
        return  # TOML has no null
    path = tmp_path / "mine.toml"
    path.write_text(f"fto_s = {FTO_S}\n" * (key != "fto_s") + f"{key} = {_toml(values)}\n")
    with pytest.raises(UserError) as caught:
        recipes.compose(sets=["stitch.timing=empirical", f"stitch.empirical={path}"])
    assert f"mine.toml.{key}: " in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_with_a_byte_order_mark_is_read_and_a_folder_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"fto_s = {FTO_S}\n", encoding="utf-8-sig")
    asked = ["stitch.timing=empirical", f"stitch.empirical={path}"]
    assert recipes.compose(sets=asked).stitch["empirical"] == {"fto_s": FTO_S}
    with pytest.raises(UserError, match="is a folder, and a file is needed"):
        recipes.compose(sets=["stitch.timing=empirical", f"stitch.empirical={tmp_path}"])


def _toml(values: object) -> str:
    return json.dumps(values).replace("NaN", "nan").replace("Infinity", "inf")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"timing": "empirical"}, "timing = empirical needs its quantiles: stitch.empirical = FILE"),
        ({"empirical": {"fto_s": FTO_S}}, "empirical is given, and timing is conversational. Set stitch.timing=empirical"),
        ({"fto": {"overlap_share": 0.4}}, "fto.overlap_share = 0.4 does not apply to timing = empirical"),
        ({"fto": {"median_s": 0.4}}, "fto.median_s = 0.4 does not apply to timing = empirical"),
        ({"fto": {"max_gap_s": 1.0}}, "empirical.fto_s reaches 2 s, above fto.max_gap_s = 1 s"),
        ({"pause": {"sigma": 0.2}, "empirical": {"fto_s": FTO_S, "pause_s": [0.2] * 5}}, "pause.sigma and the pauses of"),
        ({"fto": {"speaker_share": 0.9}}, "is 1.05, and has to stay under 1"),
        ({"empirical": {"fto_s": [-9, -8, -7, 1, 2, 3]}}, "half of the overlaps are above 7.6 s, and fto.max_overlap_words = 6"),
    ],
)  # fmt: skip
def test_wishes_beside_quantiles(values: dict[str, object], said: str) -> None:
    given = (
        {"timing": "empirical", "empirical": {"fto_s": FTO_S}, **values}
        if len(values) != 1 or "fto" in values
        else values
    )
    if set(values) == {"empirical"} and "overlaps" in said:
        given = {"timing": "empirical", **values}
    with pytest.raises(UserError) as caught:
        options(**given)
    assert said in str(caught.value)


@pytest.fixture
def preset_file(tmp_path: Path) -> Path:
    path = tmp_path / "talk.toml"
    path.write_text(f'source = "here"\nfto_s = {FTO_S}\n[shift]\nanswer_s = 0.1\n')
    return path


def test_a_recipe_takes_in_the_numbers_of_the_file_it_names(preset_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = preset_file.parent / "recipes"
    folder.mkdir()
    (folder / "talk.toml").write_text(f"fto_s = {[v + 1 for v in FTO_S]}\n")
    (folder / "mine.toml").write_text(
        '[[mix]]\nkind = "service"\ndomains = ["bank"]\n[stitch]\ntiming = "empirical"\nempirical = "talk.toml"\n'
    )
    monkeypatch.chdir(preset_file.parent)
    beside = recipes.compose(str(folder / "mine.toml"))
    assert beside.stitch["empirical"] == {"fto_s": [v + 1 for v in FTO_S]}
    (folder / "talk.toml").unlink()
    here = recipes.compose(str(folder / "mine.toml"))
    assert here.stitch["empirical"]["fto_s"] == FTO_S
    assert str(preset_file.parent) not in here.model_dump_json()
    changed = recipes.compose(str(folder / "mine.toml"), sets=["stitch.empirical.pair_share=0.4"])
    assert resolve(changed).stages["stitch"].variance_shares() == (0.4, 0.05)  # type: ignore[attr-defined]
    taken_out = recipes.compose(str(folder / "mine.toml"), sets=["stitch.timing=brisk", "stitch.empirical="])
    assert taken_out.stitch == {"timing": "brisk"}
    resolve(taken_out)


def test_set_reads_the_file_and_the_recipe_reads_back(preset_file: Path) -> None:
    sets = ["stitch.timing=empirical", f"stitch.empirical={preset_file}", "stitch.empirical.speaker_share=0.1"]
    recipe = recipes.compose(sets=sets)
    assert recipe.stitch["empirical"] == {
        "source": "here", "fto_s": FTO_S, "shift": {"answer_s": 0.1}, "speaker_share": 0.1
    }  # fmt: skip
    again = recipes.parse(json.loads(recipe.model_dump_json()))
    assert resolve(again).stages["stitch"] == resolve(recipe).stages["stitch"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fto_s = [1, 2", "not readable as TOML"),
        ("", "mine.toml: has no fto_s"),
        ("[stitch.empirical]\nfto_s = [0.1, 0.2, 0.3, 0.4, 0.5]", "mine.toml: has no fto_s"),
    ],
)
def test_a_file_that_is_no_preset(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        recipes.compose(sets=["stitch.timing=empirical", f"stitch.empirical={path}"])


@pytest.mark.parametrize("name", ["nowhere.toml", "x" * 5_000], ids=["missing", "long"])
def test_a_file_that_is_not_there(name: str) -> None:
    with pytest.raises(UserError, match="there is no such file. `datagen timing fit` writes one"):
        recipes.compose(sets=[f"stitch.empirical={name}"])
