"""Stems: what the user's channel was summed from, a channel each, published and withdrawn as audio is."""

import json
from pathlib import Path

import factories
import numpy as np
import polars as pl
import pytest

from datagen.audio.files import read_audio
from datagen.records.plan import DialogPlan
from datagen.records.timeline import SceneDialog
from datagen.run.render import _with_stems_written
from datagen.store.ledger import Draft
from tests.conftest import datagen

BUILD = (
    "build", "--domains", "bank", "--dialogs", "3", "--seed", "5", "--set", "plan.max_voices=40", "--runner", "local", "--workers", "1",
)  # fmt: skip


def test_stems_are_in_their_file_in_order_and_no_longer_in_hand(tmp_path: Path) -> None:
    plan: DialogPlan = factories.plan()
    parts = {
        name: np.full(4_800, level, np.float32) for name, level in (("speech", 0.5), ("noise", -0.25), ("echo", 0.125))
    }
    kept = _with_stems_written(Draft(tmp_path), plan, SceneDialog(np.zeros((2, 4_800), np.float32), {}, stems=parts))
    assert list(kept.stems) == ["speech", "noise", "echo"]
    assert not any(len(stem) for stem in kept.stems.values())
    stored, rate_hz = read_audio(tmp_path / "stems" / "bank-000000.flac")
    assert (stored.shape, rate_hz) == ((3, 4_800), 24_000)
    assert stored[:, 0].tolist() == [0.5, -0.25, 0.125]


@pytest.mark.slow
def test_a_build_with_stems_sums_to_its_audio_passes_its_check_and_takes_them_away_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    alone = ("gain", "clipping", "muffling", "telephone", "packet_loss")  # what becomes of the sum is no stem
    sets = [word for name in alone for word in ("--set", f"scene.{name}.share=0")]
    ran = datagen(*BUILD, "--out", out, "--quiet", "--set", "scene.stems=true", "--set", "scene.noise.share=1", *sets)
    assert (ran.code, ran.err) == (0, "")
    checked = datagen("check", out)
    assert checked.code == 0, checked.out
    files = json.loads((out / "build.json").read_text())["files"]
    for row in pl.read_parquet(out / "manifests" / "dialogs.parquet").iter_rows(named=True):
        assert row["stems_path"] in files
        assert {"speech", "noise"} <= set(row["stems"])
        stems, audio = read_audio(out / row["stems_path"])[0], read_audio(out / row["audio_path"])[0]
        # Each is rounded to 16 bits by itself, and so is their sum.
        assert np.abs(stems.sum(axis=0) - audio[1]).max() <= (len(stems) + 1) / 2 / 32_768 + 1e-6
    ran = datagen(*BUILD, "--out", out, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert not (out / "stems").exists()
    assert pl.read_parquet(out / "manifests" / "dialogs.parquet")["stems_path"].null_count() == 3
