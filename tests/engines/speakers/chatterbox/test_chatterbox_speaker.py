"""The Chatterbox engine around a fake model: what is asked of it, what becomes of its sounds, and what is refused."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.engines import registry
from datagen.engines.own_env import environments
from datagen.engines.speakers.chatterbox import crew, launch
from datagen.engines.speakers.chatterbox import speaker as speaking
from datagen.engines.speakers.chatterbox.candidates import expected_s, most_plausible
from datagen.engines.speakers.chatterbox.joining import joined, loud_span
from datagen.engines.speakers.chatterbox.speaker import ChatterboxSpeaker
from datagen.errors import DataError, DatagenError, EngineError, UserError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Tag, Vocal
from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from tests.conftest import inside
from tests.engines import test_contracts as contract
from tests.engines.speakers.chatterbox.small_bank import clip, own_environment, small_bank

FAKE = str(Path(__file__).with_name("fake_model.py"))
FILES = ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bank of three voices, an environment, and the files of a checkpoint."""
    own_environment(tmp_path / "engines")
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path / "engines"))
    monkeypatch.setattr(launch.tempfile, "tempdir", str(tmp_path))
    small_bank(tmp_path / "bank", [clip(n) for n in range(3)])
    (tmp_path / "weights").mkdir()
    for name in FILES:
        (tmp_path / "weights" / name).write_bytes(name.encode())
    return tmp_path


@pytest.fixture
def make(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes the engine, whose worker has the fake model."""
    monkeypatch.setattr(speaking, "Crew", lambda environment, options: crew.Crew(environment, options, FAKE))
    made: list[ChatterboxSpeaker] = []

    def _make(**options: Any) -> ChatterboxSpeaker:
        given = {"bank": str(home / "bank"), "checkpoint": str(home / "weights"), **options}
        engine = registry.make("speaker", "chatterbox", registry.options_of("speaker", "chatterbox", given))
        made.append(engine)
        return engine

    yield _make
    for engine in made:
        if "_crew" in engine.__dict__:
            for client in engine._crew._clients:
                client._end()


def asked(engine: ChatterboxSpeaker, text: str, seed: int = 3, **more: Any) -> SpeakRequest:
    return SpeakRequest(tuple(text.split()), tuple(text.split()), engine.voices()[0], seed, **more)


def one(engine: ChatterboxSpeaker, text: str, seed: int = 3, **more: Any) -> Speech:
    (answer,) = engine.speak([asked(engine, text, seed, **more)])
    assert isinstance(answer, Speech), answer
    return answer


def rows_of(engine: ChatterboxSpeaker, request: SpeakRequest) -> list[Any]:
    rows: list[Any] = []
    engine._parts(request, rows)
    return rows


def test_it_is_a_speaker_by_the_contract(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make()
    entry = registry.entry("speaker", "chatterbox")
    monkeypatch.setattr(contract, "made", lambda entry: engine)
    contract.test_an_engine_says_who_it_is(entry)
    contract.test_a_speakers_voices_are_many_and_whole(entry)
    contract.test_a_speaker_answers_in_place_with_24_khz_speech(entry)
    contract.test_the_sound_of_a_speaker_lies_in_the_words_that_it_times(entry)
    contract.test_a_speaker_speaks_at_the_rate_that_is_asked_for(entry)


def test_the_same_request_gives_the_same_sound_whatever_is_beside_it(make: Any) -> None:
    engine = make()
    texts = ["The first of them.", "Another one, a bit longer.", "Yes."]
    together = engine.speak([asked(engine, t, n) for n, t in enumerate(texts)])
    for n, text in enumerate(texts):
        assert np.array_equal(one(engine, text, n).audio, together[n].audio)
    assert not np.array_equal(one(engine, texts[0], 9).audio, together[0].audio)


def test_the_watermark_is_put_on_and_told(make: Any) -> None:
    bare, marked = one(make(watermark=False), "Good morning to you."), one(make(), "Good morning to you.")
    assert (bare.watermarked, marked.watermarked) == (False, True)
    assert np.allclose(marked.audio - bare.audio, 1 / 4096, atol=1e-6)
    notes = [make(watermark=w).maker.note for w in (True, False)]
    assert "with the Perth watermark" in notes[0]
    assert "without a watermark" in notes[1]
    assert make(watermark=True).maker.options != make(watermark=False).maker.options


def test_short_texts_are_tried_several_times_and_the_choice_can_be_another(make: Any) -> None:
    engine = make(short_candidates=5)
    assert [len(rows_of(engine, asked(engine, t))) for t in ("Yes.", "Yes please.", "Yes, of course.")] == [5, 5, 1]
    taken = one(engine, "Yes.")
    first, end = loud_span(taken.audio)
    tries = [
        engine._crew.speak([replace(r, id=0)], engine._clips([r], [asked(engine, "Yes.")]))[0]
        for r in rows_of(engine, asked(engine, "Yes."))
    ]
    lengths_s = [(e - f) / SAMPLE_RATE_HZ for f, e in map(loud_span, tries)]
    nearest = min(lengths_s, key=lambda s: abs(np.log(s / expected_s(3))))
    assert (end - first) / SAMPLE_RATE_HZ == pytest.approx(nearest, abs=0.02)
    assert max(lengths_s) > nearest + 0.02
    longest = ChatterboxSpeaker(engine.options, choose=lambda request, tries: int(np.argmax([len(t) for t in tries])))
    longest.__dict__["_crew"] = engine._crew
    assert len(one(longest, "Yes.").audio) == max(map(len, tries))
    silence, click = np.zeros(8000, np.float32), np.zeros(8000, np.float32)
    click[10] = 1
    assert most_plausible(asked(engine, "Yes."), [silence, click, tries[0]]) == 2


def test_a_long_turn_is_spoken_in_pieces_of_their_own_seeds(make: Any) -> None:
    engine = make(max_piece_chars=60)
    text = "I would like to move my booking to Friday. The card that I gave you was lost, so please take the other one, the blue one."
    rows = rows_of(engine, asked(engine, text))
    assert all(len(r.text) <= 60 for r in rows)
    assert " ".join(r.text for r in rows) == text
    assert len({r.seed for r in rows}) == len(rows) == 3
    whole = one(engine, text)
    assert whole.duration_s > 0.5 * sum(0.06 * len(r.text) for r in rows)
    failing = engine.speak([asked(engine, text.replace("Friday.", "fault."))])[0]
    assert isinstance(failing, Failure)
    assert failing.reason == "cut"


def test_the_stop_limit_follows_the_text(make: Any) -> None:
    engine = make(max_s_per_letter=0.2, edge_s=1.0)
    assert [rows_of(engine, asked(engine, t))[0].max_tokens for t in ("Yes.", "a" * 270)] == [40, 1000]


def test_tags_move_rate_level_and_exaggeration(make: Any) -> None:
    engine = make()
    text = "The payment went through on Monday, and it shows on your account."
    plain = one(engine, text)
    assert one(engine, text, tags=(Tag.SLOWLY,)).duration_s / plain.duration_s == pytest.approx(1 / 0.85, rel=0.02)
    quiet = one(engine, text, tags=(Tag.QUIETLY,))
    assert np.abs(quiet.audio).max() / np.abs(plain.audio).max() == pytest.approx(10 ** (-4 / 20), rel=0.01)
    (row,) = rows_of(engine, asked(engine, text, tags=(Tag.EXCITED,)))
    assert (row.exaggeration, row.cfg_weight) == (0.75, 0.25)
    assert Tag.SAD not in engine.renders
    assert not engine.renders & set(Vocal)


def test_turbo_says_vocal_sounds_as_tags(make: Any) -> None:
    engine = make(model="turbo")
    request = asked(engine, "Well, that was close.", vocals=((0, Vocal.CLEAR_THROAT), (2, Vocal.LAUGH)))
    (row,) = rows_of(engine, request)
    assert row.text == "[clear throat] Well, that [laugh] was close."
    assert (row.flow_steps, row.top_p) == (2, 0.95)
    assert set(Vocal) <= engine.renders
    assert Tag.EXCITED not in engine.renders
    (plain,) = rows_of(make(), request)
    assert plain.text == "Well, that was close."


def test_pieces_join_at_one_level_without_a_jump_or_a_hole() -> None:
    t = np.arange(24_000) / 24_000
    quiet = np.random.default_rng(0).normal(0, 1e-4, 4_800)
    tone = np.concatenate([quiet, 0.2 * np.sin(2 * np.pi * 200 * t), quiet]).astype(np.float32)
    whole = joined([tone, 0.6 * tone, tone], ["sentence", "sentence", "clause"])
    first, end = loud_span(whole)
    pauses_s = (end - first) / SAMPLE_RATE_HZ - 3
    assert pauses_s == pytest.approx(0.35 + 0.18, abs=0.05)
    assert np.abs(np.diff(whole)).max() <= np.abs(np.diff(tone)).max() * 1.01
    middle = first + round(1.85 * SAMPLE_RATE_HZ)
    assert np.abs(whole[middle : middle + 4800]).max() == pytest.approx(0.2, rel=0.02)
    cut_short = tone[4_800 + 100 : -4_800 - 100]  # nothing quiet of its own to cross in
    hard = joined([cut_short, cut_short], ["sentence", "clause"])
    assert len(hard) / SAMPLE_RATE_HZ == pytest.approx(2 * len(cut_short) / SAMPLE_RATE_HZ + 0.18, abs=0.05)
    assert np.abs(np.diff(hard)).max() <= np.abs(np.diff(tone)).max() * 1.01


@pytest.mark.parametrize(
    ("damage", "kind", "says"),
    [
        (
            "weights/s3gen.safetensors",
            UserError,
            "lacks s3gen.safetensors of Chatterbox's original model. Copy it again.",
        ),
        ("bank/bank.json", UserError, "no voice bank is there"),
        ("bank/clips/v01.flac", DataError, "voice v01 has lost its file"),
        ("engines/chatterbox.json", EngineError, "its environment is not there"),
    ],
)
def test_preflight_names_what_lacks(home: Path, make: Any, damage: str, kind: type[DatagenError], says: str) -> None:
    engine = make()
    assert engine.preflight() == []
    (home / damage).unlink()
    (found,) = engine.preflight()
    assert type(found) is kind
    assert says in str(found)
    assert "\n" not in str(found)


def test_what_is_configured_wrongly_is_said_in_a_line(home: Path, make: Any) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"checkpoint": str(home / "nowhere")}, "there is no such folder"),
        ({"checkpoint": "nowhere"}, "nowhere: there is no such folder"),
        (
            {"model": "turbo"},
            'lacks t3_turbo_v1.safetensors, .* It holds the original model: set speaker.model = "original"',
        ),
        ({"devices": ["cuda:0"]}, "devices: cuda:0, and its environment is the build for processors"),
        ({"devices": ["gpu"]}, "devices: 'gpu' is none"),
        ({"bank": ""}, "speaker.bank: Chatterbox speaks in the voices of a bank"),
    ]
    for options, says in wrong:
        found = make(**options).preflight()
        assert len(found) == 1
        with pytest.raises(DatagenError, match=says):
            raise found[0]
    with pytest.raises(UserError, match="each once"):
        make(devices=["cpu", "cpu"])


def test_the_maker_tells_models_apart_and_names_no_path(home: Path, make: Any) -> None:
    before = make().maker
    assert before.model == "Chatterbox original: weights"
    assert before.revision.startswith("1+chatterbox-tts-0.1.7+torch-2.13.0+transformers-5.23.0+files-")
    assert not before.deterministic
    assert str(home) not in json.dumps([str(v) for v in (before.model, before.revision, before.note)])
    hub = make(checkpoint="", revision="0" * 40).maker
    assert (hub.model, hub.revision[-41:]) == ("Chatterbox original: ResembleAI/chatterbox", "+" + "0" * 40)
    assert "no commit was given" in make(checkpoint="").maker.note


def test_the_maker_tells_numbers_apart_that_auto_stands_for(home: Path, make: Any) -> None:
    on_cpu = make().maker.options
    assert on_cpu == make(dtype="float32").maker.options != make(dtype="bfloat16").maker.options
    own_environment(home / "gpu", flavour="gpu")
    (home / "engines" / "chatterbox.json").write_text((home / "gpu" / "chatterbox.json").read_text())
    assert make().maker.options == make(dtype="bfloat16").maker.options
    assert make(devices=["cuda:0", "cpu"]).maker.options == on_cpu  # one for all: who speaks a row changes nothing
    assert make(devices=["cuda:1"]).maker.options == make(dtype="bfloat16").maker.options
    assert make(flow_prompt_s=5).maker.options != make().maker.options


def test_two_devices_share_a_batch(home: Path, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make()
    monkeypatch.setattr(crew, "devices", lambda environment, options: ["cpu", "cpu:1"])
    answers = engine.speak([asked(engine, f"Text {'so ' * n}number {n}.") for n in range(7)])
    assert all(isinstance(a, Speech) for a in answers)
    lines = (home / "weights" / "calls.log").read_text().splitlines()
    assert sorted(line for line in lines if line.startswith("speak")) == ["speak 3 False", "speak 4 False"]
    assert engine.seconds["t3"] == pytest.approx(7 * 0.25)


def test_a_dry_run_says_what_lacks(home: Path, make: Any) -> None:
    (home / "weights" / "tokenizer.json").unlink()
    command = ["build", "--domains", "bank", "--dialogs", "2", "--dry-run", "--out", home / "out",
               "--set", "speaker.engine=chatterbox", "--set", f"speaker.bank={home / 'bank'}",
               "--set", f"speaker.checkpoint={home / 'weights'}"]  # fmt: skip
    done = inside(*command)
    assert done.code == 1
    assert "speaker: checkpoint: " in done.err
    assert "lacks tokenizer.json of Chatterbox's original model" in done.err
