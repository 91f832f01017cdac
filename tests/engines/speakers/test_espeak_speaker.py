"""The espeak engine: the same request, the same samples, whatever came before; and words where they are heard."""

import gc
import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datagen.engines.speakers.espeak import EspeakOptions, EspeakSpeaker
from datagen.engines.speakers.espeak_library import EspeakLibrary, Tone
from datagen.engines.speakers.respelling import respelled
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Tag
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Speech

TEXT = "Your new card, ending in four two seven one, will arrive at the end of the week."
SETTINGS = {"pitch": 50.0, "range": 50.0, "rate_wpm": 175.0}
SHIFT = {**SETTINGS, "shift_up": 15.0, "shift_down": 16.0}
PRAAT = {
    **SETTINGS,
    "formant_ratio": 1.1,
    "pitch_median_hz": 170.0,
    "pitch_range_ratio": 1.2,
    "duration_ratio": 1.0,
    "floor_hz": 65.0,
    "ceiling_hz": 240.0,
}


def a_voice(base: str = "en-us+edward", **transform: float) -> Voice:
    return Voice(
        "v", "espeak", base, transform or SETTINGS, "male", 100.0, (500.0, 1500.0, 2500.0), "GPL-3.0-or-later", "test"
    )


def a_request(text: str = TEXT, voice: Voice | None = None, seed: int = 7, tags: tuple[Tag, ...] = ()) -> SpeakRequest:
    words = tuple(text.split())
    return SpeakRequest(words, words, voice or a_voice(), seed, tags=tags)


@pytest.fixture(scope="module")
def speaker() -> EspeakSpeaker:
    return EspeakSpeaker(EspeakOptions())


def spoken(speaker: EspeakSpeaker, request: SpeakRequest) -> Speech:
    (result,) = speaker.speak([request])
    assert isinstance(result, Speech), result
    return result


KINDS = {
    "formant": a_voice("en-us+m6", **SHIFT),
    "echo and breath": a_voice("en-us+f2", **SHIFT),
    "klatt": a_voice("en-us+klatt5", **SHIFT),
    "klatt 6, noise of the C library": a_voice("en-us+benjamin", **SHIFT),
    "praat": a_voice("en-us+edward", **PRAAT),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_said_before_changes_nothing(speaker: EspeakSpeaker, kind: str) -> None:
    request = a_request(voice=KINDS[kind])
    first = spoken(speaker, request)
    others = [a_request("Is that you? Oh!", voice, 1) for voice in KINDS.values()]
    assert len(speaker.speak(others)) == len(others)
    again = spoken(speaker, request)
    assert np.array_equal(first.audio, again.audio)
    assert first.words == again.words


def test_another_process_says_the_same(speaker: EspeakSpeaker) -> None:
    def digest_of(results: list[Speech | Failure]) -> str:
        return hashlib.sha256(b"".join(r.audio.tobytes() for r in results if isinstance(r, Speech))).hexdigest()

    code = (
        "import hashlib\n"
        "from tests_espeak import KINDS, a_request, EspeakSpeaker, EspeakOptions\n"
        "requests = [a_request(voice=v) for v in reversed(KINDS.values())]\n"
        "results = EspeakSpeaker(EspeakOptions()).speak(requests)[::-1]\n"
        "import sys; sys.stdout.write(hashlib.sha256(b''.join(r.audio.tobytes() for r in results)).hexdigest())\n"
    )
    load = f"import importlib.util as u, sys; s = u.spec_from_file_location('tests_espeak', {__file__!r})\n"
    load += "m = u.module_from_spec(s); sys.modules['tests_espeak'] = m; s.loader.exec_module(m)\n"
    done = subprocess.run([sys.executable, "-c", load + code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == digest_of(speaker.speak([a_request(voice=v) for v in KINDS.values()])), done.stderr


def test_without_reloading_the_library_remembers() -> None:
    """The reason for the reload: were it to vanish in a later espeak-ng, the reload could go."""
    library = EspeakLibrary()
    library._load()
    tone = Tone("en-us+f2", 50, 50, 175, 1)
    try:
        assert library._set(tone)
        first = library._say(TEXT, tone).pcm
        assert library._set(tone)
        assert library._say(TEXT, tone).pcm != first
    finally:
        library._unload()


def test_more_texts_need_no_more_memory() -> None:
    """Each text loads the library anew; what it would leak adds up over a build."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("there is no /proc here")
    library = EspeakLibrary()
    sizes_kb = []
    for round_ in range(3):
        for n in range(100):
            library.say("Yes.", Tone(f"en-us+{('edward', 'f2', 'm6')[n % 3]}", 50, 50, 400, round_))
        gc.collect()
        sizes_kb.append(int(pages.read_text().split()[1]) * 4)
    assert sizes_kb[2] - sizes_kb[1] < 150


def test_the_seed_and_the_tags_are_heard(speaker: EspeakSpeaker) -> None:
    plain = spoken(speaker, a_request())
    assert not np.array_equal(plain.audio, spoken(speaker, a_request(seed=8)).audio)
    slow, fast = (spoken(speaker, a_request(tags=(tag,))) for tag in (Tag.HESITANT, Tag.ANXIOUS))
    assert slow.duration_s > 1.05 * plain.duration_s > 1.05 * fast.duration_s


@pytest.mark.parametrize("transform", [SETTINGS, SHIFT, PRAAT], ids=["plain", "shift", "praat"])
def test_every_word_has_its_place(speaker: EspeakSpeaker, transform: dict[str, float]) -> None:
    result = spoken(speaker, a_request(voice=a_voice(**transform)))
    assert tuple(w.word for w in result.words) == tuple(TEXT.split())
    ends = [0.0, *(w.end_s for w in result.words)]
    assert all(end <= w.start_s < w.end_s for end, w in zip(ends, result.words, strict=False))
    assert ends[-1] <= result.duration_s
    power = np.square(result.audio, dtype=np.float64)
    inside = sum(power[round(w.start_s * SAMPLE_RATE_HZ) : round(w.end_s * SAMPLE_RATE_HZ)].sum() for w in result.words)
    assert inside > 0.98 * power.sum()


@pytest.mark.parametrize("transform", [SETTINGS, SHIFT, PRAAT], ids=["plain", "shift", "praat"])
def test_the_pause_between_two_sentences_is_in_no_word(speaker: EspeakSpeaker, transform: dict[str, float]) -> None:
    result = spoken(speaker, a_request("Stop. Now, please.", a_voice(**transform)))
    stop, now = result.words[:2]
    assert 0.2 < now.start_s - stop.end_s < 0.8
    gap = result.audio[round((stop.end_s + 0.01) * SAMPLE_RATE_HZ) : round((now.start_s - 0.01) * SAMPLE_RATE_HZ)]
    assert np.abs(gap).max() < 0.02 * np.abs(result.audio).max()
    edge = round(now.start_s * SAMPLE_RATE_HZ)
    assert np.abs(result.audio[edge : edge + 2400]).max() > 0.1 * np.abs(result.audio).max()


def test_two_words_that_espeak_says_as_one_each_get_a_part(speaker: EspeakSpeaker) -> None:
    result = spoken(speaker, a_request("the top of the hill, in the end"))
    spans = {n: (w.start_s, w.end_s) for n, w in enumerate(result.words)}
    for of, the in ((2, 3), (5, 6)):
        assert spans[of][1] == spans[the][0]
        assert all(end - start > 0.02 for start, end in (spans[of], spans[the]))


def test_a_spoken_form_of_many_words_is_one_span(speaker: EspeakSpeaker) -> None:
    request = SpeakRequest(
        ("That", "is", "$12.50", "please."), ("That", "is", "twelve dollars and fifty cents", "please."), a_voice(), 1
    )
    words = spoken(speaker, request).words
    assert words[2].word == "$12.50"
    assert words[2].end_s - words[2].start_s > 1.0
    assert words[3].start_s >= words[2].end_s


def test_what_espeak_would_spell_out_is_respelled(speaker: EspeakSpeaker) -> None:
    assert respelled("Mhm, eh M.") == "um hum, eigh M."
    assert respelled("the hem, ehs and MM") == "the hem, ehs and um"
    assert respelled("Umi's miso, Consuelo") == "oo me's meesoe, consway lo"
    said, meant, spelled = (spoken(speaker, a_request(t)) for t in ("Mhm.", "um hum.", "M H M."))
    assert np.array_equal(said.audio, meant.audio)
    assert said.words[0].spoken == "Mhm."
    assert said.words[0].end_s == meant.words[1].end_s < spelled.words[2].end_s


def test_samples_are_whole_16_bit_steps(speaker: EspeakSpeaker) -> None:
    audio = spoken(speaker, a_request(voice=a_voice(**PRAAT))).audio
    assert audio.dtype == np.float32
    assert np.array_equal(np.round(audio * 32768) / 32768, audio)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "unspeakable"),
        ("hello 😀 there", "unspeakable"),
        ("hello 日本", "unspeakable"),
        ("Привет", "unspeakable"),
        ("well — yes", "unspeakable"),
        ("well \ufffd yes", "unspeakable"),
        ("a" * 2001, "too_long_text"),
    ],
)
def test_what_cannot_be_said_is_a_failure_in_its_place(speaker: EspeakSpeaker, text: str, reason: str) -> None:
    before, result, after = speaker.speak([a_request("Yes."), a_request(text), a_request("Yes.")])
    assert isinstance(result, Failure)
    assert result.reason == reason
    assert result.detail
    assert isinstance(before, Speech)
    assert isinstance(after, Speech)
    assert np.array_equal(before.audio, after.audio)


def test_an_unknown_voice_is_a_failure(speaker: EspeakSpeaker) -> None:
    for base in ("xx-klingon", "no such voice"):
        (result,) = speaker.speak([a_request(voice=a_voice(base))])
        assert isinstance(result, Failure)
        assert result.reason == "unknown_voice"
        assert repr(base) in result.detail


def test_two_thousand_characters_and_accents_are_said(speaker: EspeakSpeaker) -> None:
    text = ("Renée asked “why not?” and left the café; " * 60)[:2000].strip()
    result = spoken(speaker, a_request(text))
    assert len(result.words) == len(text.split())
    assert 60 < result.duration_s < 240


def test_the_markup_of_espeak_is_read_not_obeyed(speaker: EspeakSpeaker) -> None:
    result = spoken(speaker, a_request('<voice name="x"> hello [[h@l]] </voice> world'))
    assert result.duration_s > 2.0
    assert len(result.words) == 6


def test_the_maker_names_versions_and_options() -> None:
    one, other = (EspeakSpeaker(EspeakOptions(jitter=j)).maker for j in (0.03, 0.0))
    assert one.model.startswith("espeak-ng 1.")
    assert "espeakng-loader-" in one.revision
    assert "praat-parselmouth-" in one.revision
    assert one.deterministic
    assert (one.options, one.revision) != (other.options, other.revision)
    assert replace(one, options="") == replace(other, options="")
