"""The training of the tables: seeded, ends in tables that hold the codec's promises, fits what it has seen."""

import io

import numpy as np
import pytest

from datagen.engines.codecs.codebooks import EXACT, load, save
from datagen.engines.codecs.kmeans import train
from datagen.engines.codecs.melrvq import MelRvqCodec, MelRvqOptions
from datagen.engines.codecs.patches import patches
from datagen.engines.codecs.train_melrvq import training_patches, vocabulary
from datagen.engines.codecs.training_audio import with_noise
from datagen.errors import DataError


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    t = np.arange(96_000) / 24_000
    made = []
    for _ in range(14):
        tone = np.sign(np.sin(2 * np.pi * rng.uniform(80, 300) * t)) * np.sin(2 * np.pi * rng.uniform(1, 4) * t) ** 2
        made.append(with_noise((0.2 * tone).astype(np.float32), float(rng.uniform(5, 30)), rng))
    return made


def test_trained_tables_hold_the_codecs_promises(clips):
    told: list[str] = []
    seen = training_patches(clips, 3)
    tables = train(seen, 3, rounds=2, report=told.append)
    assert len(told) == 8
    assert tables.books.shape == (8, 2048, 128)
    assert tables.largest_sum() < EXACT
    codec = MelRvqCodec(MelRvqOptions(), tables)
    silence = codec.encode([np.zeros(9600, np.float32)])[0]
    assert (silence == silence[:, :1]).all()
    assert (codec.decode([silence])[0] == 0).all()
    rest = tables.patches_of(codec.encode(clips[:1])[0]) - patches(clips[0]) / 256
    spread = np.std(seen.astype(np.float64)) / 256
    assert np.sqrt(np.mean(rest**2)) < 0.4 * spread


@pytest.mark.slow
def test_same_seed_same_bytes_other_seed_others(clips):
    files = []
    for seed in (1, 1, 2):
        buffer = io.BytesIO()
        save(buffer, train(training_patches(clips[:12], seed), seed, rounds=1))
        files.append(buffer.getvalue())
    assert files[0] == files[1] != files[2]
    assert load(files[0]).revision == load(files[1]).revision != load(files[2]).revision


def test_too_little_to_train_on(clips, tmp_path):
    with pytest.raises(DataError, match="2048 are needed"):
        train(training_patches(clips[:1], 0), 0)
    (tmp_path / "domain.toml").write_text('greeting = "hello there"')
    with pytest.raises(DataError, match="3 words in"):
        vocabulary(tmp_path)
