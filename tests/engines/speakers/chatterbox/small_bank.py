"""A voice bank of a few voices, as small as one can be, and an environment that is this one."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen.audio.files import write_flac
from datagen.engines.speakers.bank.schema import ABOUT, FORMAT, TABLE, clip_path, columns
from datagen.records.speech import Audio
from datagen.store.ids import file_digest


def clip(n: int) -> Audio:
    """6 s of a buzz of its own."""
    t = np.arange(6 * 24_000) / 24_000
    return np.asarray(0.1 * np.sin(2 * np.pi * (100 + 20 * n) * t) ** 3, np.float32)


def small_bank(folder: Path, clips: list[Audio]) -> Path:
    """A bank with a voice a clip: v00, v01, …"""
    (folder / "clips").mkdir(parents=True)
    rows = []
    for n, sound in enumerate(clips):
        path = clip_path(folder, f"v{n:02}")
        write_flac(path, sound)
        rows.append(
            {
                "id": f"v{n:02}", "person": f"p{n:02}", "base": f"b{n:02}", "engine": "clip", "sex": "female" if n % 2 else "male",
                "age": "adult", "held_out": False, "transform": "{}", "asked_f0_hz": 120.0, "f0_hz": 110.0 + 10 * n, "f0_low_hz": 90.0,
                "f0_high_hz": 200.0, "asked_formant_ratio": 1.0, "formant_ratio": 1.0, "envelope_ratio": 1.0,
                "formants_hz": [500.0, 1500.0 + 20 * n, 2500.0],
                "hnr_db": 12.0, "clip_s": 6.0, "clip_sha256": file_digest(path), "prompt_s": None, "prompt_sha256": None,
                "features": [0.0] * 17, "embedding": None, "place": [float(3 * n), 0.0], "distance": "acoustic", "cover_rank": n,
                "nearest": "v00", "nearest_distance": 3.0, "licence": "CC0-1.0", "provenance": "made for a test",
            }
        )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, columns()), folder / TABLE)
    sha256 = file_digest(folder / TABLE)
    about = {"format": FORMAT, "id": hashlib.sha256(sha256.encode()).hexdigest(), "voices_sha256": sha256}
    (folder / ABOUT).write_text(json.dumps(about))
    return folder


def own_environment(home: Path, flavour: str = "cpu") -> None:
    """An environment for Chatterbox whose Python is the one that runs: for a model that needs no more than numpy."""
    folder = home / "chatterbox-cpu-0.1.7-0"
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / "pyvenv.cfg").touch()
    packages = {"chatterbox-tts": "0.1.7", "torch": "2.13.0", "transformers": "5.23.0"}
    said = {"format": 1, "engine": "chatterbox", "flavour": flavour, "version": "0.1.7", "folder": folder.name, "python": "3.11.0",
            "packages": packages}  # fmt: skip
    (home / "chatterbox.json").write_text(json.dumps(said))
