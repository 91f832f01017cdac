"""The x-vector embedder on a tiny random model: batches, identity, and what it refuses. What real weights hear is not tested here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_measures import write_xvectors

from datagen.engines.embedders.wavlm import WavlmEmbedder, WavlmOptions
from datagen.errors import EngineError, UserError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

pytest.importorskip("torch")
pytest.importorskip("transformers")


def engine(folder: Path, **values: Any) -> WavlmEmbedder:
    return WavlmEmbedder(WavlmOptions(model=str(folder), device="cpu", **values))


def clips(n: int = 8) -> list[Audio]:
    """Sounds of unequal length and of different kinds: a buzz, noise, and noise in bursts."""
    draw = np.random.default_rng(5)
    found = []
    for i, seconds in enumerate(draw.uniform(0.6, 2.0, n)):
        t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        buzz = sum(np.sin(2 * np.pi * (80 + 20 * i) * k * t) / k for k in range(1, 9))
        noise = draw.normal(0, 1, len(t))
        sound = (buzz + 0.1 * noise, noise, noise * (np.sin(2 * np.pi * 4 * t) > 0))[i % 3]
        found.append((0.1 * sound).astype(np.float32))
    return found


@pytest.mark.parametrize(("norm", "weighted"), [("group", False), ("layer", True)])
def test_a_batch_of_one_equals_a_batch_of_eight(tmp_path: Path, norm: str, weighted: bool) -> None:
    folder = write_xvectors(
        tmp_path, feat_extract_norm=norm, do_stable_layer_norm=norm == "layer", use_weighted_layer_sum=weighted
    )
    audios = clips()
    alone = engine(folder, batch=1).embed(audios)
    together = engine(folder, batch=8).embed(audios)
    assert alone.shape == (8, 12)
    assert np.abs(alone - together).max() < 1e-4
    assert np.abs(alone - alone[0]).max() > 1e-2
    assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_clip_is_what_transformers_gives(tmp_path: Path, weighted: bool) -> None:
    """Without a batch, padding or masks, by the library's own feature extractor."""
    import torch
    from transformers import Wav2Vec2FeatureExtractor, WavLMForXVector

    from datagen.engines.speech_models import at_16_khz

    folder = write_xvectors(tmp_path, use_weighted_layer_sum=weighted)
    audio = clips(1)[0]
    inputs = Wav2Vec2FeatureExtractor(do_normalize=True)(at_16_khz(audio), sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        expected = WavLMForXVector.from_pretrained(folder).eval()(inputs.input_values).embeddings[0].numpy()
    found = engine(folder).embed([audio])[0]
    assert np.abs(found - expected / np.linalg.norm(expected)).max() < 1e-4


def test_cosines_and_nan(tmp_path: Path) -> None:
    embedder = engine(write_xvectors(tmp_path, normalises=False))
    short, silent = np.full(4_000, 0.1, np.float32), np.zeros(SAMPLE_RATE_HZ, np.float32)
    rows = embedder.embed([*clips(3), short, silent])
    assert np.isnan(rows[3:]).all()
    alike = embedder.similarity(rows, rows)
    assert np.allclose(np.diag(alike)[:3], 1, atol=1e-5)
    assert np.isnan(alike[3:]).all()
    assert np.nanmax(alike) <= 1
    assert embedder.embed([]).shape == (0, 12)


def test_it_is_known_by_its_weights_and_not_by_its_place(tmp_path: Path) -> None:
    one = engine(write_xvectors(tmp_path / "a"))
    again = engine(write_xvectors(tmp_path / "b" / "a"), batch=3)
    other = engine(write_xvectors(tmp_path / "c" / "a", seed=2))
    stricter = engine(tmp_path / "a", same_from=0.9)
    assert one.maker == again.maker
    assert one.maker.revision != other.maker.revision
    assert one.maker.options != stricter.maker.options
    assert str(tmp_path) not in repr(one.maker)
    assert stricter.same_from == 0.9


def test_what_it_cannot_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EngineError, match=r"embedder\.model: /nowhere: there is no such folder"):
        _ = engine(Path("/nowhere")).maker
    folder = write_xvectors(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["WavLMForCTC"]}))
    with pytest.raises(EngineError, match=r"is a WavLMForCTC; it has to be one that ends in ForXVector"):
        engine(folder).embed(clips(1))
    (folder / "config.json").unlink()
    with pytest.raises(EngineError, match=r"has no readable config\.json"):
        engine(folder).embed(clips(1))


def test_devices_that_are_not_there_are_named(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    embedder = WavlmEmbedder(WavlmOptions(model=str(write_xvectors(tmp_path)), device="cuda:3"))
    with pytest.raises(UserError, match=r"embedder\.device = cuda:3: torch finds 0 CUDA devices here"):
        embedder.embed(clips(1))
