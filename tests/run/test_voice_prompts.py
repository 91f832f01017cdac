"""The voice prompts of a build: a file for each voice that speaks, and the codes are that file's."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl

from datagen.audio.files import read_audio
from datagen.audio.levels import integrated_lufs
from datagen.check import check_build
from datagen.engines.codecs.melrvq import MelRvqCodec, MelRvqOptions
from datagen.records.speech import SAMPLE_RATE_HZ


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
