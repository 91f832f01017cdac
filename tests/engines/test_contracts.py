"""Every engine of the registry through the contract of its kind: as long a list back, failures in place, the same answer twice.

A new engine needs no line here. One whose packages this environment lacks is skipped, with their names.
"""

import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_speech_models import write_ctc, write_whisper
from tiny_measures import write_dnsmos, write_xvectors

from datagen.config import Options
from datagen.domains import loader
from datagen.engines import registry
from datagen.errors import EngineError, UserError
from datagen.protocols import AlignRequest, Failure, HearRequest, SpeakRequest, WriteRequest
from datagen.records.enums import Kind, Speaker, Split, Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan, Voice
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ, Speech, Word
from datagen.records.transcript import Transcript
from datagen.store.ids import canonical, rng
from datagen.text.wer import words_of

SHARES = (0.8, 0.1, 0.1)
TEXT = "Thank you. I will be there at the end of the day."
METHODS = {
    "writer": ("write",),
    "speaker": ("speak", "voices"),
    "aligner": ("align",),
    "codec": ("encode", "decode", "constant_frames"),
    "judge": ("judge_one", "preflight", "close"),
    "asr": ("hear",),
    "embedder": ("embed", "similarity"),
    "mos": ("predict",),
}


TINY: dict[tuple[str, str], Callable[[Path], Path]] = {
    ("aligner", "ctc"): write_ctc,
    ("aligner", "whisper"): write_whisper,
    ("asr", "whisper"): write_whisper,
    ("embedder", "wavlm"): write_xvectors,
    ("mos", "dnsmos"): lambda folder: write_dnsmos(folder / "tiny.onnx"),
}
"""What writes a tiny model for an engine that has none of its own; it gets the path as its option `model`."""

MODELS = tempfile.TemporaryDirectory(prefix="datagen-contract-")  # removed when the interpreter ends


@cache
def tiny(kind: str, name: str) -> dict[str, Any]:
    write = TINY.get((kind, name))
    return {"model": str(write(Path(tempfile.mkdtemp(dir=MODELS.name))))} if write else {}


def made(entry: registry.Entry, **options: Any) -> Any:
    obstacle = registry.obstacle(entry)
    if obstacle:
        pytest.skip(f"{entry.kind} {entry.name}: {obstacle}")
    options = tiny(entry.kind, entry.name) | options
    engine = registry.make(entry.kind, entry.name, registry.options_of(entry.kind, entry.name, options))
    if entry.kind == "writer" and not engine.maker.deterministic:
        pytest.skip(f"writer {entry.name} needs a server; its own tests run it against one")
    if entry.own_env and (against := engine.preflight()):
        pytest.skip(f"{entry.kind} {entry.name}: {against[0]}; its own tests run it against the contract")
    return engine


def of_kind(kind: str) -> Any:
    entries = [e for e in registry.ENTRIES if e.kind == kind]
    return pytest.mark.parametrize("entry", entries, ids=[e.name for e in entries])


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=[f"{e.kind}-{e.name}" for e in registry.ENTRIES])
def test_an_engine_says_who_it_is(entry: registry.Entry) -> None:
    engine = made(entry)
    assert (engine.kind, engine.name) == (entry.kind, entry.name)
    assert all(callable(getattr(engine, method)) for method in METHODS[entry.kind])
    maker = engine.maker
    assert isinstance(maker, Maker)
    assert maker == engine.maker
    assert maker.engine == entry.name
    assert all((maker.model, maker.revision, maker.licence))
    canonical(maker)


@pytest.mark.parametrize("entry", [e for e in registry.ENTRIES if not e.target], ids=lambda e: f"{e.kind}-{e.name}")
def test_one_that_is_named_and_not_there_says_so(entry: registry.Entry) -> None:
    with pytest.raises(EngineError, match=rf"{entry.kind}.engine = {entry.name}: not in datagen .* Ready here: "):
        registry.options_of(entry.kind, entry.name, {})


@pytest.mark.parametrize("entry", [e for e in registry.ENTRIES if e.target], ids=lambda e: f"{e.kind}-{e.name}")
def test_its_options_are_documented_and_strict(entry: registry.Entry) -> None:
    if obstacle := registry.obstacle(entry):
        pytest.skip(f"{entry.kind} {entry.name}: {obstacle}")
    options = registry.options_of(entry.kind, entry.name, {})
    assert isinstance(options, Options)
    for name, field in type(options).model_fields.items():
        assert field.description, name
    with pytest.raises(UserError, match=r"no such key"):
        registry.options_of(entry.kind, entry.name, {"no_such_knob": 1})


def plans(n: int) -> list[DialogPlan]:
    domains = [d for d in map(loader.load, loader.available()) if d.kind is Kind.SERVICE]
    found = []
    for index in range(n):
        domain = domains[index % len(domains)]
        scenario = domain.scenarios[index % len(domain.scenarios)].name
        draw = rng("contract", index)
        instance = domain.instance(scenario, Split.TRAIN, SHARES, draw)
        traits = domain.traits(scenario, draw)
        ids = f"{domain.name}-{index:06d}"
        found.append(
            DialogPlan(
                index,
                ids,
                domain.kind,
                domain.name,
                scenario,
                Split.TRAIN,
                7 + index,
                Speaker.AGENT,
                "a",
                "b",
                instance,
                traits,
            )
        )
    return found


@of_kind("writer")
def test_a_writer_answers_a_transcript_a_plan(entry: registry.Entry) -> None:
    engine = made(entry)
    assert engine.write([]) == []
    requests = [WriteRequest(plan, plan.seed) for plan in plans(3)]
    answers = engine.write(requests)
    assert len(answers) == len(requests)
    for request, answer in zip(requests, answers, strict=True):
        assert isinstance(answer, Transcript | Failure)
        if isinstance(answer, Transcript):
            assert answer.dialog_id == request.plan.dialog_id
            assert answer.role_context
            assert [t.index for t in answer.turns] == list(range(len(answer.turns)))
            assert all(t.words for t in answer.turns)
            assert all(0 <= m.word < len(t.words) for t in answer.turns for m in t.marks)
    assert any(isinstance(a, Transcript) for a in answers)
    if engine.maker.deterministic:
        assert engine.write(requests[::-1])[::-1] == answers


@of_kind("speaker")
def test_a_speakers_voices_are_many_and_whole(entry: registry.Entry) -> None:
    engine = made(entry)
    assert engine.renders <= {*Tag, *Vocal}
    voices = engine.voices()
    assert len(voices) >= 2
    assert [v.id for v in voices] == sorted({v.id for v in voices})
    for voice in voices:
        assert voice.engine == entry.name
        assert voice.sex in ("female", "male")
        assert 50 < voice.f0_hz < 400
        assert 0 < voice.formants_hz[0] < voice.formants_hz[1] < voice.formants_hz[2]
        assert voice.licence
        assert voice.family
        canonical(voice)


def speak_request(voice: Voice, text: str = TEXT, seed: int = 3) -> SpeakRequest:
    return SpeakRequest(tuple(text.split()), tuple(text.split()), voice, seed)


@of_kind("speaker")
def test_a_speaker_answers_in_place_with_24_khz_speech(entry: registry.Entry) -> None:
    engine = made(entry)
    assert engine.speak([]) == []
    voices = engine.voices()
    requests = [
        speak_request(voices[0]),
        speak_request(replace(voices[0], id="nobody", base="no such base")),
        speak_request(voices[0], ""),
        speak_request(voices[-1], "Yes."),
    ]
    answers = engine.speak(requests)
    assert [type(a) for a in answers] == [Speech, Failure, Failure, Speech]
    for request, answer in zip(requests, answers, strict=True):
        if isinstance(answer, Failure):
            assert answer.reason
            assert "\n" not in answer.detail
            continue
        assert answer.audio.dtype == np.float32
        assert answer.audio.ndim == 1
        assert np.isfinite(answer.audio).all()
        assert np.abs(answer.audio).max() <= 1
        assert (answer.engine, answer.seed) == (entry.name, request.seed)
        assert answer.words == () or tuple(w.word for w in answer.words) == request.words
        times = [t for w in answer.words for t in (w.start_s, w.end_s)]
        assert times == sorted(times)
        assert all(0 <= t <= answer.duration_s for t in times)


@of_kind("speaker")
def test_the_sound_of_a_speaker_lies_in_the_words_that_it_times(entry: registry.Entry) -> None:
    """A word said in several parts, with a pause inside, runs to its last sound: a number, a code, an address."""
    engine = made(entry)
    voices = engine.voices()
    words = ("That's", "W3-5609.", "I'll", "call", "555-0142", "now.")
    spoken = ("That's", "W three, five six oh nine.", "I'll", "call", "five five five, oh one four two", "now.")
    for answer in engine.speak([SpeakRequest(words, spoken, v, 3) for v in (voices[0], voices[-1])]):
        assert isinstance(answer, Speech)
        if not answer.words:
            continue
        power = np.square(answer.audio, dtype=np.float64)
        edges = [(round(w.start_s * SAMPLE_RATE_HZ), round(w.end_s * SAMPLE_RATE_HZ)) for w in answer.words]
        assert sum(power[start:end].sum() for start, end in edges) > 0.98 * power.sum()


@of_kind("speaker")
def test_a_speaker_answers_a_request_the_same_whatever_is_beside_it(entry: registry.Entry) -> None:
    engine = made(entry)
    if not engine.maker.deterministic:
        pytest.skip(f"speaker {entry.name} does not promise it")
    voices = engine.voices()
    requests = [speak_request(v, seed=n) for n, v in enumerate(voices[:: max(1, len(voices) // 6)])]
    together = engine.speak(requests)
    alone = [engine.speak([r])[0] for r in reversed(requests)][::-1]
    assert all(np.array_equal(a.audio, b.audio) and a.words == b.words for a, b in zip(together, alone, strict=True))


@of_kind("speaker")
def test_a_speaker_speaks_at_the_rate_that_is_asked_for(entry: registry.Entry) -> None:
    """1.2 takes 1/1.2 of the time, in words as in sound: a speaker's own rate is drawn in that range."""
    engine = made(entry)
    voices = engine.voices()
    texts = (
        "I would like to move my appointment to a later day, because I have to be somewhere else in the morning.",
        "Could you tell me what the weather is like over there, and whether the road is open again?",
        "The payment went through on Monday, and it shows on your account.",
    )
    asked = [speak_request(v, t, n) for v in voices[:: max(1, len(voices) // 8)] for n, t in enumerate(texts)]
    plain = engine.speak(asked)
    for rate in (1.2, 0.85):
        ratios = []
        for before, after in zip(plain, engine.speak([replace(r, rate=rate) for r in asked]), strict=True):
            assert isinstance(before, Speech)
            assert isinstance(after, Speech)
            ratios.append(rate * after.duration_s / before.duration_s)
            if before.words:
                spans = [s.words[-1].end_s - s.words[0].start_s for s in (before, after)]
                assert rate * spans[1] / spans[0] == pytest.approx(ratios[-1], abs=0.02)
        assert np.abs(np.array(ratios) - 1).max() < 0.05
        assert np.abs(np.array(ratios).reshape(-1, len(texts)).mean(axis=1) - 1).max() < 0.03


@of_kind("aligner")
def test_an_aligner_answers_a_word_a_word_or_why_not(entry: registry.Entry) -> None:
    engine = made(entry)
    assert engine.align([]) == []
    words = tuple(TEXT.split())
    audio = np.random.default_rng(0).normal(0, 0.05, 4 * SAMPLE_RATE_HZ).astype(np.float32)
    native = tuple(Word(w, w, 0.3 * n, 0.3 * n + 0.2) for n, w in enumerate(words))
    good = AlignRequest(audio, words, words, native)
    answers = engine.align([good, replace(good, audio=audio[:0]), good])
    assert len(answers) == 3
    assert isinstance(answers[1], Failure)
    for answer in (answers[0], answers[2]):
        if not isinstance(answer, Failure):
            assert tuple(w.word for w in answer) == words
            times = [t for w in answer for t in (w.start_s, w.end_s)]
            assert times == sorted(times)
            assert times[0] >= 0
            assert times[-1] <= 4.0
    if entry.name == "native":
        assert answers[0] == native


def sounds() -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """A buzz and noise, of unequal length; nothing; silence; and the buzz again."""
    t = np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    buzz = 0.05 * sum(np.sin(2 * np.pi * 120 * k * t) for k in range(1, 20))
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE_HZ)
    found = [buzz, noise, buzz[:0], np.zeros(SAMPLE_RATE_HZ), buzz]
    return [np.asarray(sound, dtype=np.float32) for sound in found]


@of_kind("embedder")
def test_an_embedder_tells_what_is_alike_and_says_nothing_of_silence(entry: registry.Entry) -> None:
    engine = made(entry)
    rows = engine.embed(sounds())
    assert rows.dtype == np.float32
    assert rows.shape == (5, engine.embed([]).shape[1])
    assert np.isnan(rows[2:4]).all(axis=1).all()
    alike = engine.similarity(rows, rows[:2])
    assert alike.shape == (5, 2)
    assert np.isnan(alike[2:4]).all()
    assert alike[0, 0] == pytest.approx(1, abs=1e-4)
    assert alike[4, 0] == pytest.approx(1, abs=1e-4)
    assert np.nanmax(alike) <= 1
    assert -1 <= engine.same_from <= 1
    alone = np.concatenate([engine.embed([s]) for s in sounds()])
    assert np.allclose(rows, alone, atol=1e-4, equal_nan=True)


@of_kind("mos")
def test_a_predictor_of_opinions_gives_a_score_or_why_not(entry: registry.Entry) -> None:
    engine = made(entry)
    assert engine.predict([]) == []
    answers = engine.predict(sounds())
    assert [isinstance(a, Failure) for a in answers] == [False, False, True, True, False]
    for answer in answers:
        assert answer.reason if isinstance(answer, Failure) else 1 <= answer <= 5
    assert answers[0] == pytest.approx(answers[4], abs=1e-4)
    alone = [engine.predict([s])[0] for s in sounds()]
    assert all(
        b == pytest.approx(a, abs=1e-4) for a, b in zip(answers, alone, strict=True) if not isinstance(a, Failure)
    )


@of_kind("asr")
def test_a_recogniser_answers_a_text_an_audio_or_why_not(entry: registry.Entry) -> None:
    engine = made(entry)
    assert engine.hear([]) == []
    hiss = np.random.default_rng(0).normal(0, 0.02, 2 * SAMPLE_RATE_HZ).astype(np.float32)
    asked = [HearRequest(a, tuple(TEXT.split()), ("See you.",)) for a in (hiss, hiss[:0], np.zeros_like(hiss))]
    answers = engine.hear(asked)
    assert len(answers) == 3
    assert isinstance(answers[1], Failure)
    assert "\n" not in answers[1].detail
    for answer in (answers[0], answers[2]):
        assert isinstance(answer, str)
        assert answer == " ".join(words_of(answer))
    assert engine.hear(asked[::-1])[::-1] == answers


@of_kind("codec")
def test_a_codec_gives_a_frame_every_80_ms(entry: registry.Entry) -> None:
    _gives_a_frame_every_80_ms(made(entry))


@of_kind("codec")
def test_a_codecs_constant_frames_are_codes(entry: registry.Entry) -> None:
    _has_constant_frames(made(entry))


def test_the_torch_backend_of_mimi_is_a_codec_like_the_others() -> None:
    for package in ("torch", "transformers"):
        pytest.importorskip(package)
    engine = made(registry.entry("codec", "mimi"), backend="torch", device="cpu")
    assert engine.maker == engine.maker
    _gives_a_frame_every_80_ms(engine)
    _has_constant_frames(engine)


def _gives_a_frame_every_80_ms(engine: Any) -> None:
    assert engine.encode([]) == []
    draw = np.random.default_rng(1)
    lengths = (1, FRAME_SAMPLES, FRAME_SAMPLES + 1, SAMPLE_RATE_HZ)
    audios = [draw.normal(0, 0.05, n).astype(np.float32) for n in lengths]
    codes = engine.encode(audios)
    assert [c.shape for c in codes] == [(engine.n_books, -(-n // FRAME_SAMPLES)) for n in lengths]
    assert all(c.dtype == np.int16 for c in codes)
    assert all(0 <= int(c.min()) <= int(c.max()) < engine.book_size for c in codes)
    alone = [engine.encode([a])[0] for a in reversed(audios)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(codes, alone, strict=True))
    decoded = engine.decode(codes)
    assert [len(a) for a in decoded] == [FRAME_SAMPLES * c.shape[1] for c in codes]
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in decoded)


def _has_constant_frames(engine: Any) -> None:
    silence, sine = engine.constant_frames()
    assert silence != sine
    for frame in (silence, sine):
        assert len(frame) == engine.n_books
        assert all(0 <= code < engine.book_size for code in frame)


def test_the_registry_names_each_engine_once() -> None:
    assert len({(e.kind, e.name) for e in registry.ENTRIES}) == len(registry.ENTRIES)
    assert {e.kind for e in registry.ENTRIES} == set(METHODS)
    assert all(e.summary and e.install for e in registry.ENTRIES)
    assert {f.name for f in fields(registry.Entry)} >= {"needs", "install"}
