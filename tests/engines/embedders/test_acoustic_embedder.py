"""The acoustic embedder: one voice is one voice at any length of a turn, two are two, and what tells nothing is NaN."""

from functools import cache

import numpy as np
import pytest

from datagen.engines.embedders.acoustic import N_COLUMNS, AcousticEmbedder, AcousticOptions
from datagen.engines.speakers.calibrate import clip
from datagen.engines.speakers.calibration_texts import HELD_OUT, texts_for
from datagen.engines.speakers.voice_bank import voices_of
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.ids import unit_hash

ENGINE = AcousticEmbedder(AcousticOptions())


VOICES = {v.id: v for v in voices_of("espeak")}


def sample(n: int) -> list[Voice]:
    return sorted(VOICES.values(), key=lambda v: unit_hash("embedder", v.id))[:n]


def texts(voice: Voice) -> tuple[Audio, ...]:
    """Two clips of about ten seconds, on sentences that set nothing."""
    return _texts(voice.id)


@cache
def _texts(voice_id: str) -> tuple[Audio, ...]:
    voice = VOICES[voice_id]
    said = [clip(voice, t, 0.03) for t in texts_for(voice.id, HELD_OUT, 2)]
    found = tuple(s.audio for s in said if s is not None)
    assert len(found) == 2
    return found


def cut(audio: Audio, seconds: float) -> Audio:
    n = round(seconds * SAMPLE_RATE_HZ)
    start = max(len(audio) - n, 0) // 3
    return audio[start : start + n]


def verdicts(voices: list[Voice], seconds: float) -> tuple[float, float, float]:
    """The shares of a voice's turns taken for another's, of others' taken for its own, and of turns that tell nothing."""
    prompts = ENGINE.embed([texts(v)[0] for v in voices])
    turns = ENGINE.embed([cut(texts(v)[1], seconds) for v in voices])
    alike = ENGINE.similarity(turns, prompts)
    told = np.isfinite(turns[:, 0])
    own = np.eye(len(voices), dtype=bool)
    return (
        float((alike[own & told[:, None]] < ENGINE.same_from).mean()),
        float((alike[~own & told[:, None]] >= ENGINE.same_from).mean()),
        float(1 - told.mean()),
    )


def test_a_turn_is_most_like_its_own_voice() -> None:
    voices = sample(4)
    prompts = ENGINE.embed([texts(v)[0] for v in voices])
    turns = ENGINE.embed([cut(texts(v)[1], 4.0) for v in voices])
    alike = ENGINE.similarity(turns, prompts)
    assert (np.diag(alike) > ENGINE.same_from).all()
    assert alike.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert (alike < ENGINE.same_from).sum() >= 11  # of twelve


@pytest.mark.parametrize(
    ("seconds", "least_told"),
    [
        pytest.param(1.5, 0.9, marks=pytest.mark.full),
        pytest.param(3.0, 1.0, marks=pytest.mark.slow),
        pytest.param(10.0, 1.0, marks=pytest.mark.full),
    ],
)
def test_errors_are_few_at_every_length(seconds: float, least_told: float) -> None:
    """On 16 voices, every turn against every prompt of ten seconds: see the table in the engine's file. So few voices have a pair or two
    that are alike; of 48 voices 0.046, 0.024 and 0.013 of the pairs are taken for one."""
    split, merged, silent = verdicts(sample(16), seconds)
    assert split <= 0.07  # one of 16
    assert merged <= {1.5: 0.12, 3.0: 0.1, 10.0: 0.06}[seconds]
    assert 1 - silent >= least_told


def test_a_voice_is_itself_and_nothing_else_is_more_like_it() -> None:
    voices = sample(4)
    rows = ENGINE.embed([texts(v)[0] for v in voices])
    assert rows.shape == (4, N_COLUMNS)
    assert rows.dtype == np.float32
    alike = ENGINE.similarity(rows, rows)
    assert np.allclose(np.diag(alike), 1, atol=1e-4)
    assert alike.max() <= 1
    assert np.allclose(alike, alike.T)
    assert alike[~np.eye(4, dtype=bool)].max() < ENGINE.same_from


def test_a_louder_clip_is_of_the_same_voice() -> None:
    said = texts(sample(1)[0])[0]
    rows = ENGINE.embed([said, said * np.float32(0.3)])
    assert ENGINE.similarity(rows[:1], rows[1:])[0, 0] > 0.99


def test_what_tells_nothing_is_nan() -> None:
    said = texts(sample(1)[0])[0]
    noise = np.random.default_rng(0).normal(0, 0.05, SAMPLE_RATE_HZ).astype(np.float32)
    nothing = [np.zeros(0, np.float32), np.zeros(SAMPLE_RATE_HZ, np.float32), cut(said, 0.3), noise[:500], noise]
    rows = ENGINE.embed([*nothing, said])
    assert np.isnan(rows[:-1]).all()
    alike = ENGINE.similarity(rows, rows[-1:])
    assert np.isnan(alike[:-1]).all()
    assert alike[-1, 0] == pytest.approx(1, abs=1e-4)
    assert ENGINE.embed([]).shape == (0, N_COLUMNS)
