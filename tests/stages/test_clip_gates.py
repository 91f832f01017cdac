"""A voice's clips: its own few texts, each gate with a candidate that it is there for, and the best of those that pass."""

from dataclasses import replace

import numpy as np
import pytest

from datagen.config import read_options
from datagen.domains.asides import asides
from datagen.errors import UserError
from datagen.protocols import Failure
from datagen.records.enums import ClipKind, Speaker
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Speech, Word
from datagen.stages.speak.clips import Candidate, Passed, best, candidates, finish, level_of, level_request, own_texts
from datagen.stages.speak.unit import SpeakOptions

VOICE = Voice("anna", "espeak", "en-us", {}, "female", 200.0, (500.0, 1500.0, 2500.0), "", "")
OPTIONS = SpeakOptions()
TEXTS = asides().texts(ClipKind.BACKCHANNEL, Speaker.USER)
LEVEL_DB = -20.0


def candidate(kind: ClipKind = ClipKind.BACKCHANNEL, text: str = "okay") -> Candidate:
    return candidates(VOICE, Speaker.USER, kind, [text], OPTIONS)[0]


def said(
    seconds: float = 0.5, f0_hz: float = 200.0, level_db: float = LEVEL_DB, text: str = "okay", lead_s: float = 0.2
) -> Speech:
    """A buzz of that pitch and RMS level with silence before it; noise where `f0_hz` is 0."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(2 * np.pi * f0_hz * n * t) / n for n in range(1, 9))
    sound = buzz if f0_hz else np.random.default_rng(0).normal(size=len(t))
    sound = sound * 10 ** (level_db / 20) / np.sqrt(np.mean(np.square(sound)))
    audio = np.concatenate([np.zeros(round(lead_s * SAMPLE_RATE_HZ)), sound]).astype(np.float32)
    words, step = text.split(), seconds / len(text.split())
    spans = [Word(w, w, lead_s + i * step, lead_s + (i + 1) * step) for i, w in enumerate(words)]
    return Speech(np.clip(audio, -1, 1), tuple(spans), "espeak", 5)


def test_a_voice_has_few_texts_and_always_the_same() -> None:
    own = {f"v{n}": own_texts(f"v{n}", ClipKind.BACKCHANNEL, TEXTS, OPTIONS) for n in range(60)}
    assert all(len(texts) == OPTIONS.clips.backchannels and set(texts) <= set(TEXTS) for texts in own.values())
    assert {t for texts in own.values() for t in texts} == set(TEXTS)
    assert len(set(own.values())) > 40
    assert own["v7"] == own_texts("v7", ClipKind.BACKCHANNEL, TEXTS, OPTIONS)
    more = {v: own_texts(v, ClipKind.BACKCHANNEL, (*TEXTS, "I hear you"), OPTIONS) for v in own}
    assert all(len(set(more[v]) - set(own[v])) <= 1 for v in own)


def test_every_try_has_a_seed_of_its_own() -> None:
    tried = candidates(VOICE, Speaker.USER, ClipKind.SIDE_TALK, ["Put it down.", "Not now, please."], OPTIONS)
    assert [(c.text, c.number) for c in tried] == [
        (t, n) for t in ("Put it down.", "Not now, please.") for n in range(3)
    ]
    assert len({c.request.seed for c in tried}) == 6
    assert tried == candidates(VOICE, Speaker.USER, ClipKind.SIDE_TALK, ["Put it down.", "Not now, please."], OPTIONS)


def test_a_good_one_passes_trimmed() -> None:
    result = finish(candidate(), said(), LEVEL_DB, OPTIONS)
    assert isinstance(result, Passed)
    assert result.speech.duration_s == pytest.approx(0.5, abs=0.05)
    assert result.speech.words[0].start_s < 0.03
    assert result.distance < 0.1


HARMED = {
    "silent": said(level_db=-80),
    "clipped": said(level_db=6),
    "too_long": said(seconds=1.1),
    "too_short": said(seconds=0.06),
    "silent_words": replace(said(text="I see"), audio=said().audio[: round(0.4 * SAMPLE_RATE_HZ)]),
    "level": said(level_db=LEVEL_DB - 7),
    "unvoiced": said(f0_hz=0),
    "pitch": said(f0_hz=140),
}


@pytest.mark.parametrize("reason", HARMED)
def test_a_harmed_one_is_refused(reason: str) -> None:
    one = candidate(text="I see" if reason == "silent_words" else "okay")
    result = finish(one, HARMED[reason], LEVEL_DB, OPTIONS)
    assert isinstance(result, Failure), result
    assert result.reason == reason
    assert result.detail.startswith(f"voice anna backchannel {one.text!r}, candidate 0: ")
    assert "\n" not in result.detail


def test_the_limits_are_the_kinds() -> None:
    text = "Put it over there."
    long = said(seconds=1.5, text=text)
    assert isinstance(finish(candidate(ClipKind.SIDE_TALK, text), long, LEVEL_DB, OPTIONS), Passed)
    assert isinstance(finish(candidate(ClipKind.BACKCHANNEL, text), long, LEVEL_DB, OPTIONS), Failure)


def test_the_details_have_the_numbers() -> None:
    refused = [finish(candidate(), HARMED[r], LEVEL_DB, OPTIONS) for r in ("level", "pitch")]
    assert [f.detail.partition(": ")[2] for f in refused if isinstance(f, Failure)] == [
        "-7.2 dB from the voice's level (limit 6, speak.clips.level_db).",
        "F0 140 Hz, the voice's is 200 (limit a ratio of 1.35, speak.clips.f0_ratio).",
    ]


def test_the_voices_level_is_that_of_its_sentence() -> None:
    sentence = said(seconds=2.0, level_db=-23.0, text=" ".join(level_request(VOICE).words))
    assert level_of("anna", sentence, OPTIONS) == pytest.approx(-23, abs=0.3)
    assert isinstance(level_of("anna", said(level_db=6), OPTIONS), float)
    assert level_of("anna", said(level_db=-90), OPTIONS) == Failure(
        "silent", "voice anna is silent where its level is measured (speak.silence_db)."
    )


def test_the_closest_to_the_voice_are_kept() -> None:
    tried = candidates(VOICE, Speaker.USER, ClipKind.BACKCHANNEL, ["okay", "right"], OPTIONS)
    f0 = [200.0, 230.0, 210.0, 200.0, 140.0, 260.0]
    results = [
        finish(c, replace(said(f0_hz=hz), seed=n), LEVEL_DB, OPTIONS)
        for n, (c, hz) in enumerate(zip(tried, f0, strict=True))
    ]
    kept = best([r for r in results if isinstance(r, Passed)], OPTIONS)
    assert [(c.text, c.speech.seed) for c in kept] == [("okay", 0), ("okay", 2), ("right", 3), ("right", 5)]


def test_no_more_are_kept_than_said() -> None:
    with pytest.raises(UserError, match=r"speak.clips: keep = 4 of candidates = 3"):
        read_options(SpeakOptions, {"clips": {"keep": 4}}, "speak")
