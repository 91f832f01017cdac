"""A whole build with Chatterbox as its speaker: plan to pack, several worker processes, one model process. The model is espeak-ng."""

import json
import os
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from datagen.engines.own_env import environments
from tests.conftest import datagen
from tests.engines.speakers.chatterbox.small_bank import clip, own_environment, small_bank

HERE = Path(__file__).parent


@pytest.mark.full
def test_a_build_speaks_with_chatterbox(tmp_path: Path) -> None:
    own_environment(tmp_path / "engines")
    python = tmp_path / "engines" / "chatterbox-cpu-0.1.7-0" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "espeak_model.py"}" "$@"\n')
    bank = small_bank(tmp_path / "bank", [clip(n) for n in range(6)])
    weights = tmp_path / "weights"
    weights.mkdir()
    for name in ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"):
        (weights / name).write_bytes(name.encode())
    settings = ("speaker.engine=chatterbox", f"speaker.bank={bank}", f"speaker.checkpoint={weights}", "aligner.engine=sphinx",
                "asr.engine=none", "run.shard_dialogs=1", "run.attempts=5", "run.max_reject_share=1", "splits.train=1", "splits.valid=0",
                "splits.test=0")  # fmt: skip
    command = ["build", "--domains", "bank", "--dialogs", "2", "--seed", "5", "--workers", "2", "--runner", "local",
               "--out", str(tmp_path / "out")]  # fmt: skip
    environ = {**os.environ, environments.VARIABLE: str(tmp_path / "engines"), "TMPDIR": str(tmp_path)}
    done = datagen(*command, *(f for s in settings for f in ("--set", s)), env=environ)
    assert done.code == 0, done.err
    assert (weights / "calls.log").read_text() == "load\n"  # both workers spoke with one model
    build = (tmp_path / "out" / "build.json").read_text()
    assert "Chatterbox original: weights" in build
    assert str(tmp_path) not in build
    assert json.loads(build)["recipe"]["speaker"] == {"engine": "chatterbox"}
    turns = pq.read_table(tmp_path / "out" / "manifests" / "turns.parquet").to_pylist()
    rejects = pq.read_table(tmp_path / "out" / "manifests" / "rejects.parquet").to_pylist()
    kept = {t["dialog_id"] for t in turns}
    assert kept
    assert len(kept) + len(rejects) == 2, rejects
    assert {r["stage"] for r in rejects} <= {"speak", "align"}  # what espeak-ng says is not always understood
    assert all(t["end_s"] > t["start_s"] for t in turns)
    voices = {v["id"] for v in pq.read_table(tmp_path / "out" / "manifests" / "voices.parquet").to_pylist()}
    assert voices <= {f"v{n:02}" for n in range(6)}
