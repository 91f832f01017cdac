"""The CTC aligner: its Viterbi against one that tries every path, batches against single texts, and what cannot be aligned."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from random_speech_models import write_ctc

from datagen.engines import registry
from datagen.engines.aligners.ctc import CtcAligner
from datagen.engines.aligners.edges import grown
from datagen.engines.aligners.trellis import best_paths, least_frames
from datagen.errors import EngineError, UserError
from datagen.protocols import AlignRequest, Failure
from datagen.records.speech import SAMPLE_RATE_HZ

BLANK = 0


def _by_trying(frames: np.ndarray, symbols: list[int]) -> float:
    """The best log probability over every labelling of the frames that collapses to the symbols."""
    best = -np.inf
    for labels in itertools.product({BLANK, *symbols}, repeat=len(frames)):
        told = [s for s, _ in itertools.groupby(labels) if s != BLANK]
        if told == symbols:
            best = max(best, sum(frames[t, s] for t, s in enumerate(labels)))
    return best


def _score(frames: np.ndarray, symbols: list[int], starts: np.ndarray, ends: np.ndarray) -> float:
    labels = [BLANK] * len(frames)
    for s, a, b in zip(symbols, starts, ends, strict=True):
        assert b > a
        labels[a:b] = [s] * (b - a)
    assert [s for s, _ in itertools.groupby(labels) if s != BLANK] == symbols
    return float(sum(frames[t, s] for t, s in enumerate(labels)))


def test_the_best_path_is_the_best_of_all_that_there_are() -> None:
    draw = np.random.default_rng(0)
    texts = []
    for _ in range(40):
        n = int(draw.integers(1, 8))
        symbols = draw.integers(1, 4, int(draw.integers(1, 5))).tolist()
        frames = np.log(draw.dirichlet(np.ones(4), n)).astype(np.float32)
        texts.append((frames, symbols))
    found = best_paths(texts, BLANK)
    assert sum(p is None for p in found) not in (0, len(found))
    for (frames, symbols), path in zip(texts, found, strict=True):
        assert (path is None) == (len(frames) < least_frames(symbols))
        if path is not None:
            assert _score(frames, symbols, path.starts, path.ends) == pytest.approx(
                _by_trying(frames, symbols), rel=1e-5
            )
            alone = best_paths([(frames, symbols)], BLANK)[0]
            assert alone is not None
            assert alone.starts.tolist() == path.starts.tolist()
            assert path.scores[0] == pytest.approx(frames[path.starts[0] : path.ends[0], symbols[0]].mean())


def test_words_grow_over_sound_to_silence_and_meet_where_it_is_quietest() -> None:
    audio = np.zeros(2 * SAMPLE_RATE_HZ, np.float32)
    sounds = ((0.3, 0.6), (0.7, 1.0), (1.0, 1.4))
    for n, (a, b) in enumerate(sounds):
        audio[round(a * SAMPLE_RATE_HZ) : round(b * SAMPLE_RATE_HZ)] = 0.3 - 0.1 * n
    audio[round(0.98 * SAMPLE_RATE_HZ) : round(1.0 * SAMPLE_RATE_HZ)] = 0.05
    spans = grown(audio, [(0.4, 0.5), (0.75, 0.85), (1.1, 1.3)], 0.2)
    assert np.allclose(spans, [(0.3, 0.6), (0.7, 0.98), (0.98, 1.4)], atol=0.011)
    near = grown(audio, [(0.4, 0.45), (0.75, 0.85), (1.1, 1.2)], 0.05)
    assert np.allclose(near, [(0.35, 0.5), (0.7, 0.9), (1.05, 1.25)], atol=0.011)


WORDS = ("It's", "$12.50,", "Zoë.")
SPOKEN = ("It's", "twelve dollars and fifty cents,", "Zoe.")


def _requests() -> list[AlignRequest]:
    draw = np.random.default_rng(1)
    return [
        AlignRequest(draw.normal(0, 0.1, round(s * SAMPLE_RATE_HZ)).astype(np.float32), WORDS, SPOKEN)
        for s in (2.0, 3.1, 1.7)
    ]


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_a_text_is_aligned_the_same_in_any_company(tmp_path: Path, norm: str) -> None:
    aligner = _aligner(write_ctc(tmp_path / "model", norm))
    asked = _requests()
    together = aligner.align(asked)
    for request, answer in zip(asked, together, strict=True):
        assert not isinstance(answer, Failure), answer
        assert [(w.word, w.spoken) for w in answer] == list(zip(WORDS, SPOKEN, strict=True))
        times = [t for w in answer for t in (w.start_s, w.end_s)]
        assert times == sorted(times)
        assert 0 <= times[0] < times[-1] <= len(request.audio) / SAMPLE_RATE_HZ
        assert aligner.align([request]) == [answer]


def test_letters_that_a_model_lacks_are_any_sound(tmp_path: Path) -> None:
    symbols = ["<pad>", "<s>", "</s>", "<unk>", *"etaonihs"]
    aligner = _aligner(write_ctc(tmp_path / "model", vocabulary=symbols))
    model = aligner._model
    assert model.separator is None
    assert model.symbols_of("Twist") == [
        symbols.index("t"),
        model.star,
        symbols.index("i"),
        symbols.index("s"),
        symbols.index("t"),
    ]
    (frames,) = model.log_probs([np.random.default_rng(0).normal(0, 1, 16_000).astype(np.float32)], 4)
    assert frames.shape[1] == len(symbols) + 1
    assert np.allclose(frames[:, -1], frames[:, 1:-1].max(axis=1))
    assert not any(isinstance(a, Failure) for a in aligner.align(_requests()))


def test_what_cannot_be_aligned_says_why_in_its_place(tmp_path: Path) -> None:
    folder = write_ctc(tmp_path / "model")
    good = _requests()[0]
    bad = [
        AlignRequest(good.audio[:2000], WORDS, SPOKEN),
        AlignRequest(good.audio[:0], WORDS, SPOKEN),
        AlignRequest(good.audio, ("Yes", "—"), ("yes", "…")),
    ]
    answers = _aligner(folder).align([bad[0], good, *bad[1:]])
    assert [a.reason if isinstance(a, Failure) else "" for a in answers] == ["too_short", "", "too_short", "unsayable"]
    assert isinstance(answers[0], Failure)
    assert "0.08 s of audio for 3 words" in answers[0].detail
    (unsure,) = _aligner(folder, min_confidence=0.99).align([good])
    assert isinstance(unsure, Failure)
    assert unsure.reason == "unsure"


def test_who_it_is_is_told_by_the_models_files(tmp_path: Path) -> None:
    one, same, other = (
        _aligner(write_ctc(tmp_path / n / "m", seed=s)).maker for n, s in (("a", 0), ("b", 0), ("c", 1))
    )
    assert one == same
    assert one.revision != other.revision
    assert str(tmp_path) not in repr(one)


def test_a_model_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"aligner.model: .*/nowhere: there is no such folder"):
        _aligner(tmp_path / "nowhere").align(_requests())
    folder = write_ctc(tmp_path / "model")
    with pytest.raises(UserError, match=r"aligner.device = cuda:77: torch finds"):
        _aligner(folder, device="cuda:77").align(_requests())
    with pytest.raises(UserError, match=r"'gpu' is no device"):
        _aligner(folder, device="gpu")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["Wav2Vec2Model"]}))
    with pytest.raises(EngineError, match=r"model is a Wav2Vec2Model; it has to be one that ends in ForCTC"):
        _aligner(folder).align(_requests())
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.json").unlink()
    with pytest.raises(EngineError, match=r"no readable vocab.json"):
        _aligner(folder).align(_requests())
    (folder / "model.safetensors").unlink()
    with pytest.raises(EngineError, match=r"has no weights"):
        _aligner(folder).align(_requests())


def _aligner(folder: Path, **options: object) -> CtcAligner:
    values = {"model": str(folder), "device": "cpu", **options}
    made = registry.make("aligner", "ctc", registry.options_of("aligner", "ctc", values))
    assert isinstance(made, CtcAligner)
    return made
