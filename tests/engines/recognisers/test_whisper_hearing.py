"""Whisper as a recogniser on random weights: its greedy decoding against transformers' own, company, and spoken words."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from random_speech_models import write_whisper

from datagen.engines import registry
from datagen.engines.asr.whisper import WhisperRecogniser
from datagen.protocols import Failure, HearRequest
from datagen.records.speech import SAMPLE_RATE_HZ


def _clips() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.normal(0, s / 10, round(s * 16_000)).astype(np.float32) for s in (1.0, 2.5, 0.4)]


def test_its_decoding_takes_the_likeliest_token_each_time(tmp_path: Path) -> None:
    """The loop keeps what it has computed; one forward pass over the whole text gives the same tokens as the likeliest."""
    recogniser = _recogniser(write_whisper(tmp_path / "model"))
    model = recogniser._model
    (text,) = model.texts(_clips()[:1])
    assert model.texts(_clips())[0] == text
    features = model._mel(_clips()[:1])
    given = list(model.prompt)
    import torch

    with torch.inference_mode():
        for _ in range(12):
            logits = model._model(input_features=features, decoder_input_ids=torch.tensor([given])).logits[0, -1]
            logits[model._barred] = -torch.inf
            given.append(int(logits.argmax()))
    told = [t for t in given[len(model.prompt) :] if t < model.end]
    assert text.startswith(model._tokenizer.decode(told).rstrip("\ufffd"))


def test_what_is_heard_is_written_as_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser = _recogniser(write_whisper(tmp_path / "model"))
    monkeypatch.setattr(type(recogniser._model), "texts", lambda self, clips: [" It’s $12.50, Zoë."] * len(clips))
    second = np.full(SAMPLE_RATE_HZ, 0.1, np.float32)
    heard = recogniser.hear(
        [HearRequest(second, ("x",)), HearRequest(second[:10], ("x",)), HearRequest(np.tile(second, 31), ("x",))]
    )
    assert heard[0] == "it's twelve dollars and fifty cents zoe"
    assert [h.reason for h in heard if isinstance(h, Failure)] == ["too_short", "too_long"]


def _recogniser(folder: Path) -> WhisperRecogniser:
    made = registry.make(
        "asr", "whisper", registry.options_of("asr", "whisper", {"model": str(folder), "device": "cpu"})
    )
    assert isinstance(made, WhisperRecogniser)
    return made
