"""Flite: its words lie where they are heard, noise depends on nothing said before, and where it is not installed the command is named."""

import ctypes
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datagen import resources
from datagen.audio.pitch import pitch_of
from datagen.audio.speaker_distance import distances, read_distance
from datagen.engines import registry
from datagen.engines.speakers.calibrate import held_out_features
from datagen.engines.speakers.flite import FliteOptions, FliteSpeaker, in_ascii, spans_of
from datagen.engines.speakers.flite_library import FliteLibrary, RawWords
from datagen.engines.speakers.voice_bank import voices_of
from datagen.errors import EngineError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Tag
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from datagen.stages.speak.trim import loud_part, trimmed
from datagen.stages.speak.unit import SpeakOptions, checked
from datagen.text.say import spoken_words

VOICES = voices_of("flite")
installed = pytest.mark.skipif(
    bool(registry.obstacle(registry.entry("speaker", "flite"))),
    reason=registry.obstacle(registry.entry("speaker", "flite")),
)
TEXTS = (
    "The number is W3-5609. Is that all?",
    "You have $3,337.92, and it's Anna's.",
    "Um, mhm. Send it to jane.doe@example.com, thank you!",
    "I'd like to book a table for two... on 3/15/2026, at 7:30pm.",
)


def request(text: str, voice: Voice, seed: int = 3, **more: Any) -> SpeakRequest:
    return SpeakRequest(tuple(text.split()), spoken_words(text), voice, seed, **more)


def said(asked: SpeakRequest) -> Speech:
    (speech,) = FliteSpeaker(FliteOptions()).speak([asked])
    assert isinstance(speech, Speech), speech
    return speech


def some() -> list[Voice]:
    """A voice of every base."""
    return list({v.base: v for v in VOICES}.values())


def test_its_voices_are_of_both_sexes_and_several_people() -> None:
    assert len({v.base for v in VOICES}) >= 3
    assert min(sum(v.sex == sex for v in VOICES) for sex in ("female", "male")) >= 8
    assert {v.licence for v in VOICES} == {"MIT-Festival"}


def test_a_form_has_the_span_of_all_its_words_and_one_of_which_nothing_was_said_has_an_empty_one() -> None:
    said = ["W three,", "...", "five-six"]
    raw = RawWords(b"", 16_000, ((2, 10, 20), (9, 20, 30), (21, 40, 50), (21, 50, 60)))
    assert spans_of(said, raw) == [(10, 30), (30, 30), (40, 60)]


def test_spoken_forms_are_read_in_ascii() -> None:
    assert in_ascii("“Café Zoë’s” — naïve Straße…") == '"Cafe Zoe\'s" - naive Strasse.'


@installed
@pytest.mark.parametrize("text", TEXTS)
def test_the_sound_lies_in_the_words(text: str) -> None:
    for voice in some():
        asked = request(text, voice)
        kept = trimmed(speech := said(asked), loud_part(speech.audio, 50, -55), 0.02)
        power = np.square(kept.audio, dtype=np.float64)
        times = [t for w in kept.words for t in (w.start_s, w.end_s)]
        inside = sum(
            power[round(a * SAMPLE_RATE_HZ) : round(b * SAMPLE_RATE_HZ)].sum()
            for a, b in zip(times[::2], times[1::2], strict=True)
        )
        assert times == sorted(times)
        assert all(w.end_s - w.start_s > 0.02 for w in kept.words), (voice.id, kept.words)
        assert all(b.start_s - a.end_s < 0.02 or a.spoken[-1] in ",.?!" for a, b in itertools.pairwise(kept.words)), (
            voice.id,
            kept.words,
        )
        assert inside > 0.97 * power.sum(), (voice.id, text)
        assert isinstance(checked("here", asked, speech, SpeakOptions()), Speech)


@installed
def test_nothing_said_before_changes_a_sample() -> None:
    asked = [request(text, voice) for voice in some() for text in TEXTS[:2]]
    speaker = FliteSpeaker(FliteOptions())
    first = speaker.speak(asked)
    ctypes.CDLL(None).srand(ctypes.c_uint(1234))
    second = speaker.speak(asked[::-1])[::-1]
    assert all(
        np.array_equal(a.audio, b.audio)
        for a, b in zip(first, second, strict=True)
        if isinstance(a, Speech) and isinstance(b, Speech)
    )
    other = said(replace(asked[0], seed=4))
    assert isinstance(first[0], Speech)
    assert not np.array_equal(other.audio, first[0].audio)


@installed
def test_a_voice_has_its_own_pitch_and_a_tag_moves_it() -> None:
    text = "Could you tell me what the weather is like over there, and whether the road is open again?"
    for voice in some():
        plain, excited = said(request(text, voice)), said(request(text, voice, tags=(Tag.EXCITED,)))
        hz = [float(np.median(pitch_of(s.audio, SAMPLE_RATE_HZ))) for s in (plain, excited)]
        assert hz[0] == pytest.approx(voice.f0_hz, rel=0.08)
        assert 1.02 < hz[1] / hz[0] < 1.09
        assert excited.duration_s < 0.97 * plain.duration_s


@installed
def test_what_it_cannot_say_is_refused() -> None:
    speaker = FliteSpeaker(FliteOptions(max_chars=40))
    voice = VOICES[0]
    answers = speaker.speak(
        [
            request("Hello 你好", voice),
            request("Yes. " * 20, voice),
            request("Hello.", replace(voice, base="nobody")),
            SpeakRequest(("ƕ",), ("ƕ",), voice, 1),
        ]
    )
    assert [a.reason for a in answers if isinstance(a, Failure)] == [
        "unspeakable",
        "too_long_text",
        "unknown_voice",
        "unspeakable",
    ]


@installed
@pytest.mark.slow
def test_two_of_its_voices_are_farther_apart_than_one_from_itself() -> None:
    distance = read_distance(resources.voices() / "distance.toml")
    groups = [g for g in map(held_out_features, VOICES[:: max(1, len(VOICES) // 6)]) if g is not None]
    means = np.stack([g.mean(axis=0) for g in groups])
    apart = distances(means, means, distance.matrix)[np.triu_indices(len(groups), 1)]
    own = [float(distances(g, g, distance.matrix)[0, 1]) for g in groups]
    assert apart.min() > distance.threshold > np.median(own)


def test_where_it_is_not_installed_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, *_: Any, **__: Any) -> Any:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(EngineError, match=r"libflite.so.1: cannot open .* apt-get install libflite1"):
        FliteLibrary()
    with pytest.raises(
        EngineError,
        match=r"speaker.engine = flite: libflite.so.1 is not installed; run: apt-get install libflite1. Ready here",
    ):
        registry.options_of("speaker", "flite", {})
