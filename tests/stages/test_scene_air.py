"""What the air does and adds: the room, babble, the agent's echo, a bystander."""

import math
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_factories import bystanders, dialogue, in_words, only

from datagen.audio.levels import rms_db
from datagen.records.enums import Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.acoustics import reachable_rt60_s, response, through
from datagen.stages.scene.babble import DULL_HZ, Babble, BabbleOptions, dull
from datagen.stages.scene.echo import Echo, EchoOptions, loudspeaker
from datagen.stages.scene.off_talk import OffTalk, OffTalkOptions
from datagen.stages.scene.place import MARGIN_M, TYPICAL, heard_from
from datagen.stages.scene.room import Room, RoomOptions, draw_place
from datagen.stages.scene.unit import apply, surroundings

STITCHED = dialogue(7)
AROUND = surroundings(STITCHED, TYPICAL, bystanders)
USER = STITCHED.channels[1]


def lag(late: Audio, early: Audio, at_most: int) -> int:
    """By how many samples `late` follows `early`: where the response that leads from one to the other peaks.

    A plain cross-correlation of a hum peaks at every period as well; divided by the early one's spectrum it does not.
    """
    size = 2 * len(late)
    before = np.fft.rfft(early, size)
    weight = np.abs(before) ** 2
    both = np.fft.irfft(np.fft.rfft(late, size) * np.conj(before) / (weight + 1e-3 * weight.mean()), size)
    lags = np.arange(-at_most, at_most + 1)
    return int(lags[np.argmax(both[lags])])


def decay_s(taps: Audio, lead: int) -> float:
    """The reverberation time by the line through the energy still to come (Schroeder), between -5 and -25 dB."""
    left = np.cumsum(np.square(taps[lead:], dtype=np.float64)[::-1])[::-1]
    db = 10 * np.log10(left / left[0] + 1e-12)
    within = np.flatnonzero((db < -5) & (db > -25))
    return -60 / float(np.polyfit(within / SAMPLE_RATE_HZ, db[within], 1)[0])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_a_place_is_a_room_that_can_be_with_all_in_it(seed):
    options = RoomOptions()
    made = draw_place(options, np.random.default_rng(seed))
    shortest, longest = reachable_rt60_s(made.room_m)
    assert shortest - 1e-4 <= made.rt60_s <= longest + 1e-4
    assert all(2 <= side <= 8 for side in made.room_m)
    for point in (made.microphone_m, made.mouth_m):
        assert all(MARGIN_M - 1e-6 <= at <= side - MARGIN_M + 1e-6 for at, side in zip(point, made.room_m, strict=True))
    distance = math.dist(made.microphone_m, made.mouth_m)
    low, high = options.far_m if made.device == "speakerphone" else options.near_m
    assert low - 0.002 <= distance <= high + 0.002 or made.device == "speakerphone"


@pytest.mark.parametrize("seed", range(8))
def test_the_response_rings_about_as_long_as_asked_and_as_recorded(seed):
    made = draw_place(RoomOptions(speakerphone_share=1), np.random.default_rng(seed))
    recorded = made.recorded(made.mouth_m)
    heard = heard_from(recorded)
    rings_s = decay_s(heard.taps, heard.lead)
    assert rings_s == pytest.approx(recorded["rt60_measured_s"], rel=0.1)
    assert rings_s == pytest.approx(made.rt60_s, rel=0.4)
    assert heard.taps[heard.lead] == 1
    assert np.abs(heard.taps).max() < 1.5


def test_near_is_drier_than_far():
    near, far = (TYPICAL.recorded((2.0, 1.4 + d, 1.2))["drr_db"] for d in (0.06, 1.0))
    assert near > 15
    assert far < 5


def test_a_response_depends_on_no_threads():
    import pyroomacoustics as pra

    compute = response.__wrapped__
    arguments = ((5.0, 4.0, 2.6), 0.35, (1.0, 1.0, 1.2), (2.0, 2.5, 1.1))
    made = []
    for threads in (1, 4):
        pra.constants.set("num_threads", threads)
        made.append(compute(*arguments).taps.tobytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("seed", range(4))
def test_the_room_keeps_the_speechs_level_and_time(seed):
    place = draw_place(RoomOptions(speakerphone_share=seed % 2), np.random.default_rng(seed))
    around = replace(AROUND, place=place)
    parameters = Room().draw(RoomOptions(share=1), around, np.random.default_rng(seed))
    wet = Room().apply(USER, parameters, around)
    spoken = in_words(len(USER), STITCHED.timeline, Speaker.USER)
    assert wet.shape == USER.shape
    assert wet.dtype == np.float32
    assert rms_db(wet[spoken]) == pytest.approx(rms_db(USER[spoken]), abs=0.01)
    assert lag(wet, USER, 2_000) == 0
    assert not np.array_equal(wet, USER)
    assert parameters["device"] == ("speakerphone" if seed % 2 else "handset")


def test_sound_through_a_response_is_the_convolution_itself():
    """Against a plain sum over the taps, with a delay on top; the end is cut, nothing wraps to the front."""
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(300).astype(np.float32)
    heard = replace(response((4.0, 3.0, 2.5), 0.2, (1.0, 1.0, 1.0), (2.0, 1.5, 1.2)), lead=70)
    plain = np.convolve(audio.astype(np.float64), heard.taps)[70 : 70 + 290]
    got = through(audio, heard, 10)
    assert not got[:10].any()
    assert got[10:] == pytest.approx(plain, abs=1e-5)
    assert not through(audio, heard, 300).any()


@pytest.mark.parametrize("seed", range(5))
def test_the_echo_is_found_at_its_delay_and_its_level(seed):
    heard = apply(STITCHED, only(stems=True, echo={"gain": (0.05, 0.2)}), np.random.default_rng(seed))
    echo, agent, parameters = heard.stems["echo"], STITCHED.channels[0], heard.effects["echo"]
    delay = round(parameters["delay_s"] * SAMPLE_RATE_HZ)
    assert 2_400 <= delay <= 12_000
    assert lag(heard.channels[1], agent, 15_000) == pytest.approx(delay, abs=2)
    assert lag(echo, agent, 15_000) == pytest.approx(delay, abs=2)
    talks = in_words(len(agent), STITCHED.timeline, Speaker.AGENT)
    later = np.concatenate([np.zeros(delay, bool), talks[:-delay]])
    asked = rms_db(agent[talks]) + 20 * math.log10(parameters["gain"])
    assert rms_db(echo[later]) == pytest.approx(asked, abs=0.1)
    assert heard.channels[0].tobytes() == agent.tobytes()
    assert not echo[:delay].any() or rms_db(echo[:delay]) < asked - 40


def test_a_loudspeaker_has_no_bass_and_no_treble():
    impulse = np.zeros(48_000, np.float32)
    impulse[24_000] = 1
    heard = through(impulse, loudspeaker(heard_from(TYPICAL.recorded((2.1, 1.4, 1.2))), 300.0, 6_000.0))
    hz = np.fft.rfftfreq(len(heard), 1 / SAMPLE_RATE_HZ)
    db = 20 * np.log10(np.abs(np.fft.rfft(heard)) + 1e-9)
    inside = np.mean(db[(hz > 500) & (hz < 5_000)])
    assert db[hz < 140].max() < inside - 20
    assert db[hz > 7_600].max() < inside - 40


def test_an_agent_who_never_speaks_has_no_echo():
    silent = replace(AROUND, clean=np.stack([np.zeros_like(USER), USER]), agent_words=())
    parameters = Echo().draw(EchoOptions(share=1), silent, np.random.default_rng(0))
    assert not Echo().apply(USER, parameters, silent).any()


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_the_babble_has_the_asked_snr_over_the_words(snr_db):
    options = BabbleOptions(share=1, snr_db=(snr_db, snr_db))
    parameters = Babble().draw(options, AROUND, np.random.default_rng(1))
    stem = Babble().apply(USER, parameters, AROUND)
    spoken = in_words(len(USER), STITCHED.timeline, Speaker.USER)
    assert rms_db(USER[spoken]) - rms_db(stem[spoken]) == pytest.approx(snr_db, abs=0.05)
    assert 4 <= parameters["n_talkers"] <= 8


def test_babble_goes_on_throughout_and_is_dull():
    parameters = Babble().draw(BabbleOptions(share=1, talkers=(6, 6)), AROUND, np.random.default_rng(2))
    stem = Babble().apply(USER, parameters, AROUND)
    halves = [rms_db(part) for part in np.array_split(stem, len(stem) // 12_000)]
    assert np.std(halves) < 4
    assert min(halves) > rms_db(stem) - 15
    hz = np.fft.rfftfreq(len(stem), 1 / SAMPLE_RATE_HZ)
    size = np.abs(np.fft.rfft(stem)) ** 2
    assert DULL_HZ[0] <= parameters["dull_hz"] <= DULL_HZ[1]
    assert size[hz > 4 * parameters["dull_hz"]].sum() < 1e-6 * size.sum() or 4 * parameters["dull_hz"] > 12_000


def test_every_talker_of_the_babble_is_there_and_none_stands_out():
    """With one talker fallen silent the babble changes, but what is left is most of it."""
    parameters = Babble().draw(BabbleOptions(share=1, talkers=(6, 6)), AROUND, np.random.default_rng(3))
    full = Babble().apply(USER, parameters, AROUND).astype(np.float64)
    for gone in range(6):
        voices = list(bystanders(6))
        clip = voices[gone][0]
        voices[gone] = (replace(clip, speech=replace(clip.speech, audio=np.zeros_like(clip.speech.audio))),)
        rest = Babble().apply(USER, parameters, replace(AROUND, others=lambda n, v=voices: v[:n])).astype(np.float64)
        alike = float(np.dot(full, rest) / np.sqrt(np.dot(full, full) * np.dot(rest, rest)))
        assert 0.6 < alike < 0.9999


def test_dulling_takes_no_time_and_only_the_highs():
    heard = heard_from(TYPICAL.recorded((1.0, 2.0, 1.0)))
    plain, dulled = through(USER, heard), through(USER, dull(heard, 1_500.0))
    assert lag(dulled, plain, 1_000) == 0
    hz = np.fft.rfftfreq(len(USER), 1 / SAMPLE_RATE_HZ)
    before, after = (np.abs(np.fft.rfft(audio)) ** 2 for audio in (plain, dulled))
    low, high = (hz > 100) & (hz < 1_400), hz > 6_200
    assert after[low].sum() == pytest.approx(before[low].sum(), rel=0.01)
    assert after[high].sum() < 1e-5 * before[high].sum()


def test_a_bystander_says_what_is_recorded_when_it_is_recorded():
    options = OffTalkOptions(share=1, per_min=20.0, snr_db=(10.0, 10.0))
    parameters = OffTalk().draw(options, AROUND, np.random.default_rng(5))
    stem = OffTalk().apply(USER, parameters, AROUND)
    said = parameters["said"]
    clips = bystanders(1)[0]
    talking = np.zeros(len(stem), bool)
    assert len(said) >= 2
    for before, after in pairwise(said):
        assert after["start_s"] >= before["end_s"]
    for each in said:
        clip = clips[each["clip"]]
        start = round(each["start_s"] * SAMPLE_RATE_HZ)
        assert each["text"] == clip.text
        assert each["end_s"] - each["start_s"] == pytest.approx(clip.speech.duration_s, abs=1e-4)
        talking[start : start + len(clip.speech.audio)] = True
        part = stem[max(start - 1_000, 0) : start + len(clip.speech.audio)]
        dry = np.concatenate([np.zeros(len(part) - len(clip.speech.audio), np.float32), clip.speech.audio])
        assert lag(part, dry, 1_500) == 0
    spoken = in_words(len(USER), STITCHED.timeline, Speaker.USER)
    assert rms_db(USER[spoken]) - rms_db(stem[talking]) == pytest.approx(10, abs=0.1)
    assert rms_db(stem[: round(said[0]["start_s"] * SAMPLE_RATE_HZ) - 100]) < -90


def test_bystanders_speak_as_often_as_asked():
    long = replace(AROUND, clean=np.zeros((2, 300 * SAMPLE_RATE_HZ), np.float32))
    rng = np.random.default_rng(8)
    drawn = [OffTalk().draw(OffTalkOptions(share=1, per_min=0.7), long, rng) for _ in range(40)]
    a_minute = np.mean([len(d["said"]) if d else 0 for d in drawn]) / 5
    assert a_minute == pytest.approx(0.7, abs=0.12)


def test_a_room_starts_no_programs_and_makes_no_files():
    """pyroomacoustics looks for a sound card by running gcc; a process killed meanwhile leaves a temporary file."""
    script = (
        "import sys\n"
        "from datagen.stages.scene.acoustics import response\n"
        "begun = []\n"
        "sys.addaudithook(lambda what, _: begun.append(what) if what in ('subprocess.Popen', 'tempfile.mkstemp') else None)\n"
        "response((4, 5, 3), 0.4, (1, 1, 1.5), (3, 3, 1.2))\n"
        "print(begun, 'sounddevice' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout.strip() == "[] False"
