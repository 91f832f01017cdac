"""Discrete sounds in a dialogue: when, how loud, in which turn; cues at their words; the same every time."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene_factories import dialogue, empty, only

from datagen.protocols import Failure
from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.records.timeline import Event, SceneDialog, StitchedDialog
from datagen.stages.scene.loudness import power
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.place import TYPICAL
from datagen.stages.scene.sound_bank import SHIPPED, SYNTHS, active_power, bank_of
from datagen.stages.scene.sounds import GAP_S, Sounds, _onset
from datagen.stages.scene.unit import apply, surroundings

OFTEN = only(stems=True, sounds={"per_min": 12})
CUES = only(stems=True, sounds={"share": 0})


def scened(stitched: StitchedDialog, options: SceneOptions, seed: int = 0) -> SceneDialog:
    heard = apply(stitched, options, np.random.default_rng(seed))
    assert isinstance(heard, SceneDialog)
    return heard


def cued(stitched: StitchedDialog, *cues: tuple[int, int, str]) -> StitchedDialog:
    """The dialogue with sounds asked for at words: turn, word, name."""
    turns = list(stitched.timeline.turns)
    for index, word, name in cues:
        at_s = turns[index].words[word].start_s
        event = Event(EventType.SOUND, 1, at_s, at_s, index, {"sound": name, "cue": True})
        turns[index] = replace(turns[index], events=(*turns[index].events, event))
    return replace(stitched, timeline=replace(stitched.timeline, turns=tuple(turns)))


def onset_s(stem: Audio, from_s: float, to_s: float) -> float:
    """Where a sound begins in a stem: the first sample over a hundredth of its loudest there."""
    first, last = round(from_s * SAMPLE_RATE_HZ), round(to_s * SAMPLE_RATE_HZ)
    part = np.abs(stem[first:last])
    return (first + int(np.argmax(part > part.max() / 100))) / SAMPLE_RATE_HZ


def _end_s(sound: Mapping[str, Any]) -> float:
    return float(sound["onset_s"] + sound["duration_s"])


@pytest.fixture(scope="module")
def stitched() -> StitchedDialog:
    return dialogue(3)


@pytest.fixture(scope="module")
def heard(stitched) -> SceneDialog:
    return scened(stitched, OFTEN)


def test_every_sound_is_heard_where_it_is_recorded_and_nowhere_else(heard):
    stem, sounds = heard.stems["sounds"], heard.effects["sounds"]["sounds"]
    assert len(sounds) >= 3
    quiet_until = 0.0
    for sound in sounds:
        start_s, end_s = sound["onset_s"], sound["onset_s"] + sound["duration_s"]
        assert start_s >= quiet_until
        assert onset_s(stem, max(start_s - 0.2, 0), end_s) == pytest.approx(start_s, abs=0.01)
        quiet_until = end_s + GAP_S - 1e-9
    sounding = np.zeros(len(stem), bool)
    for sound in sounds:
        start, n = (round(sound[key] * SAMPLE_RATE_HZ) for key in ("onset_s", "duration_s"))
        sounding[start : start + n + round(0.3 * SAMPLE_RATE_HZ)] = True  # the room's reverberation is 0.3 s
    assert np.abs(stem[~sounding]).max() < 1e-4


def test_every_sound_is_as_far_below_the_speech_as_it_is_recorded(stitched, heard):
    around = surroundings(stitched, TYPICAL)
    speech = 10 * np.log10(power(heard.stems["speech"], around.user_words))
    for sound in heard.effects["sounds"]["sounds"]:
        start = round(sound["onset_s"] * SAMPLE_RATE_HZ)
        part = heard.stems["sounds"][start : start + round(sound["duration_s"] * SAMPLE_RATE_HZ)]
        assert speech - 10 * np.log10(active_power(part)) == pytest.approx(sound["snr_db"], abs=0.5)
        assert -5 <= sound["snr_db"] <= 10


def test_the_events_are_the_sounds(stitched, heard):
    sounds, turns = heard.effects["sounds"]["sounds"], stitched.timeline.turns
    assert len(heard.events) == len(sounds)
    for event, sound in zip(heard.events, sounds, strict=True):
        assert (event.type, event.channel) == (EventType.SOUND, Speaker.USER.channel)
        assert event.start_s == sound["onset_s"]
        assert event.end_s == pytest.approx(sound["onset_s"] + sound["duration_s"], abs=1e-9)
        assert event.end_s <= len(stitched.channels[1]) / SAMPLE_RATE_HZ + 1e-9
        assert dict(event.attrs) == {key: sound[key] for key in ("name", "snr_db", "source", "cue", "cut")}
        begun = [t.index for t in turns if t.start_s <= event.start_s]
        assert event.target_turn == (begun[-1] if begun else 0)


def test_the_same_seed_gives_the_same_sounds_and_the_parameters_give_them_again(stitched, heard):
    again = scened(stitched, OFTEN)
    assert again.effects == heard.effects
    assert again.channels.tobytes() == heard.channels.tobytes()
    assert scened(stitched, OFTEN, 1).effects != heard.effects


def drawn(stitched: StitchedDialog, n: int, **table: Any) -> list[list[dict[str, Any]]]:
    """The sounds of `n` dialogues under these options."""
    options, around = only(sounds=table).sounds, surroundings(stitched, TYPICAL)
    found = [Sounds().draw(options, around, np.random.default_rng(seed)) for seed in range(n)]
    return [list(f["sounds"]) if f else [] for f in found]


def test_the_share_and_the_rate_are_the_recipes():
    quick = {"names": ["door_knock"], "per_min": 1.0}  # what is quickly made
    shared = drawn(empty(60 * SAMPLE_RATE_HZ), 80, share=0.3, **quick)
    assert sum(map(bool, shared)) / 80 == pytest.approx(0.3, abs=0.15)
    counts = [len(found) for found in drawn(empty(480 * SAMPLE_RATE_HZ), 30, **quick)]
    assert np.mean(counts) == pytest.approx(8, abs=1.4)
    assert min(counts) >= 1


def test_names_and_weights_say_which_sounds_come(stitched):
    def names(n: int, **table: Any) -> list[str]:
        return [s["name"] for found in drawn(stitched, n, per_min=30, **table) for s in found]

    assert set(names(2, names=["siren", "cough"])) == {"siren", "cough"}
    assert set(names(2, names=["siren", "cough"], weights={"siren": 0})) == {"cough"}
    often = names(10, names=["door_knock", "door_slam"], weights={"door_slam": 9})
    assert 0.75 < often.count("door_slam") / len(often) < 1
    assert len(set(names(4))) > 6


def test_two_sounds_overlap_only_where_that_is_asked_for(stitched):
    def pairs(share: float) -> int:
        table = {"names": ["door_knock", "door_slam", "cough"], "per_min": 60, "overlap_share": share}
        return sum(_end_s(a) > b["onset_s"] for found in drawn(stitched, 4, **table) for a, b in pairwise(found))

    assert pairs(0.0) == 0
    assert pairs(1.0) > 5


def test_a_cue_begins_with_its_word_as_loud_as_speech_whatever_the_share(stitched):
    asked = cued(stitched, (1, 3, "siren"), (3, 5, "dog_bark"))
    for seed in range(4):
        heard = scened(asked, CUES, seed)
        found = heard.effects["sounds"]["sounds"]
        assert [(s["name"], s["cue"], s["source"]) for s in found] == [
            ("siren", True, SHIPPED),
            ("dog_bark", True, SHIPPED),
        ]
        for sound, (turn, word) in zip(found, ((1, 3), (3, 5)), strict=True):
            at_s = stitched.timeline.turns[turn].words[word].start_s
            assert sound["onset_s"] == pytest.approx(at_s, abs=1 / SAMPLE_RATE_HZ)
            assert onset_s(heard.stems["sounds"], at_s - 0.05, at_s + 0.2) == pytest.approx(at_s, abs=0.02)
            assert -5 <= sound["snr_db"] <= 5
        assert [(e.target_turn, e.attrs["cue"]) for e in heard.events] == [(1, True), (3, True)]


def test_the_sounds_by_chance_leave_the_cues_as_they_were(stitched):
    asked = cued(stitched, (1, 3, "siren"))
    alone = scened(asked, CUES).effects["sounds"]["sounds"]
    among = [s for s in scened(asked, OFTEN).effects["sounds"]["sounds"] if s["cue"]]
    assert alone == among


def test_what_the_text_speaks_of_does_not_come_by_chance_too(stitched):
    asked = cued(stitched, (1, 3, "siren"))
    for names, heard in ((["siren", "cough"], {"siren", "cough"}), (["siren"], {"siren"})):
        found = [s for sounds in drawn(asked, 3, per_min=20, names=names) for s in sounds]
        assert {s["name"] for s in found} == heard
        assert all(s["cue"] == (s["name"] == "siren") for s in found)


def test_a_cue_that_no_bank_has_is_a_failure_that_names_what_is_near(stitched):
    refused = apply(cued(stitched, (3, 1, "dog_barks")), CUES, np.random.default_rng(0))
    assert isinstance(refused, Failure)
    assert refused.reason == "unknown_sound"
    for part in ("d3 turn 3", "'dog_barks'", "dog_bark", "scene.sounds.folders"):
        assert part in refused.detail


def test_a_sound_that_the_end_cuts_is_faded_and_says_so(stitched):
    last = len(stitched.timeline.turns) - 1
    heard = scened(cued(stitched, (last, 7, "siren")), CUES)
    (sound,) = heard.effects["sounds"]["sounds"]
    n = stitched.channels.shape[1]
    assert sound["cut"]
    assert round((sound["onset_s"] + sound["duration_s"]) * SAMPLE_RATE_HZ) == n
    stem = np.abs(heard.stems["sounds"])
    assert stem.shape == (n,)
    assert stem[-24:].max() < 0.1 * stem.max()


@pytest.mark.parametrize("n_samples", [0, 1, 100, 4_000])
def test_dialogues_too_short_for_a_sound_are_whole(n_samples):
    for seed in range(5):
        heard = scened(empty(n_samples), OFTEN, seed)
        assert heard.channels.shape == (2, n_samples)
        assert np.isfinite(heard.channels).all()
        assert all(0 <= e.start_s <= e.end_s <= n_samples / SAMPLE_RATE_HZ for e in heard.events)


@given(
    length=st.integers(1, 300_000),
    n_samples=st.integers(1, 2_000_000),
    taken=st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(1, 200_000)), max_size=8),
    at=st.floats(0, 1, exclude_max=True),
)
def test_a_free_onset_is_clear_of_every_other_sound(length, n_samples, taken, at):
    spans = [(a, a + n) for a, n in taken]
    onset = _onset(length, n_samples, spans, at)
    gap = round(GAP_S * SAMPLE_RATE_HZ)
    if onset is not None:
        assert 0 <= onset <= max(n_samples - min(length, 7_200), 0)
        assert all(onset + length + gap <= a or onset >= b + gap for a, b in spans)
    elif not spans:
        assert n_samples < min(length, 7_200)


def test_the_bank_is_the_shipped_one_where_the_user_has_none():
    assert bank_of(()).names == tuple(sorted(SYNTHS))
