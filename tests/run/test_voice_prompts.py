"""The voice prompts of a build: a file for each voice that speaks, and the codes are that file's."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from datagen import recipes
from datagen.audio.files import read_audio
from datagen.audio.levels import integrated_lufs
from datagen.build import Build, resolve
from datagen.check import check_build
from datagen.engines.codecs.melrvq import MelRvqCodec, MelRvqOptions
from datagen.errors import EngineError
from datagen.protocols import SpeakRequest
from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from datagen.run.meter import Meter
from datagen.run.prompts import voice_prompt


def test_the_codes_are_those_of_the_file(built: Path) -> None:
    voices = pl.read_parquet(built / "manifests" / "voices.parquet").filter(pl.col("n_dialogs") > 0)
    paths = dict(voices.select("id", "prompt_path").rows())
    assert all(paths.values())
    dialogs = pl.read_parquet(built / "manifests" / "dialogs.parquet").select("dialog_id", "agent_voice", "user_voice")
    rows = pl.read_parquet(built / "tokens" / "*.parquet").join(dialogs, on="dialog_id").head(3)
    codec = MelRvqCodec(MelRvqOptions())
    for row in rows.iter_rows(named=True):
        for voice, column in (("agent_voice", "voice_prompt_codes"), ("user_voice", "user_voice_prompt_codes")):
            audio, rate_hz = read_audio(built / paths[row[voice]])
            assert (rate_hz, audio.ndim) == (SAMPLE_RATE_HZ, 1)
            assert abs(integrated_lufs(audio) + 24) < 0.1
            assert np.array_equal(codec.encode([audio])[0], np.array(row[column]))


def test_a_silent_voice_has_none(built: Path) -> None:
    voices = pl.read_parquet(built / "manifests" / "voices.parquet")
    assert voices.filter(pl.col("n_dialogs") == 0)["prompt_path"].null_count() == (voices["n_dialogs"] == 0).sum() > 0


def test_a_lost_prompt_is_a_problem(built: Path, tmp_path: Path) -> None:
    out = shutil.copytree(built, tmp_path / "out", ignore=shutil.ignore_patterns(".work"))
    gone = sorted((out / "voice_prompts").iterdir())[0]
    gone.write_bytes(b"no audio")
    assert f"voice_prompts/{gone.name} is not readable audio" in " ".join(p.what for p in check_build(out))


class Stumbling:
    """A speaker whose first texts lack their second half."""

    name = "stumbling"

    def __init__(self, speaker: object, n_bad: int) -> None:
        self._speaker, self._n_bad, self.seeds = speaker, n_bad, list[int]()

    def speak(self, requests: list[SpeakRequest]) -> list[Speech]:
        (said,) = self._speaker.speak(requests)  # type: ignore[attr-defined]
        self.seeds.append(requests[0].seed)
        bad = len(self.seeds) <= self._n_bad
        return [replace(said, audio=said.audio[: len(said.audio) // 2]) if bad else said]


def stumbling(n_bad: int) -> tuple[Build, str, Stumbling]:
    build = resolve(recipes.compose("quickstart", sets=["plan.max_voices=40"]))
    voice = sorted(build.voices)[0]
    build._engines["speaker"] = speaker = Stumbling(build.engine("speaker"), n_bad)
    return build, voice, speaker


def test_a_prompt_that_fails_a_gate_is_spoken_again() -> None:
    build, voice, speaker = stumbling(1)
    again = voice_prompt(build, voice, Meter(lambda _: None))
    good, _, _ = stumbling(0)
    assert len(again) == pytest.approx(len(voice_prompt(good, voice, Meter(lambda _: None))), rel=0.1)
    assert len(set(speaker.seeds)) == 2


def test_a_voice_that_never_says_its_prompt_stops_the_build() -> None:
    build, voice, speaker = stumbling(9)
    with pytest.raises(EngineError, match=rf"voice {voice}: its prompt cannot be spoken in 3 attempts: voice {voice}"):
        voice_prompt(build, voice, Meter(lambda _: None))
    assert len(speaker.seeds) == 3
