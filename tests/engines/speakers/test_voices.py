"""The voices of voices/*.toml: many, apart by the calibrated distance, spread as asked, and as measured."""

import itertools
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from datagen import resources
from datagen.audio.levels import integrated_lufs
from datagen.audio.speaker_distance import N_FEATURES, distances, read_distance, whitening
from datagen.engines.speakers.calibrate import LEVEL_LUFS, clip, cover, held_out_features, measured, recount
from datagen.engines.speakers.espeak import EspeakSpeaker
from datagen.engines.speakers.voice_bank import voices_of
from datagen.engines.speakers.voice_files import write_family
from datagen.errors import UserError
from datagen.records.plan import Voice
from datagen.store.ids import unit_hash

VOICES = voices_of("espeak")
DISTANCE = read_distance(resources.voices() / "distance.toml")


def sample(n: int) -> list[Voice]:
    return sorted(VOICES, key=lambda v: unit_hash("sample", v.id))[:n]


def ratio(voice: Voice) -> float:
    settings = voice.transform
    if "formant_ratio" in settings:
        return settings["formant_ratio"]
    return 160 * settings["shift_down"] / (147 * settings["shift_up"])


def test_there_are_over_two_hundred_half_of_either_sex() -> None:
    assert len(VOICES) >= 200
    sexes = Counter(v.sex for v in VOICES)
    assert abs(sexes["female"] - sexes["male"]) <= 0.1 * len(VOICES)
    assert len({v.id for v in VOICES}) == len(VOICES)
    assert len({v.base for v in VOICES}) >= 12


def test_pitch_formants_and_rate_are_spread() -> None:
    f0_hz = [v.f0_hz for v in VOICES]
    assert 70 <= min(f0_hz) < 80
    assert 275 < max(f0_hz) <= 290
    assert all((v.f0_hz > 157) == (v.sex == "female") for v in VOICES)
    ratios = [ratio(v) for v in VOICES]
    assert 0.81 <= min(ratios) < 0.86
    assert 1.18 < max(ratios) <= 1.22
    rates = [v.transform["rate_wpm"] * (ratio(v) if "shift_up" in v.transform else 1) for v in VOICES]
    assert 1.2 < max(rates) / min(rates) < 1.4


def test_the_licence_is_named() -> None:
    assert {v.licence for v in VOICES} == {"GPL-3.0-or-later"}
    assert {v.engine for v in VOICES} == {EspeakSpeaker.name}


def test_the_distance_confuses_few() -> None:
    """As counted on held-out texts over all voices; the slow test below counts again on a part."""
    assert DISTANCE.threshold > 1
    assert DISTANCE.n_held_out_voices == len(VOICES)
    assert DISTANCE.one_taken_for_two < 0.05
    assert DISTANCE.two_taken_for_one < 0.001
    assert DISTANCE.matrix.shape == (N_FEATURES, N_FEATURES)


def test_distances_are_distances() -> None:
    draw = np.random.default_rng(0)
    groups = [draw.normal(0, 1, (5, 3)) * (1.0, 10.0, 0.1) + centre for centre in draw.normal(0, 100, (40, 1, 3))]
    matrix = whitening(groups)
    apart = np.concatenate([distances(g, g, matrix)[np.triu_indices(5, 1)] for g in groups])
    assert np.sqrt(np.mean(apart**2)) == pytest.approx(1, abs=0.05)
    assert np.allclose(distances(groups[0], groups[1], matrix), distances(groups[1], groups[0], matrix).T)


def test_two_voices_are_farther_apart_than_one_voice_from_itself() -> None:
    """A fast check of the whole chain: three voices on held-out texts."""
    groups = [g for g in map(held_out_features, sample(3)) if g is not None]
    assert len(groups) == 3
    apart = distances(np.stack([g[0] for g in groups]), np.stack([g[1] for g in groups]), DISTANCE.matrix)
    assert np.diag(apart).max() < apart[~np.eye(3, dtype=bool)].min()


@pytest.mark.full
def test_the_confusion_is_what_the_file_says() -> None:
    groups = [g for g in map(held_out_features, sample(48)) if g is not None]
    first, second = np.stack([g[0] for g in groups]), np.stack([g[1] for g in groups])
    apart = distances(first, second, DISTANCE.matrix)
    assert (np.diag(apart) > DISTANCE.threshold).mean() <= 0.1
    assert (apart[~np.eye(len(groups), dtype=bool)] <= DISTANCE.threshold).mean() < 0.002


@pytest.mark.slow
def test_the_file_agrees_with_a_new_measurement() -> None:
    found = [m for m in map(measured, sample(12)) if m is not None]
    assert len(found) == 12
    for voice, again in zip(sample(12), found, strict=True):
        assert again.voice.f0_hz == pytest.approx(voice.f0_hz, rel=0.05)
        assert again.voice.formants_hz == pytest.approx(voice.formants_hz, rel=0.05)
        features = again.features.mean(axis=0, keepdims=True)
        others = np.stack([m.features.mean(axis=0) for m in found if m is not again])
        assert distances(features, others, DISTANCE.matrix).min() > DISTANCE.threshold


def test_all_voices_are_equally_loud() -> None:
    for voice in sample(5):
        said = clip(voice, "We keep the lanterns in the cellar, and the oars behind the barn door.", 0.0)
        assert said is not None
        assert integrated_lufs(said.audio) == pytest.approx(LEVEL_LUFS, abs=2.5)
        assert np.abs(said.audio).max() < 1


def test_the_cover_takes_none_within_the_threshold() -> None:
    class Found:
        def __init__(self, voice: Voice, at: float) -> None:
            self.voice, self.features = voice, np.full((2, 1), at)

    men = [v for v in VOICES if v.sex == "male"][:3]
    women = [v for v in VOICES if v.sex == "female"][:3]
    places = [0.0, 0.5, 3.0, 10.0, 10.2, 14.0]
    found = [Found(v, at) for v, at in zip(men + women, places, strict=True)]
    chosen = cover(found, np.eye(1), 1.0, 6)  # type: ignore[arg-type]
    taken = sorted(float(c.features[0, 0]) for c in chosen)
    assert all(b - a > 1.0 for a, b in itertools.pairwise(taken))
    assert len(taken) == 4


def test_a_family_survives_writing(tmp_path: Path) -> None:
    source = resources.voices() / "espeak-shift.toml"
    family = [v for v in VOICES if v.family == "espeak-shift"]
    copy = tmp_path / "espeak-shift.toml"
    copy.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    write_family(copy, family)
    assert copy.read_bytes() == source.read_bytes()
    assert voices_of("espeak", tmp_path) == tuple(family)
    assert voices_of("chatterbox", tmp_path) == ()


def test_a_recount_leaves_unclear_voices_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("espeak-shift.toml", "espeak-praat.toml", "distance.toml"):
        shutil.copy(resources.voices() / name, tmp_path / name)
    family = [v for v in VOICES if v.family == "espeak-shift"][:4]
    write_family(tmp_path / "espeak-shift.toml", family)
    write_family(tmp_path / "espeak-praat.toml", [])
    told = (tmp_path / "espeak-shift.toml").read_text(encoding="utf-8")
    told = told.replace("unclear = [", f'unclear = ["{family[1].id}", ')
    (tmp_path / "espeak-shift.toml").write_text(told, encoding="utf-8")
    monkeypatch.setattr(resources, "voices", lambda: tmp_path)
    recount(1)
    found = read_distance(tmp_path / "distance.toml")
    assert (found.threshold, found.n_calibration_voices, found.n_held_out_voices) == (DISTANCE.threshold, 80, 3)
    assert (found.matrix == DISTANCE.matrix).all()
    voices_of.cache_clear()
    assert voices_of("espeak", tmp_path) == (family[0], *family[2:])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("engine = ", r"voices/x\.toml: not a TOML file"),
        (
            'engine = "espeak"\nlicence = "x"\n[measured]\nvoices = [{id = "a"}]',
            r"voices/x\.toml: voice a: KeyError at 'formants_hz'",
        ),
    ],
)
def test_a_broken_family_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        voices_of("espeak", tmp_path)


def test_an_id_given_twice_is_named(tmp_path: Path) -> None:
    text = (resources.voices() / "espeak-shift.toml").read_text(encoding="utf-8")
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"is in one\.toml and in two\.toml"):
        voices_of("espeak", tmp_path)


@pytest.mark.full
def test_voices_are_understood() -> None:
    """By pocketsphinx with a language model of calls: the mean of a sample, and the worst of it with room for other sentences."""
    pytest.importorskip("pocketsphinx")
    from hearing import UNCLEAR, Ear

    ear = Ear()
    rates = [ear.wer(v) for v in sample(24)]
    assert np.mean(rates) < 0.05
    assert np.mean(np.array(rates) > UNCLEAR) <= 0.1
