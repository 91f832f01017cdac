"""The microphone: how loud it hears the user, where it is covered, and what of the tops it cuts off."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scene_sounds import around, band_db, buzz, hiss, tone

from datagen.audio.levels import integrated_lufs, rms_db
from datagen.config import read_options
from datagen.errors import UserError
from datagen.records.spans import union
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.scene.clipping import KNEE, Clipping, ClippingOptions, ceiling_of
from datagen.stages.scene.gain import MARGIN_DB, Gain, GainOptions, headroom_db
from datagen.stages.scene.muffling import Muffling, MufflingOptions, low_pass
from datagen.stages.scene.options import SceneOptions

samples = arrays(np.float32, st.integers(0, 3_000), elements=st.floats(-2, 2, width=32))
spans = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)).map(lambda s: (min(s), max(s))), max_size=4)


@pytest.mark.parametrize("gain_db", [-24.0, -3.5, 6.0])
def test_loudness_changes_by_the_gain(gain_db):
    voice = buzz(3, level=0.05)
    louder = Gain().apply(voice, {"gain_db": gain_db}, around(voice))
    assert integrated_lufs(louder) - integrated_lufs(voice) == pytest.approx(gain_db, abs=0.01)


def test_a_gain_never_drives_the_clean_speech_over_full_scale():
    voice = buzz(1, level=0.12)
    room = headroom_db(voice)
    assert 20 * math.log10(np.abs(voice).max()) + room == pytest.approx(-MARGIN_DB)
    rng = np.random.default_rng(1)
    drawn = [Gain().draw(GainOptions(share=1), around(voice), rng) for _ in range(500)]
    gains = [d["gain_db"] for d in drawn]
    assert -24 <= min(gains) < -22
    assert room - 2 < max(gains) <= room < 15
    assert {d["headroom_db"] for d in drawn} == {room}
    loudest = Gain().apply(voice, {"gain_db": max(gains)}, around(voice))
    assert np.abs(loudest).max() <= 10 ** (-MARGIN_DB / 20) + 1e-6


def test_quiet_speech_gets_the_whole_range_and_loud_speech_what_there_is_room_for():
    rng = np.random.default_rng(2)
    quiet, loud = tone(300, 0.5, 0.05), tone(300, 0.5, 0.99)
    gains = [Gain().draw(GainOptions(share=1), around(quiet), rng)["gain_db"] for _ in range(300)]
    assert min(gains) < -22
    assert max(gains) > 13
    only_up = GainOptions(share=1, gain_db=(6, 12))
    assert Gain().draw(only_up, around(loud), rng)["gain_db"] == pytest.approx(headroom_db(loud))
    assert headroom_db(loud) < 0


def test_silence_gets_a_gain_that_can_be_written_down():
    for silent in (np.zeros(100, np.float32), np.zeros(0, np.float32)):
        drawn = Gain().draw(GainOptions(share=1, gain_db=(15, 15)), around(silent), np.random.default_rng(0))
        assert drawn == {"gain_db": 15.0, "headroom_db": None}


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.05])
def test_the_asked_share_of_the_speech_is_clipped(share, soft):
    voice = np.concatenate([np.zeros(48_000, np.float32), hiss(4), tone(200, 1, 0.9)])
    words = [(48_000, 72_000), (96_000, 144_000)]
    clipped = Clipping().apply(voice, {"clipped_share": share, "soft": soft}, around(voice, words))
    at = np.concatenate([np.arange(a, b) for a, b in words])
    ceiling = ceiling_of(voice, words, share)
    over = np.abs(voice) > ceiling
    assert over[at].mean() == pytest.approx(share, abs=1 / len(at))
    assert np.abs(clipped).max() <= ceiling
    kept = np.abs(voice) <= (KNEE * ceiling if soft else ceiling)
    assert np.array_equal(clipped[kept], voice[kept])
    assert (np.abs(clipped[over]) < np.abs(voice[over])).all()
    assert np.array_equal(np.sign(clipped), np.sign(voice))
    if not soft:
        assert np.abs(clipped[over]) == pytest.approx(ceiling)


def test_a_soft_clipper_bends_without_a_corner():
    ramp = np.linspace(-1, 1, 20_001, dtype=np.float32)
    bent = Clipping().apply(ramp, {"clipped_share": 0.5, "soft": True}, around(ramp))
    slope = np.diff(bent) / np.diff(ramp)
    assert (slope > -1e-3).all()
    assert np.abs(np.diff(slope)).max() < 0.03
    assert np.allclose(bent, -bent[::-1], atol=1e-7)


def test_clipping_is_drawn_evenly_in_its_logarithm_and_soft_by_share():
    voice = buzz(0.1)
    rng = np.random.default_rng(5)
    drawn = [Clipping().draw(ClippingOptions(share=1, soft_share=0.25), around(voice), rng) for _ in range(2_000)]
    shares = np.log10([d["clipped_share"] for d in drawn])
    assert shares.min() >= -3
    assert shares.max() <= math.log10(0.05)
    assert np.median(shares) == pytest.approx((-3 + math.log10(0.05)) / 2, abs=0.06)
    assert np.mean([d["soft"] for d in drawn]) == pytest.approx(0.25, abs=0.04)
    assert Clipping().draw(ClippingOptions(share=1), around(voice, []), rng) is None


def test_words_without_a_sound_are_not_clipped_away():
    sound = np.concatenate([np.zeros(5_000, np.float32), buzz(0.5)])
    heard = Clipping().apply(sound, {"clipped_share": 0.05, "soft": False}, around(sound, [(0, 4_000)]))
    assert np.array_equal(heard, sound)


@given(samples, spans, st.floats(0.0001, 0.5), st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_channel_is_clipped_to_its_length_and_stays_finite(audio, words, share, soft):
    before = audio.copy()
    inside = [(min(a, len(audio)), min(b, len(audio))) for a, b in words]
    heard = Clipping().apply(audio, {"clipped_share": share, "soft": soft}, around(audio, inside))
    assert heard.shape == audio.shape
    assert heard.dtype == np.float32
    assert (np.abs(heard) <= np.abs(audio)).all()
    assert np.array_equal(audio, before)


@pytest.mark.parametrize("cutoff_hz", [1_000.0, 1_500.0, 2_000.0])
def test_a_cover_takes_the_highs_at_eighteen_db_an_octave(cutoff_hz):
    noise = hiss(20)
    dull = low_pass(noise, cutoff_hz)

    def loss(hz: float) -> float:
        return band_db(noise, 0.98 * hz, 1.02 * hz) - band_db(dull, 0.98 * hz, 1.02 * hz)

    assert loss(cutoff_hz) == pytest.approx(3.0, abs=0.3)
    assert loss(cutoff_hz / 4) == pytest.approx(0.0, abs=0.1)
    assert loss(cutoff_hz * 2) == pytest.approx(18.1, abs=0.5)
    assert loss(cutoff_hz * 4) == pytest.approx(36.1, abs=0.5)


def test_only_the_recorded_stretches_are_muffled_and_their_ends_are_soft():
    noise = hiss(6)
    stretches = [[0.0, 0.7], [2.0, 3.5], [5.5, 6.0]]
    heard = Muffling().apply(noise, {"cutoff_hz": 1_500.0, "fade_s": 0.1, "stretches_s": stretches}, around(noise))
    inside = np.zeros(len(noise), bool)
    for a, b in stretches:
        inside[round(a * SAMPLE_RATE_HZ) : round(b * SAMPLE_RATE_HZ)] = True
    assert np.array_equal(heard[~inside], noise[~inside])
    whole = low_pass(noise, 1_500.0)
    middle = slice(round(2.1 * SAMPLE_RATE_HZ), round(3.4 * SAMPLE_RATE_HZ))
    # Cut out with 50 ms on either side, a stretch sounds as if all had been filtered.
    assert rms_db(heard[middle] - whole[middle]) < rms_db(whole[middle]) - 60
    lows = tone(200, 6)
    covered = Muffling().apply(lows, {"cutoff_hz": 1_000.0, "fade_s": 0.1, "stretches_s": stretches}, around(lows))
    assert np.abs(np.diff(covered)).max() < 1.02 * np.abs(np.diff(lows)).max()
    assert rms_db(covered[middle]) == pytest.approx(rms_db(lows[middle]), abs=0.1)


def test_stretches_lie_at_the_users_words_as_often_and_as_long_as_asked():
    silent = np.zeros(600 * SAMPLE_RATE_HZ, np.float32)
    words = [(k * 240_000, k * 240_000 + 120_000) for k in range(60)]
    options = MufflingOptions(share=1, per_min=6, length_s=(0.4, 0.6))
    rng = np.random.default_rng(4)
    drawn = [Muffling().draw(options, around(silent, words), rng)["stretches_s"] for _ in range(20)]
    # Five minutes of speech at six a minute; a few touch and become one.
    assert np.mean([len(d) for d in drawn]) == pytest.approx(30 * 0.95, abs=4)
    lengths = np.array([b - a for d in drawn for a, b in d])
    assert np.median(lengths) == pytest.approx(0.5, abs=0.03)
    assert np.mean((lengths >= 0.4 - 1e-4) & (lengths <= 0.6 + 1e-4)) > 0.85
    middles = np.array([(a + b) / 2 % 10 for d in drawn for a, b in d])
    assert (middles <= 5.3).mean() > 0.98
    for d in drawn:
        assert all(a < b for a, b in d)
        assert all(x[1] < y[0] for x, y in pairwise(d))


def test_a_short_dialogue_is_muffled_once_and_one_without_words_never():
    options = MufflingOptions(share=1, per_min=0)
    voice = buzz(1)
    drawn = Muffling().draw(options, around(voice, [(6_000, 9_000)]), np.random.default_rng(0))
    assert len(drawn["stretches_s"]) == 1
    start_s, end_s = drawn["stretches_s"][0]
    assert start_s < 9_000 / SAMPLE_RATE_HZ
    assert end_s > 6_000 / SAMPLE_RATE_HZ
    assert Muffling().draw(options, around(voice, []), np.random.default_rng(0)) is None
    assert Muffling().draw(MufflingOptions(share=0), around(voice), np.random.default_rng(0)) is None


@given(spans)
def test_joined_spans_are_apart_and_cover_the_same_samples(some):
    whole = union(some)
    assert all(x[1] < y[0] for x, y in pairwise(whole))
    covered = {k for a, b in some for k in range(a, b)}
    assert covered == {k for a, b in whole for k in range(a, b)}


@given(samples, st.integers(0, 2**32), st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_any_channel_is_muffled_to_its_length_and_stays_finite(audio, seed, fade_s):
    options = MufflingOptions(share=1, per_min=60, fade_s=fade_s)
    at = around(audio)
    drawn = Muffling().draw(options, at, np.random.default_rng(seed))
    assert (drawn is None) == (len(audio) == 0)
    if drawn is None:
        return
    before = audio.copy()
    heard = Muffling().apply(audio, drawn, at)
    assert heard.shape == audio.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.array_equal(audio, before)
    assert np.array_equal(heard, Muffling().apply(audio, drawn, at))
    assert drawn == Muffling().draw(options, at, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("table", "values", "said"),
    [
        ("gain", {"gain_db": (15, -24)}, "scene.gain.gain_db: needs -60 <= lowest <= highest <= 40 dB, got 15 and -24."),
        ("gain", {"gain_db": 6}, "scene.gain.gain_db"),
        ("gain", {"share": -0.1}, "scene.gain.share: input should be greater than or equal to 0, got -0.1."),
        ("clipping", {"clipped_share": (0, 0.05)}, "needs 0.0001 <= lowest <= highest <= 0.5 of the samples, got 0 and"),
        ("clipping", {"clipped_share": (0.01, float("nan"))}, "scene.clipping.clipped_share"),
        ("clipping", {"soft_shares": 1}, "scene.clipping.soft_shares: there is no such key. Did you mean soft_share?"),
        ("muffling", {"cutoff_hz": (100, 1_000)}, "needs 200 <= lowest <= highest <= 8000 Hz, got 100 and 1000."),
        ("muffling", {"length_s": (2, 1)}, "scene.muffling.length_s: needs 0.05 <= lowest <= highest <= 30 s, got 2 and 1."),
        ("muffling", {"per_min": "often"}, "scene.muffling.per_min"),
    ],
)  # fmt: skip
def test_bad_settings_of_the_microphone_are_one_clear_line(table, values, said):
    with pytest.raises(UserError) as caught:
        read_options(SceneOptions, {table: values}, "scene")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
