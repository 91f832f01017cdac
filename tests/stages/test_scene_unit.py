"""The scene as a whole: the user's channel only, by share, in order, recorded, the same every time."""

from typing import Any

import numpy as np
import pytest
from stitch_factories import dialog, plan

from datagen.audio.levels import rms_db
from datagen.config import read_options
from datagen.errors import UserError
from datagen.records.enums import Heard, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import SceneDialog, StitchedDialog, Timeline
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.telephone import telephone
from datagen.stages.scene.unit import CHAIN, apply
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.unit import stitch

OFF = {name: {"share": 0} for name in SceneOptions.model_fields if name != "stems"}


def only(**tables: Any) -> SceneOptions:
    """Options with every effect off but the named ones, which are on."""
    on = {name: {"share": 1, **table} for name, table in tables.items()}
    return read_options(SceneOptions, {**OFF, **on}, "scene")


BOTH = only(noise={}, telephone={})
NOISE = only(noise={})
LINE = only(telephone={})


@pytest.fixture(scope="module")
def stitched() -> StitchedDialog:
    return stitch(plan(), dialog(4, 8), StitchOptions(), np.random.default_rng(4), 0)


def scened(stitched: StitchedDialog, options: SceneOptions, seed: int = 0) -> SceneDialog:
    return apply(stitched, options, np.random.default_rng(seed))


@pytest.mark.parametrize("options", [BOTH, NOISE, LINE])
def test_the_agents_channel_is_untouched_to_the_bit_and_the_users_is_not(stitched, options):
    before = stitched.channels.copy()
    heard = scened(stitched, options)
    assert heard.channels[0].tobytes() == before[0].tobytes()
    assert not np.array_equal(heard.channels[1], before[1])
    assert heard.channels.shape == before.shape
    assert heard.channels.dtype == np.float32
    assert np.array_equal(stitched.channels, before)
    steps = heard.channels[1] * 32_768
    assert np.array_equal(steps, np.rint(steps))


def test_without_effects_nothing_is_changed_or_claimed(stitched):
    heard = scened(stitched, only())
    assert np.array_equal(heard.channels, stitched.channels)
    assert heard.effects == {}
    assert heard.snr_db is None


@pytest.mark.parametrize("seed", range(4))
def test_the_snr_over_the_users_words_is_the_asked_one(stitched, seed):
    """Measured on the 16-bit output, sample by sample of the words heard."""
    heard = scened(stitched, NOISE, seed)
    spoken = np.zeros(stitched.timeline.n_samples, bool)
    for t in stitched.timeline.turns:
        for w in t.words:
            if t.speaker is Speaker.USER and w.heard is not Heard.NO:
                spoken[round(w.start_s * SAMPLE_RATE_HZ) : round(min(w.end_s, t.end_s) * SAMPLE_RATE_HZ)] = True
    for w in stitched.timeline.aside_words[1]:
        spoken[round(w.start_s * SAMPLE_RATE_HZ) : round(w.end_s * SAMPLE_RATE_HZ)] = True
    clean = stitched.channels[1]
    got = rms_db(clean[spoken]) - rms_db((heard.channels[1] - clean)[spoken])
    assert heard.snr_db == heard.effects["noise"]["snr_db"]
    assert 10 <= heard.snr_db <= 30
    assert got == pytest.approx(heard.snr_db, abs=0.5)


def test_noise_comes_before_the_line(stitched):
    """The line carries the noise too: made by hand in that order, the channel is the same but for the 16-bit steps."""
    heard = scened(stitched, BOTH)
    assert list(heard.effects) == ["noise", "telephone"]
    assert list(heard.effects) == [e.name for e in CHAIN if e.name in heard.effects]
    noisy = scened(stitched, NOISE).channels[1]
    assert np.abs(telephone(noisy) - heard.channels[1]).max() < 0.02
    assert rms_db(telephone(noisy) - heard.channels[1]) < rms_db(heard.channels[1]) - 30


def test_the_recorded_parameters_make_the_noise_again(stitched):
    heard = scened(stitched, NOISE, 3)
    again = scened(stitched, NOISE, 3)
    assert heard.channels.tobytes() == again.channels.tobytes()
    assert heard.effects == again.effects
    assert set(heard.effects["noise"]) == {"snr_db", "octave_slope_db", "drift_db", "seed"}
    assert scened(stitched, NOISE, 4).effects != heard.effects


def test_one_effects_switch_leaves_the_others_draws(stitched):
    assert scened(stitched, BOTH, 9).effects["noise"] == scened(stitched, NOISE, 9).effects["noise"]


def test_shares_are_met():
    rng = np.random.default_rng(1)
    empty = StitchedDialog(Timeline("d", 0, ()), np.zeros((2, 0), np.float32))
    made = [apply(empty, SceneOptions(), rng) for _ in range(1_500)]
    assert np.mean(["noise" in m.effects for m in made]) == pytest.approx(0.5, abs=0.04)
    assert np.mean(["telephone" in m.effects for m in made]) == pytest.approx(0.3, abs=0.04)
    assert np.mean([{"noise", "telephone"} <= set(m.effects) for m in made]) == pytest.approx(0.15, abs=0.03)
    snrs = [m.snr_db for m in made if m.snr_db is not None]
    assert min(snrs) < 11
    assert max(snrs) > 29


def test_a_user_who_never_speaks_is_heard_as_a_quiet_room():
    silent = StitchedDialog(Timeline("d", 72_000, ()), np.zeros((2, 72_000), np.float32))
    heard = scened(silent, NOISE)
    assert rms_db(heard.channels[1]) == pytest.approx(-26 - heard.snr_db, abs=0.3)
    assert not heard.channels[0].any()


def test_loud_noise_is_clipped_and_never_wraps(stitched):
    heard = scened(stitched, only(noise={"snr_db": (-30, -30)}))
    assert np.abs(heard.channels[1]).max() <= 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"noise": {"shore": 1}}, "scene.noise.shore: there is no such key. Did you mean share?"),
        ({"noise_share": 1}, "scene.noise_share: there is no such key."),
        ({"noise": {"share": 1.5}}, "scene.noise.share: input should be less than or equal to 1, got 1.5"),
        (
            {"noise": {"snr_db": (30, 10)}},
            "scene.noise.snr_db: needs -30 <= lowest <= highest <= 90 dB, got 30 and 10.",
        ),
        ({"noise": {"snr_db": "loud"}}, "scene.noise.snr_db"),
    ],
)
def test_bad_settings_are_one_clear_line(values, said):
    with pytest.raises(UserError) as caught:
        read_options(SceneOptions, values, "scene")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
