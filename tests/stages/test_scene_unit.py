"""The scene as a whole: the user's channel only, by share, in order, recorded, the same every time."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scene_factories import EFFECTS, bystanders, dialogue, empty, in_words, only

from datagen.audio.files import quantise
from datagen.audio.levels import rms_db
from datagen.config import read_options
from datagen.errors import UserError
from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import SceneDialog, StitchedDialog, Timeline
from datagen.stages.scene import place
from datagen.stages.scene.masking import masked_word_share
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.telephone import telephone
from datagen.stages.scene.unit import (
    AIR,
    BACKGROUND,
    CHAIN,
    air_stems,
    apply,
    line,
    microphone,
    surroundings,
    word_spans,
)
from datagen.store.ids import canonical

ALL = only(**{name: {} for name in EFFECTS})
BOTH = only(noise={}, telephone={"a_law_share": 0, "gsm_share": 0})
NOISE = only(noise={})


@pytest.fixture(scope="module")
def stitched() -> StitchedDialog:
    return dialogue(4)


def scened(stitched: StitchedDialog, options: SceneOptions, seed: int = 0) -> SceneDialog:
    return apply(stitched, options, np.random.default_rng(seed), bystanders)


def fingerprint(heard: SceneDialog) -> str:
    return hashlib.sha256(heard.channels.tobytes() + repr(heard.effects).encode()).hexdigest()


@pytest.mark.parametrize("options", [only(**{name: {}}) for name in EFFECTS] + [ALL], ids=[*EFFECTS, "all"])
def test_the_agents_channel_is_untouched_to_the_bit_and_the_users_is_not(stitched, options):
    before = stitched.channels.copy()
    heard = next(h for h in (scened(stitched, options, seed) for seed in range(20)) if h.effects)
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
    assert (heard.effects, heard.snr_db, heard.events, heard.masked_word_share, heard.stems) == ({}, None, (), 0.0, {})


def test_effects_come_in_the_physical_order(stitched):
    """Mouth, room, air, microphone, line, network; and `effects` lists them so."""
    names = [e.name for e in CHAIN]
    assert sorted(names) == sorted(EFFECTS)
    groups = [["room"], [e.name for e in AIR], ["muffling", "gain", "clipping"], ["telephone"], ["packet_loss"]]
    assert names == [name for group in groups for name in group]
    assert {"noise", "babble", "echo", "off_talk"} <= set(groups[1])
    assert [*scened(stitched, ALL).effects] == [name for name in names if name in scened(stitched, ALL).effects]


def test_noise_comes_before_the_line(stitched):
    """The line carries the noise too: made by hand in that order, the channel is the same but for the 16-bit steps."""
    heard = scened(stitched, BOTH)
    noisy = scened(stitched, NOISE).channels[1]
    assert rms_db(telephone(noisy, "mu-law") - heard.channels[1]) < rms_db(heard.channels[1]) - 30


def test_the_room_is_heard_before_the_noise_is_set_against_it(stitched):
    options = only(stems=True, room={"speakerphone_share": 1}, noise={})
    heard = scened(stitched, options, 3)
    spoken = in_words(stitched.timeline.n_samples, stitched.timeline, Speaker.USER)
    assert not np.array_equal(heard.stems["speech"], stitched.channels[1])
    got = rms_db(heard.stems["speech"][spoken]) - rms_db(heard.stems["noise"][spoken])
    assert got == pytest.approx(heard.effects["noise"]["snr_db"], abs=0.01)


def test_the_stems_come_to_what_the_microphone_hears(stitched):
    air = [e.name for e in AIR]
    heard = scened(
        stitched, only(stems=True, room={}, off_talk={"per_min": 10}, **{n: {} for n in air if n != "off_talk"})
    )
    assert [*heard.stems] == ["speech", *(name for name in air if name in heard.effects)]
    assert len(heard.stems) >= 5
    for stem in heard.stems.values():
        assert stem.shape == (stitched.timeline.n_samples,)
        assert stem.dtype == np.float32
        assert np.isfinite(stem).all()
    total = np.sum([stem.astype(np.float64) for stem in heard.stems.values()], axis=0)
    assert np.abs(np.clip(total, -1, 1) - heard.channels[1]).max() < 1 / 32_768 + 1e-6
    assert scened(stitched, only(room={}, noise={})).stems == {}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("on", [("noise",), ("babble",), ("noise", "babble")], ids="+".join)
def test_the_outputs_snr_over_the_users_words_is_the_asked_one(stitched, on, seed):
    """Measured on the 16-bit output against the clean channel, over the words alone; within half a dB."""
    heard = scened(stitched, only(**{name: {} for name in on}), seed)
    spoken = in_words(stitched.timeline.n_samples, stitched.timeline, Speaker.USER)
    clean = stitched.channels[1]
    got = rms_db(clean[spoken]) - rms_db((heard.channels[1] - clean)[spoken])
    assert set(on) <= set(BACKGROUND)
    assert got == pytest.approx(heard.snr_db, abs=0.5)
    lowest = min(heard.effects[name]["snr_db"] for name in on)
    assert lowest - 3.02 <= heard.snr_db <= lowest


@pytest.mark.parametrize("seed", range(2))
def test_what_is_recorded_makes_the_channel_again(stitched, seed):
    """From the JSON of the row, the clean channels and the bystanders' clips alone, without a draw, to the bit."""
    heard = scened(stitched, ALL, seed)
    recorded = json.loads(canonical(heard.effects))
    around = surroundings(stitched, place.TYPICAL, bystanders)
    again = quantise(line(microphone(air_stems(recorded, around)), recorded, around))
    assert len(recorded) >= 9
    assert again.tobytes() == heard.channels[1].tobytes()


@pytest.mark.parametrize("name", EFFECTS)
def test_one_effects_switch_leaves_the_others_draws(stitched, name):
    everything = scened(stitched, ALL, 9).effects
    without = scened(stitched, only(**{other: {} for other in EFFECTS if other != name}), 9).effects
    assert without == {key: value for key, value in everything.items() if key != name}


def test_the_same_seed_gives_the_same_bytes_in_any_order_and_with_any_number_of_threads(stitched):
    first = [fingerprint(scened(stitched, ALL, seed)) for seed in (0, 1)]
    assert fingerprint(scened(stitched, ALL, 1)) == first[1]
    assert first[0] != first[1]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_scene_unit import ALL, dialogue, fingerprint, scened\n"
        "print(*[fingerprint(scened(dialogue(4), ALL, seed)) for seed in (1, 0)])\n"
    )
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PRA_NUM_THREADS"), "4")
    said = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent)],
        env={**os.environ, **threads}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert said.stdout.split() == first[::-1]


def test_shares_are_met(monkeypatch):
    """The default shares, of dialogues without a sample; rooms are not computed."""
    monkeypatch.setattr(place, "response", lambda *a: SimpleNamespace(rt60_s=0.3, drr_db=3.0))
    options = SceneOptions()
    rng = np.random.default_rng(1)
    around = surroundings(empty(0), place.TYPICAL, bystanders)
    for effect in CHAIN:
        table = getattr(options, effect.name)
        # These need words, or time for something to happen.
        if effect.name in ("off_talk", "sounds", "muffling", "clipping"):
            continue
        drawn = [effect.draw(table, around, rng) for _ in range(1_500)]
        assert np.mean([d is not None for d in drawn]) == pytest.approx(table.share, abs=0.04), effect.name


def test_masked_words_are_those_louder_elsewhere():
    speech, noise = np.full(400, 0.1, np.float32), np.zeros(400, np.float32)
    noise[100:200], noise[300:400] = 0.2, 0.09
    words = [(0, 100), (100, 200), (200, 300), (300, 400)]
    assert masked_word_share({"speech": speech, "noise": noise}, words) == 0.25
    assert masked_word_share({"speech": speech, "noise": noise, "echo": noise}, words) == 0.5
    assert masked_word_share({"speech": speech}, words) == 0.0
    assert masked_word_share({"speech": speech, "noise": noise}, []) == 0.0


def test_masking_is_reported_as_the_noise_makes_it(stitched):
    """Far under 0 dB nearly every word is masked, far above none; at 0 dB some are and some are not."""
    shares = [scened(stitched, only(noise={"snr_db": (x, x)})).masked_word_share for x in (-20, 0, 40)]
    assert shares[0] == 1.0
    assert 0.1 < shares[1] < 0.9
    assert shares[2] == 0.0


def test_loud_noise_is_clipped_and_never_wraps(stitched):
    heard = scened(stitched, only(stems=True, noise={"snr_db": (-30, -30)}))
    loud = np.sum([*heard.stems.values()], axis=0)
    assert np.abs(loud).max() > 1.5
    assert np.abs(heard.channels[1]).max() <= 1
    assert (np.sign(heard.channels[1]) == np.sign(loud))[np.abs(loud) > 1].all()


@settings(deadline=None, max_examples=25)
@given(
    n_samples=st.integers(0, 30_000),
    seed=st.integers(0, 2**32),
    on=st.sets(st.sampled_from(EFFECTS)),
)
@example(n_samples=0, seed=0, on=set(EFFECTS))
@example(n_samples=1, seed=0, on=set(EFFECTS))
@example(n_samples=2, seed=1, on=set(EFFECTS))
def test_silence_of_any_length_keeps_it_and_stays_finite(n_samples, seed, on):
    """Also a dialogue of no sample and of one, whose user never speaks."""
    heard = scened(empty(n_samples), only(stems=True, **{name: {} for name in on}), seed)
    assert heard.channels.shape == (2, n_samples)
    assert np.isfinite(heard.channels).all()
    assert not heard.channels[0].any()
    assert np.abs(heard.channels).max(initial=0) <= 1
    assert all(stem.shape == (n_samples,) and np.isfinite(stem).all() for stem in heard.stems.values())
    assert set(heard.effects) <= set(on)
    assert heard.masked_word_share == 0.0


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32), turns=st.integers(1, 3), words=st.integers(1, 3))
def test_all_on_at_once_is_finite_whatever_is_drawn(seed, turns, words):
    spoken = dialogue(seed, turns, words)
    heard = scened(spoken, ALL, seed)
    assert heard.channels.shape == spoken.channels.shape
    assert np.isfinite(heard.channels).all()
    assert np.abs(heard.channels).max() <= 1
    assert heard.channels[0].tobytes() == spoken.channels[0].tobytes()
    assert 0 <= heard.masked_word_share <= 1
    assert all(e.type is EventType.SOUND and e.channel == 1 and 0 <= e.start_s <= e.end_s for e in heard.events)


def test_a_user_who_never_speaks_is_heard_as_a_quiet_room():
    heard = scened(empty(72_000), NOISE)
    assert rms_db(heard.channels[1]) == pytest.approx(-26 - heard.snr_db, abs=0.3)


def test_without_other_voices_nobody_talks_in_the_background(stitched):
    heard = apply(stitched, only(babble={}, off_talk={"per_min": 20}, noise={}), np.random.default_rng(0))
    assert [*heard.effects] == ["noise"]


def test_word_spans_are_those_heard(stitched):
    spans = word_spans(stitched.timeline, Speaker.USER)
    line = stitched.timeline
    words = [w for t in line.turns if t.speaker is Speaker.USER for w in t.words if w.heard != "no"]
    starts_s = sorted(w.start_s for w in (*words, *line.aside_words[1]))
    assert [a / SAMPLE_RATE_HZ for a, _ in spans] == pytest.approx(starts_s, abs=1e-4)
    assert word_spans(Timeline("d", 0, ()), Speaker.AGENT) == []
    at = surroundings(stitched, place.TYPICAL).turn_at
    assert [at(t.start_s + 0.01) for t in stitched.timeline.turns] == [t.index for t in stitched.timeline.turns]
    assert at(0.0) == 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"noise": {"shore": 1}}, "scene.noise.shore: there is no such key. Did you mean share?"),
        ({"noise_share": 1}, "scene.noise_share: there is no such key."),
        ({"noise": {"share": 1.5}}, "scene.noise.share: input should be less than or equal to 1, got 1.5"),
        ({"noise": {"snr_db": (30, 10)}}, "scene.noise.snr_db: needs -30 <= lowest <= highest <= 90 dB, got 30 and 10."),
        ({"noise": {"snr_db": "loud"}}, "scene.noise.snr_db"),
        ({"room": {"side_m": (1, 5)}}, "scene.room.side_m: needs 2 <= lowest <= highest <= 20 m, got 1 and 5."),
        ({"echo": {"gain": (0, 2)}}, "scene.echo.gain: needs 0 <= lowest <= highest <= 1, got 0 and 2."),
        ({"babble": {"talkers": (1, 2)}}, "scene.babble.talkers: needs 2 <= fewest <= most <= 32 talkers, got 1 and 2."),
        ({"off_talk": {"per_min": 0}}, "scene.off_talk.per_min: input should be greater than 0"),
    ],
)  # fmt: skip
def test_bad_settings_are_one_clear_line(values, said):
    with pytest.raises(UserError) as caught:
        read_options(SceneOptions, values, "scene")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
