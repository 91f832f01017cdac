"""DNSMOS's engine around a tiny model of the same shape: windows, curves, identity, and what it refuses. The real model is not here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_measures import RAW, write_dnsmos

from datagen.engines.mos.dnsmos import CURVES, VARIABLE, WINDOW_SAMPLES, DnsmosOptions, DnsmosPredictor, _windows
from datagen.errors import EngineError
from datagen.protocols import Failure
from datagen.records.speech import SAMPLE_RATE_HZ, Audio


def engine(path: Path) -> DnsmosPredictor:
    return DnsmosPredictor(DnsmosOptions(model=str(path)))


def tone(seconds: float, peak: float = 0.3) -> Audio:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (peak * np.sin(2 * np.pi * 300 * t)).astype(np.float32)


def expected(peak: float = 0.3) -> list[float]:
    """By the curves as written in the paper's script, from the tone's mean magnitude of 2 / pi of its peak."""
    raw = np.array(RAW) * (1 + 2 / np.pi * peak)
    return [float(a * x * x + b * x + c) for x, (a, b, c) in zip(raw, CURVES, strict=True)]


@pytest.mark.parametrize("seconds", [0.5, 4.0, 9.1, 15.0])
def test_ratings_are_the_curves_of_what_the_model_gives(tmp_path: Path, seconds: float) -> None:
    found = engine(write_dnsmos(tmp_path / "tiny.onnx")).ratings([tone(seconds)])[0]
    assert not isinstance(found, Failure)
    assert np.allclose(found, expected(), atol=0.02)


def test_a_clip_is_rated_the_same_in_any_company(tmp_path: Path) -> None:
    predictor = engine(write_dnsmos(tmp_path / "tiny.onnx"))
    audios = [tone(2.0), tone(12.0, 0.8), tone(0.5, 0.1)]
    together = predictor.predict(audios)
    assert together == [predictor.predict([a])[0] for a in audios]
    assert len({round(float(x), 3) for x in together if not isinstance(x, Failure)}) == 3
    assert all(isinstance(x, float) and 1 <= x <= 5 for x in together)
    assert predictor.predict([]) == []


def test_ratings_stay_on_the_scale(tmp_path: Path) -> None:
    low, high = (engine(write_dnsmos(tmp_path / f"{n}.onnx", raw)) for n, raw in enumerate([(0.0,) * 3, (9.0,) * 3]))
    assert low.predict([tone(1.0)]) == [1.0]
    assert high.ratings([tone(1.0)])[0].tolist()[0] <= 5.0  # type: ignore[union-attr]


def test_what_cannot_be_rated_says_why(tmp_path: Path) -> None:
    answers = engine(write_dnsmos(tmp_path / "tiny.onnx")).predict(
        [np.zeros(0, np.float32), tone(0.1), np.zeros(SAMPLE_RATE_HZ, np.float32), tone(1.0)]
    )
    reasons = [a.reason if isinstance(a, Failure) else None for a in answers]
    assert reasons == ["too_short", "too_short", "silent", None]


@pytest.mark.parametrize(("seconds", "n"), [(0.5, 7), (5.0, 1), (6.0, 3), (9.01, 1), (12.0, 3), (13.5, 4)])
def test_the_windows_are_those_of_the_models_own_script(seconds: float, n: int) -> None:
    """6 s are doubled to 12: int(12 - 9.01) + 1 = 3 windows, a second apart."""
    windows = _windows(tone(seconds))
    assert [len(w) for w in windows] == [WINDOW_SAMPLES] * n


def test_it_is_known_by_its_file(tmp_path: Path) -> None:
    one = engine(write_dnsmos(tmp_path / "a.onnx"))
    again = engine(write_dnsmos(tmp_path / "b.onnx"))
    other = engine(write_dnsmos(tmp_path / "c.onnx", (1.0, 2.0, 3.0)))
    assert one.maker == again.maker
    assert one.maker.revision != other.maker.revision
    assert str(tmp_path) not in repr(one.maker)


def test_another_model_is_refused(tmp_path: Path) -> None:
    for name, values in (("p808.onnx", {"raw": (1.0,)}), ("short.onnx", {"n_samples": 16_000})):
        kwargs: dict[str, Any] = dict(values)
        with pytest.raises(EngineError, match=rf"mos\.model: {name} is not DNSMOS's sig_bak_ovr\.onnx: it has"):
            engine(write_dnsmos(tmp_path / name, **kwargs)).predict([tone(1.0)])
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(EngineError, match=r"mos\.model: no\.onnx: onnxruntime cannot read it"):
        engine(tmp_path / "no.onnx").predict([tone(1.0)])


def test_without_a_model_there_are_no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(EngineError, match=r"mos\.model: no model is named"):
        _ = DnsmosPredictor(DnsmosOptions()).maker
    with pytest.raises(EngineError, match=r"mos\.model: nowhere\.onnx: there is no such file"):
        DnsmosPredictor(DnsmosOptions(model="nowhere.onnx")).predict([tone(1.0)])
