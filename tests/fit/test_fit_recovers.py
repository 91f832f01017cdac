"""Talk of known timing, in every format, comes back: median, overlap share, pairs, pauses; and the preset draws it again."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from talk import PAIR_SHARE, SPEAKER_SHARE, TRUTH, WRITERS, Talk, talk, write_ctm, write_rttm

from datagen.config import read_options
from datagen.errors import UserError
from datagen.fit import floor
from datagen.fit.corpus import measure
from datagen.fit.fitted import Fitted, fit, quantiles
from datagen.fit.measured import Segment, Transfer
from datagen.fit.preset import to_toml
from datagen.fit.shares import normal_scores, variance_shares
from datagen.stages.stitch.fto import LognormalFto
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.presets import presets


@pytest.fixture(scope="module")
def known() -> Talk:
    return talk(seed=1)


def fitted(tmp_path: Path, found: Talk, name: str = "talk.rttm") -> Fitted:
    WRITERS[name](tmp_path / name, found)
    return fit(measure([tmp_path / name]))


def loaded(found: Fitted) -> StitchOptions:
    """The preset as a recipe takes it."""
    tables = tomllib.loads(to_toml(found, [Path("/somewhere/talk.rttm")]))
    return read_options(StitchOptions, {"timing": "empirical", "empirical": tables}, "stitch")


def ks(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    return float(np.max(np.abs(np.searchsorted(a, at, "right") / len(a) - np.searchsorted(b, at, "right") / len(b))))


@pytest.mark.parametrize("name", list(WRITERS))
def test_every_format_gives_back_what_is_known(tmp_path: Path, known: Talk, name: str) -> None:
    found, truth = fitted(tmp_path, known, name), np.array(known.fto_s)
    assert len(found.measured.transfers) == pytest.approx(len(truth), rel=0.01)
    assert found.median_s == pytest.approx(np.median(truth), rel=0.05)
    assert found.overlap_share == pytest.approx(np.mean(truth < 0), rel=0.05)
    assert found.gaps is not None
    assert found.overlaps is not None
    assert found.gaps.median_s == pytest.approx(np.median(truth[truth > 0]), rel=0.05)
    assert found.overlaps.median_s == pytest.approx(np.median(-truth[truth < 0]), rel=0.05)
    assert found.gaps.sigma == pytest.approx(TRUTH.gap_sigma, rel=0.1)
    assert found.pair_share == pytest.approx(PAIR_SHARE, abs=0.08)
    assert found.speaker_share == pytest.approx(SPEAKER_SHARE, abs=0.06)
    assert found.pause_s is not None
    assert found.pause_s[len(found.pause_s) // 2] == pytest.approx(np.median(known.pauses_s), rel=0.05)
    assert found.backchannel_per_min == pytest.approx(60 * known.n_backchannels / known.turn_s, rel=0.05)


@pytest.mark.parametrize("name", list(presets()))
def test_every_preset_is_recovered(tmp_path: Path, name: str) -> None:
    model = StitchOptions(timing=name).fto_model()
    made = talk(seed=2, n_recordings=30, model=model, pair_share=0.15, speaker_share=0.05)
    found, truth = fitted(tmp_path, made), np.array(made.fto_s)
    assert found.median_s == pytest.approx(np.median(truth), rel=0.05, abs=0.003)
    assert found.overlap_share == pytest.approx(np.mean(truth < 0), rel=0.05, abs=0.002)


def test_three_speakers(tmp_path: Path) -> None:
    made = talk(seed=3, n_recordings=20, speakers=("ann", "bob", "cy"))
    found, truth = fitted(tmp_path, made, "talk.jsonl"), np.array(made.fto_s)
    assert found.median_s == pytest.approx(np.median(truth), rel=0.05)
    assert found.overlap_share == pytest.approx(np.mean(truth < 0), rel=0.05)


def test_what_the_preset_draws_is_what_was_measured(tmp_path: Path, known: Talk) -> None:
    model = loaded(fitted(tmp_path, known)).fto_model()
    drawn = np.array([model.quantile(u) for u in np.random.default_rng(9).random(4_000)])
    truth = np.array(known.fto_s)
    assert (
        ks(drawn, truth) < 0.045
    )  # 4,000 draws against 2,360 of the true distribution differ by 0.035 one time in twenty
    assert np.mean(drawn < 0) == pytest.approx(np.mean(truth < 0), rel=0.06)
    assert model.mean_gap_s() == pytest.approx(np.mean(np.maximum(truth, 0)), rel=0.05)
    assert model.mean_overlap_s() == pytest.approx(np.mean(np.maximum(-truth, 0)), rel=0.08)


def test_the_file_says_from_what_it_was_fitted_and_loads_back(tmp_path: Path, known: Talk) -> None:
    found = fitted(tmp_path, known)
    text = to_toml(found, [Path("/home/somebody/secret/talk.rttm"), Path('b"\n\x1b.ctm')])
    assert "talk.rttm" in text
    assert "secret" not in text
    assert "\x1b" not in text
    n = len(found.measured.transfers)
    assert f"40 recordings, {found.measured.duration_s / 3600:.2f} h, {n} floor transfers" in " ".join(text.split())
    tables = tomllib.loads(text)
    assert tables["source"].startswith("fitted from talk.rttm, b")
    options = loaded(found)
    assert options.fto_model().overlap_share == pytest.approx(found.overlap_share, abs=0.005)
    assert options.variance_shares() == (
        pytest.approx(found.pair_share, abs=1e-4),
        pytest.approx(found.speaker_share, abs=1e-4),
    )
    assert options.pause_lengths().quantile(0.5) == pytest.approx(np.median(known.pauses_s), rel=0.05)
    for line in text.splitlines():
        assert len(line) <= 140 or line.startswith(("source", "quality"))


_TURNS = st.lists(st.tuples(st.floats(-2, 10), st.floats(2.5, 20)), min_size=8, max_size=40)
_ANYWHERE = st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 300), st.floats(0.05, 20)), max_size=30)


@given(_TURNS, _ANYWHERE)
def test_whatever_is_measured_gives_a_file_that_loads_or_is_refused_in_a_line(
    turns: list[tuple[float, float]], anywhere: list[tuple[str, float, float]]
) -> None:
    """Two who take turns, which fit needs, and both at any time besides."""
    spans, now = [Segment(who, start, start + length) for who, start, length in anywhere], 400.0
    for n, (gap, length) in enumerate(turns):
        spans.append(Segment("ab"[n % 2], now + gap, now + gap + length))
        now += gap + length
    found = floor.measure("r", spans)
    assume(len(found.transfers) >= 5)
    tables = tomllib.loads(to_toml(fit(found), [Path("r.rttm")]))
    said = ""
    try:
        chosen = read_options(StitchOptions, {"timing": "empirical", "empirical": tables}, "stitch")
        assert chosen.fto_model().quantile(0.5) == pytest.approx(np.median(tables["fto_s"]))
    except UserError as error:
        said = str(error)
    assert not said or "quantiles are overlaps" in said or "fto.max_overlap_words" in said


def test_several_files_are_one_corpus(tmp_path: Path) -> None:
    a, b = talk(seed=4, n_recordings=4), talk(seed=5, n_recordings=3)
    write_rttm(tmp_path / "a.rttm", a)
    write_ctm(tmp_path / "b.ctm", b)
    total = measure([tmp_path / "a.rttm", tmp_path / "b.ctm"])
    assert total.n_recordings == 7
    assert len(total.transfers) == pytest.approx(len(a.fto_s) + len(b.fto_s), abs=3)


def test_one_recording_tells_nothing_of_pairs(tmp_path: Path) -> None:
    found = fitted(tmp_path, talk(seed=6, n_recordings=1, n_turns=120))
    assert found.pair_share is None
    assert found.speaker_share is not None
    text = to_toml(found, [Path("x.rttm")])
    assert "# pair_share: one recording tells nothing of pairs" in text
    assert "pair share assumed" in tomllib.loads(text)["quality"]
    assert loaded(found).variance_shares()[0] == 0.15


@pytest.mark.parametrize(("pair", "speaker"), [(0.0, 0.0), (0.3, 0.0), (0.1, 0.4)])
def test_shares_of_variance_come_back(pair: float, speaker: float) -> None:
    rng, transfers = np.random.default_rng(3), []
    for r in range(1_500):
        mine = rng.standard_normal() * pair**0.5
        for who in "ab":
            own = mine + rng.standard_normal() * speaker**0.5
            for z in own + rng.standard_normal(int(rng.integers(3, 20))) * (1 - pair - speaker) ** 0.5:
                transfers.append(Transfer(str(r), who, float(z)))
    found = variance_shares(transfers)
    assert found == (pytest.approx(pair, abs=0.04), pytest.approx(speaker, abs=0.04))


def test_a_constant_has_no_shares() -> None:
    transfers = [Transfer(str(i // 10), "ab"[i % 2], 0.64) for i in range(100)]
    assert variance_shares(transfers) == (0.0, 0.0)
    assert np.all(normal_scores(np.full(7, 0.64)) == 0)


def test_a_slip_of_a_transcriber_moves_no_quantile_by_seconds() -> None:
    values = np.sort(np.random.default_rng(1).lognormal(-1, 0.5, 1_000))
    slipped = np.append(values[:-1], 9.9)
    assert quantiles(slipped)[-1] < values[-1] + 4
    assert np.mean(np.interp(np.linspace(0, 1, 9_999), np.linspace(0, 1, 201), quantiles(slipped))) == pytest.approx(
        np.mean(slipped), rel=0.01
    )


def test_a_model_of_overlaps_alone_is_fitted_and_refused_as_a_preset(tmp_path: Path) -> None:
    made = talk(seed=7, n_recordings=4, model=LognormalFto(0.999, 0.1, 0.1, 0.6, 0.2, 4.0))
    with pytest.raises(UserError, match="quantiles are overlaps"):
        loaded(fitted(tmp_path, made))
