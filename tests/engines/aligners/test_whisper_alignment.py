"""Whisper's aligner: its way through the attention against every way, and one-for-one words on a model of random weights."""

import itertools
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from random_speech_models import write_ctc, write_whisper

from datagen.engines import registry
from datagen.engines.aligners.edges import trimmed
from datagen.engines.aligners.whisper import WhisperAligner, monotonic
from datagen.errors import EngineError
from datagen.protocols import AlignRequest, Failure
from datagen.records.speech import SAMPLE_RATE_HZ

WORDS = ("It's", "$12.50,", "Zoë.")
SPOKEN = ("It's", "twelve dollars and fifty cents,", "Zoe.")


def test_the_way_through_the_attention_is_the_best_of_all() -> None:
    draw = np.random.default_rng(0)
    for _ in range(60):
        n_rows = int(draw.integers(1, 5))
        weights = draw.normal(0, 1, (n_rows, int(draw.integers(n_rows, 9)))).astype(np.float32)
        n_frames = weights.shape[1]

        def total(starts: tuple[int, ...], weights: np.ndarray = weights, n_frames: int = n_frames) -> float:
            edges = [*starts, n_frames]
            return float(sum(weights[row, a:b].sum() for row, (a, b) in enumerate(itertools.pairwise(edges))))

        every = [(0, *rest) for rest in itertools.combinations(range(1, n_frames), n_rows - 1)]
        assert total(tuple(monotonic(weights).tolist())) == pytest.approx(max(map(total, every)), rel=1e-4)
    with pytest.raises(ValueError, match="2 frames for 3 rows"):
        monotonic(np.zeros((3, 2), np.float32))


def test_silence_at_the_ends_of_words_is_cut() -> None:
    audio = np.zeros(SAMPLE_RATE_HZ, np.float32)
    audio[round(0.2 * SAMPLE_RATE_HZ) : round(0.4 * SAMPLE_RATE_HZ)] = 0.3
    assert np.allclose(trimmed(audio, [(0.0, 0.5), (0.5, 1.0)]), [(0.2, 0.4), (0.5, 1.0)], atol=0.011)


def test_a_known_text_gets_a_time_a_word(tmp_path: Path) -> None:
    aligner = _aligner(write_whisper(tmp_path / "model"))
    audio = np.random.default_rng(1).normal(0, 0.1, 3 * SAMPLE_RATE_HZ).astype(np.float32)
    good = AlignRequest(audio, WORDS, SPOKEN)
    too_many = AlignRequest(np.tile(audio, 4), WORDS * 4, SPOKEN * 4)
    answers = aligner.align(
        [good, AlignRequest(audio[:9000], WORDS, SPOKEN), AlignRequest(np.tile(audio, 11), WORDS, SPOKEN), too_many,
         AlignRequest(audio, ("Yes", "—"), ("yes", "…")), good]
    )  # fmt: skip
    assert [a.reason if isinstance(a, Failure) else "" for a in answers] == [
        "",
        "too_short",
        "too_long",
        "too_long",
        "unsayable",
        "",
    ]
    assert answers[0] == answers[-1]
    words = answers[0]
    assert not isinstance(words, Failure)
    assert [(w.word, w.spoken) for w in words] == list(zip(WORDS, SPOKEN, strict=True))
    times = [t for w in words for t in (w.start_s, w.end_s)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= 3.0
    assert all(
        w.end_s - w.start_s >= 0.02 * len(s) - 0.05 for w, s in zip(words, ("It's", "twelve", "Zoe"), strict=True)
    )


def test_a_model_that_is_no_whisper_is_refused_in_one_line(tmp_path: Path) -> None:
    audio = np.zeros(SAMPLE_RATE_HZ, np.float32)
    asked = [AlignRequest(audio, ("Yes.",), ("Yes.",))]
    (tmp_path / "other").mkdir()
    with pytest.raises(EngineError, match=r"other has no readable config.json"):
        _aligner(tmp_path / "other").align(asked)
    write_ctc(tmp_path / "ctc")
    (tmp_path / "ctc" / "generation_config.json").write_text("{}")
    with pytest.raises(EngineError, match=r"ctc is a Wav2Vec2ForCTC; it has to be a WhisperForConditionalGeneration"):
        _aligner(tmp_path / "ctc").align(asked)
    folder = write_whisper(tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EngineError, match=r"has no readable tokenizer.json"):
        _aligner(folder).align(asked)


def _aligner(folder: Path) -> WhisperAligner:
    made = registry.make(
        "aligner", "whisper", registry.options_of("aligner", "whisper", {"model": str(folder), "device": "cpu"})
    )
    assert isinstance(made, WhisperAligner)
    return made
