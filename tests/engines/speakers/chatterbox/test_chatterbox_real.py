"""The engine with the real model code, on a checkpoint of a few layers and random weights. Needs Chatterbox's environment.

What it says is noise: what is held is that requests go through every part and come back as the contract wants them.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.engines import registry
from datagen.engines.own_env import environments
from datagen.engines.speakers.chatterbox import launch
from datagen.engines.speakers.chatterbox.speaker import ChatterboxSpeaker
from datagen.protocols import Failure
from datagen.records.speech import Speech
from tests.engines import test_contracts as contract
from tests.engines.speakers.chatterbox.small_bank import clip, own_environment, small_bank

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]
HERE = Path(__file__).parent
STOPS = 2.0
"""Factor on the weights of the stop mark: the random model stops within seconds, as a trained one does."""
_WRITE = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import tiny_checkpoint, tiny_s3gen
from pathlib import Path
from safetensors.torch import load_file, save_file
folder, kind = Path(sys.argv[1]), sys.argv[2]
tiny_s3gen.shrink()
tiny_checkpoint.write(folder, kind)
file = folder / (tiny_checkpoint.NAMES[kind][0] + ".safetensors")
tensors = load_file(file)
tensors["speech_head.weight"][6562] *= {STOPS}
save_file(tensors, file)
"""


@pytest.fixture(scope="module")
def real() -> Path:
    found = environments.find("chatterbox")
    if found is None:
        pytest.skip(environments.missing("chatterbox"))
    return found.python


@pytest.fixture(scope="module", params=["original", "turbo"])
def checkpoint(request: pytest.FixtureRequest, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("weights") / str(request.param)
    subprocess.run(
        [str(real), "-W", "ignore", "-c", _WRITE, str(folder), str(request.param)], check=True, capture_output=True
    )
    yield folder
    for file in folder.iterdir():
        file.unlink()


@pytest.fixture
def engine(
    checkpoint: Path, real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ChatterboxSpeaker]:
    own_environment(tmp_path / "engines")
    python = tmp_path / "engines" / "chatterbox-cpu-0.1.7-0" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{real}" -W ignore "{HERE / "shrunk.py"}" "$@"\n')
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path / "engines"))
    monkeypatch.setattr(launch.tempfile, "tempdir", str(tmp_path))
    bank = small_bank(tmp_path / "bank", [clip(n) for n in range(3)])
    options = {"bank": str(bank), "checkpoint": str(checkpoint), "model": checkpoint.name, "flow_steps": 2, "batch_rows": 4,
               "max_s_per_letter": 0.5, "short_candidates": 4}  # fmt: skip
    made = registry.make("speaker", "chatterbox", registry.options_of("speaker", "chatterbox", options))
    yield made
    for client in made._crew._clients:
        client._end()


def said(engine: ChatterboxSpeaker, *texts: str) -> list[Any]:
    voices = engine.voices()
    return engine.speak([contract.speak_request(voices[n % 3], text, 40 + n) for n, text in enumerate(texts)])


def test_requests_go_through_every_part(engine: ChatterboxSpeaker) -> None:
    assert engine.preflight() == []
    texts = ("Yes.", "No, thank you.", "The payment went through on Monday.", "Is the road open again?", "It is.")
    answers = said(engine, *texts)
    speeches = [a for a in answers if isinstance(a, Speech)]
    assert len(speeches) >= 3
    assert {a.reason for a in answers if isinstance(a, Failure)} <= {"cut", "empty"}
    for speech in speeches:
        assert speech.watermarked
        assert speech.audio.dtype == np.float32
        assert np.isfinite(speech.audio).all()
        assert 0.01 < np.abs(speech.audio).max() <= 1
    assert {"conditioning", "t3", "flow", "vocoder", "watermark"} <= {k for k, v in engine.seconds.items() if v > 0}
    again = said(engine, *texts)
    for one, other in zip(answers, again, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Speech):
            assert np.allclose(one.audio, other.audio, atol=1e-3)


def test_it_refuses_as_every_speaker_does(engine: ChatterboxSpeaker) -> None:
    refused = said(engine, "", "\U0001f600", "see https://example.com", "x" * 3000)
    assert [f.reason for f in refused] == ["unspeakable", "unspeakable", "unspeakable", "too_long_text"]
