"""The telephone line and the network: band, codes, timing; which packets are lost, and what is heard instead."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scene_sounds import around, band_db, buzz, hiss, tone

from datagen.audio.levels import rms_db
from datagen.config import read_options
from datagen.errors import UserError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.packet_loss import (
    PACKET,
    PERIODS,
    PacketLoss,
    PacketLossOptions,
    bursts,
    gilbert_elliott,
    last_period,
    stand_in,
)
from datagen.stages.scene.telephone import SUBTYPES, Telephone, TelephoneOptions, round_trip, telephone

CODES = tuple(SUBTYPES)
LOSS = {"lost_share": 0.1, "burst_s": 0.1, "seed": 5, "concealment": "repeat"}
samples = arrays(np.float32, st.integers(0, 3_000), elements=st.floats(-2, 2, width=32))


@pytest.mark.parametrize("code", ["mu-law", "A-law"])
@pytest.mark.parametrize("hz", [350, 1_000, 3_300])
def test_the_line_lets_its_band_through_in_time(hz, code):
    clean = tone(hz)
    heard = telephone(clean, code)
    inner = slice(4_800, -4_800)
    assert rms_db(heard[inner]) == pytest.approx(rms_db(clean[inner]), abs=0.3)
    # Only the code's noise is left of the difference: no delay, no other gain.
    assert rms_db((heard - clean)[inner]) < rms_db(clean[inner]) - 30


@pytest.mark.parametrize("code", ["mu-law", "A-law"])
@pytest.mark.parametrize("hz", [100, 4_200, 7_000, 9_000])
def test_the_line_stops_what_is_outside_its_band(hz, code):
    assert rms_db(telephone(tone(hz), code)) < -60


@pytest.mark.parametrize("code", CODES)
def test_nothing_above_the_lines_band_is_left_of_speech_like_sound(code):
    heard = telephone(hiss(5), code)
    assert band_db(heard, 4_000, 12_000) < band_db(heard, 300, 3_400) - 80


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shift", [0, 1, 479, 1_001])
def test_the_line_keeps_time_to_the_sample(code, shift):
    """Wherever the sound lies in the code's blocks, the best match of what came out is at no delay."""
    clean = np.concatenate([np.zeros(shift, np.float32), buzz(3)])
    heard = telephone(clean, code)
    middle = clean[2_400:-2_400]
    match = [float(np.dot(heard[2_400 + d : len(heard) - 2_400 + d], middle)) for d in range(-60, 61)]
    assert int(np.argmax(match)) - 60 == 0
    # All of what came out is of what went in: as much as it matches itself.
    assert match[60] == pytest.approx(float(np.sum(np.square(heard[2_400:-2_400]))), rel=0.15)


def test_gsm_is_the_full_rate_codec():
    """A buzz keeps its spectrum up to 2 kHz and its level, and loses its waveform, unlike with the two laws."""
    voice = buzz(4)
    plain, coded = telephone(voice), telephone(voice, "GSM")
    noise = {name: rms_db(telephone(voice, name) - plain) for name in CODES}
    assert noise["A-law"] < rms_db(plain) - 30
    assert rms_db(plain) - 30 < noise["GSM"] < rms_db(plain) - 5
    assert rms_db(coded) == pytest.approx(rms_db(plain), abs=1)
    for hz in (300, 600, 1_200):
        assert band_db(coded, hz, 1.5 * hz) == pytest.approx(band_db(plain, hz, 1.5 * hz), abs=2)


@given(st.integers(0, 1_000), st.sampled_from(CODES))
@settings(deadline=None)
def test_a_code_gives_as_many_samples_as_it_got_and_the_same_ones_again(n, code):
    pcm = (3_000 * np.sin(np.arange(n) / 7)).astype(np.int16)
    once = round_trip(pcm, code)
    assert once.shape == (n,)
    assert once.dtype == np.int16
    assert np.array_equal(once, round_trip(pcm, code))


@given(samples, st.sampled_from(CODES))
@settings(deadline=None, max_examples=60)
def test_a_line_has_no_samples_more_or_less_and_no_nan(audio, code):
    before = audio.copy()
    heard = telephone(audio, code)
    assert heard.shape == audio.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.array_equal(audio, before)


def test_mu_law_is_the_standards():
    """Decoded values of G.711: the smallest steps, one inside a segment, the largest, and symmetry."""
    given_values = np.array([0, 3, 4, 11, 12, 1_000, 32_767], np.int16)
    assert round_trip(given_values, "mu-law").tolist() == [0, 0, 8, 8, 16, 988, 32_124]
    every = np.arange(-32_767, 32_768).astype(np.int16)
    coded = round_trip(every, "mu-law")
    assert np.array_equal(coded, -coded[::-1])
    assert len(np.unique(round_trip(np.arange(-32_768, 32_768).astype(np.int16), "mu-law"))) == 255
    assert np.array_equal(round_trip(coded, "mu-law"), coded)
    assert (np.diff(coded.astype(int)) >= 0).all()
    size = np.abs(every.astype(int))
    assert (np.abs(coded.astype(int) - every)[size <= 32_635] <= np.maximum(4, (size[size <= 32_635] + 132) / 32)).all()


def test_a_law_is_the_standards():
    """Steps of 16 up to 512 and from there of a 32nd of the segment; no zero; 256 values up to 32256."""
    values = np.array([0, 15, 16, 31, 511, 512, 543, 544, 1_000, 32_767], np.int16)
    assert round_trip(values, "A-law").tolist() == [8, 8, 24, 24, 504, 528, 528, 560, 1_008, 32_256]
    every = np.arange(-32_768, 32_768).astype(np.int16)
    coded = round_trip(every, "A-law")
    assert len(np.unique(coded)) == 256
    assert np.array_equal(round_trip(coded, "A-law"), coded)
    assert (np.abs(coded.astype(int) - every) <= np.maximum(16, np.abs(every.astype(int)) / 32)).all()


def test_codes_are_drawn_by_their_shares():
    options = TelephoneOptions(share=1, gsm_share=0.2, a_law_share=0.3)
    rng = np.random.default_rng(3)
    drawn = [Telephone().draw(options, around(tone(300, 0.1)), rng)["code"] for _ in range(3_000)]
    assert {code: drawn.count(code) / 3_000 for code in CODES} == pytest.approx(
        {"mu-law": 0.5, "A-law": 0.3, "GSM": 0.2}, abs=0.03
    )
    for share, code in ((1, "GSM"), (0, "mu-law")):
        only = TelephoneOptions(share=1, gsm_share=share)
        assert {Telephone().draw(only, around(tone(300, 0.1)), rng)["code"] for _ in range(50)} == {code}
    assert Telephone().draw(TelephoneOptions(share=0), around(tone(300, 0.1)), rng) is None


def test_the_recorded_code_is_the_one_that_is_applied():
    voice = buzz(1)
    parameters = {"low_hz": 300.0, "high_hz": 3_400.0, "rate_hz": 8_000}
    for code in CODES:
        heard = Telephone().apply(voice, {**parameters, "code": code}, around(voice))
        assert np.array_equal(heard, telephone(voice, code))


@pytest.mark.parametrize(("share", "burst_s"), [(0.02, 0.1), (0.1, 0.06), (0.3, 0.02), (0.5, 0.02), (0.005, 0.3)])
def test_losses_have_the_asked_share_and_the_asked_length(share, burst_s):
    """Over 400,000 packets, within four standard errors of a two-state Markov chain."""
    n, leave = 400_000, 0.02 / burst_s
    enter = leave * share / (1 - share)
    lost = gilbert_elliott(n, share, burst_s, 7)
    lengths = np.array([b - a for a, b in bursts(lost)])
    memory = (2 - enter - leave) / (enter + leave)
    assert lost.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) * memory / n))
    deviation = np.sqrt(1 - leave) / leave
    assert lengths.mean() == pytest.approx(1 / leave, abs=4 * deviation / np.sqrt(len(lengths)) + 1e-9)
    # A geometric length, not a fixed one: as many bursts of one packet as the chance to leave at once.
    assert np.mean(lengths == 1) == pytest.approx(leave, abs=4 * np.sqrt(leave * (1 - leave) / len(lengths)) + 1e-9)


def test_a_chain_starts_in_equilibrium():
    """The first packets of many dialogues are lost as often as any."""
    lost = np.array([gilbert_elliott(3, 0.2, 0.2, seed) for seed in range(4_000)])
    assert lost.mean(axis=0) == pytest.approx([0.2] * 3, abs=0.03)


def test_bursts_are_the_runs():
    assert bursts(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    assert bursts(np.zeros(4, bool)) == []
    assert bursts(np.zeros(0, bool)) == []


@pytest.mark.parametrize("concealment", ["repeat", "silence"])
def test_packets_that_arrive_are_untouched_to_the_bit(concealment):
    voice = np.concatenate([buzz(10), hiss(10)])[:-77]
    parameters = {**LOSS, "concealment": concealment}
    heard = PacketLoss().apply(voice, parameters, around(voice))
    lost = np.repeat(gilbert_elliott(-(-len(voice) // PACKET), 0.1, 0.1, 5), PACKET)[: len(voice)]
    assert 0.03 < lost.mean() < 0.25
    assert np.array_equal(heard[~lost], voice[~lost])
    if concealment == "silence":
        assert not heard[lost].any()
    else:
        assert 0.1 < np.mean(np.square(heard[lost])) / np.mean(np.square(voice[lost])) < 0.9


def test_what_was_lost_is_recorded():
    voice = buzz(30)
    options = PacketLossOptions(share=1, lost_share=(0.05, 0.05), burst_s=(0.1, 0.1), concealment="silence")
    drawn = PacketLoss().draw(options, around(voice), np.random.default_rng(2))
    heard = PacketLoss().apply(voice, drawn, around(voice))
    holes = sum(not heard[at : at + PACKET].any() for at in range(0, len(voice), PACKET))
    assert drawn["n_packets"] == 1_500
    assert drawn["n_lost"] == holes > 20
    assert drawn["lost_share"] == 0.05
    assert drawn["concealment"] == "silence"


def test_a_steady_voice_goes_on_in_its_own_period_then_fades():
    voice = buzz(1, 150.0)
    filled = stand_in(voice[:12_000], 4_800)
    # One period or two: the second fits as well.
    assert min(abs(last_period(voice[:12_000]) - k * 160) for k in (1, 2)) <= 1
    ten_ms = slice(0, 240)
    assert np.corrcoef(filled[ten_ms], voice[12_000:12_240])[0, 1] > 0.98
    levels = [rms_db(filled[at : at + 160]) for at in range(0, 1_440, 160)]
    assert (np.diff(levels[2:]) < 0).all()
    assert not filled[1_440:].any()
    assert np.abs(np.diff(filled[:1_440])).max() < 1.5 * np.abs(np.diff(voice)).max()


def test_a_loss_at_the_very_start_is_silent():
    assert not stand_in(tone(200, 0.03), 700).any()
    assert not stand_in(np.zeros(0, np.float32), 10).any()
    assert stand_in(tone(200, 0.04), 700).any()


@given(
    samples,
    st.floats(0.01, 0.5),
    st.floats(0.02, 0.2),
    st.integers(0, 2**63 - 1),
    st.sampled_from(["repeat", "silence"]),
)
@settings(deadline=None, max_examples=60)
def test_any_channel_comes_through_the_network_as_long_and_finite(audio: Audio, share, burst_s, seed, concealment):
    parameters = {"lost_share": share, "burst_s": burst_s, "seed": seed, "concealment": concealment}
    before = audio.copy()
    heard = PacketLoss().apply(audio, parameters, around(audio))
    assert heard.shape == audio.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.abs(heard).max(initial=0) <= np.abs(audio).max(initial=0)
    assert np.array_equal(audio, before)
    assert np.array_equal(heard, PacketLoss().apply(audio, parameters, around(audio)))


def test_the_looked_for_periods_are_a_voices():
    assert [SAMPLE_RATE_HZ / p for p in PERIODS] == pytest.approx([200, 66], abs=1)


@pytest.mark.parametrize(
    ("table", "values", "said"),
    [
        ("telephone", {"gsm_share": 0.7, "a_law_share": 0.6}, "scene.telephone: gsm_share + a_law_share is 1.3, and must not"),
        ("telephone", {"gsm_share": 2}, "scene.telephone.gsm_share: input should be less than or equal to 1, got 2"),
        ("packet_loss", {"lost_share": (0, 0.1)}, "needs 0.001 <= lowest <= highest <= 0.5 of the packets, got 0 and 0.1."),
        ("packet_loss", {"lost_share": (0.2, 0.1)}, "got 0.2 and 0.1."),
        ("packet_loss", {"burst_s": (0.01, 0.1)}, "needs 0.02 <= lowest <= highest <= 2 s, got 0.01 and 0.1."),
        ("packet_loss", {"concealment": "music"}, "input should be 'repeat' or 'silence', got 'music'"),
        ("packet_loss", {"share": float("nan")}, "scene.packet_loss.share"),
        ("packet_loss", {"lost_shares": 0.1}, "there is no such key. Did you mean lost_share?"),
    ],
)  # fmt: skip
def test_bad_settings_of_the_line_are_one_clear_line(table, values, said):
    with pytest.raises(UserError) as caught:
        read_options(SceneOptions, {table: values}, "scene")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
