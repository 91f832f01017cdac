"""A whole build that the real model code speaks for, on a few layers and random weights. Needs Chatterbox's environment.

What it says is noise of about 5 s a text. So the gates on how speech sounds are opened wide; every other one stands as it is.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from random_speech_models import write_ctc

from datagen.audio.files import read_audio
from datagen.engines.own_env import environments
from tests.conftest import datagen
from tests.engines.speakers.chatterbox.small_bank import clip, own_environment, small_bank

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]
HERE = Path(__file__).parent
WRITE = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import tiny_checkpoint, tiny_s3gen
from pathlib import Path
tiny_s3gen.shrink()
tiny_checkpoint.write(Path(sys.argv[1]), "original", tokens=140)
"""
OPEN = (
    "speak.max_s_per_word=10", "speak.edge_s=10", "speak.min_s_per_letter=0", "speak.silent_word_share=1", "speak.clip_share=1",
    "speak.silence_db=-120", "speak.gates.max_tail_s=10", "speak.gates.tail_pad_s=2", "speak.gates.max_head_s=10",
    "speak.gates.head_pad_s=2", "speak.gates.max_stray_s=10", "speak.gates.min_edge_s_per_letter=0",
    "speak.gates.max_inner_silence_s=30", "speak.gates.min_bandwidth_hz=0", "speak.gates.max_noise_s=10",
    "speak.gates.min_level_db=-120", "speak.gates.max_level_db=0", "align.max_lost_share=1",
    "speak.clips.candidates=1", "speak.clips.keep=1", "speak.clips.backchannels=1", "speak.clips.failed_barge_ins=1",
    "speak.clips.side_talks=1",
    "speak.clips.off_talks=1", "speak.clips.bystanders=1",
)  # fmt: skip


def test_a_build_from_the_real_model_code(tmp_path: Path) -> None:
    found = environments.find("chatterbox")
    if found is None:
        pytest.skip(environments.missing("chatterbox"))
    weights = tmp_path / "weights"
    subprocess.run([found.python, "-W", "ignore", "-c", WRITE, weights], check=True, capture_output=True)
    own_environment(tmp_path / "engines")
    python = tmp_path / "engines" / "chatterbox-cpu-0.1.7-0" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{found.python}" -W ignore "{HERE / "shrunk.py"}" "$@"\n')
    bank = small_bank(tmp_path / "bank", [clip(n) for n in range(6)])
    settings = (
        "speaker.engine=chatterbox", f"speaker.bank={bank}", f"speaker.checkpoint={weights}", "speaker.flow_steps=1",
        "speaker.flow_prompt_s=1", "speaker.short_candidates=1", "speaker.edge_s=8", "aligner.engine=ctc",
        f"aligner.model={write_ctc(tmp_path / 'ctc')}", "asr.engine=none", "run.attempts=3", "run.max_reject_share=1",
        "splits.train=1", "splits.valid=0", "splits.test=0", *OPEN,
    )  # fmt: skip
    command = ["build", "--domains", "casual", "--dialogs", "2", "--seed", "3", "--workers", "1", "--runner", "local",
               "--out", tmp_path / "out"]  # fmt: skip
    environ = {**os.environ, environments.VARIABLE: str(tmp_path / "engines"), "TMPDIR": str(tmp_path)}
    done = datagen(*command, *(f for s in settings for f in ("--set", s)), env=environ, timeout_s=1000)
    assert done.code == 0, done.err
    for file in weights.iterdir():  # half a gigabyte
        file.unlink()
    build = json.loads((tmp_path / "out" / "build.json").read_text())
    assert build["engines"]["speaker"]["model"].startswith("Chatterbox original")
    dialogs = pq.read_table(tmp_path / "out" / "manifests" / "dialogs.parquet").to_pylist()
    turns = pq.read_table(tmp_path / "out" / "manifests" / "turns.parquet").to_pylist()
    assert dialogs
    assert all(t["watermarked"] for t in turns)
    sound, rate_hz = read_audio(tmp_path / "out" / "audio" / f"{dialogs[0]['dialog_id']}.flac")
    assert rate_hz == 24_000
    assert np.abs(sound).max() > 0.01
    assert datagen("check", tmp_path / "out").code == 0
