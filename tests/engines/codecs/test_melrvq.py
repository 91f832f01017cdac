"""The embedded codec's promises: geometry, causality, the same codes in any company, silence that stays silence."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.engines.codecs.codebooks import EXACT, bundled
from datagen.engines.codecs.melrvq import MelRvqCodec, MelRvqOptions
from datagen.engines.codecs.patches import BLOCK, FLOOR, patches
from datagen.engines.codecs.training_audio import telephone, tone, with_noise
from datagen.engines.registry import make, options_of
from datagen.errors import DataError, UserError

FRAME = 1920


@pytest.fixture(scope="module")
def codec() -> MelRvqCodec:
    return MelRvqCodec(MelRvqOptions(griffin_lim_rounds=8))


def babble(seed: int, n_samples: int) -> np.ndarray:
    """Bursts of tilted noise and gliding harmonics with pauses of digital silence: as busy as speech, made on the spot."""
    rng = np.random.default_rng(seed)
    out = np.zeros(n_samples, np.float32)
    at = 0
    while at < n_samples:
        n = int(rng.integers(1200, 9600))
        t = np.arange(n) / 24_000
        f0 = rng.uniform(80, 260) * (1 + 0.2 * np.sin(2 * np.pi * rng.uniform(1, 5) * t))
        voiced = sum(np.sin(k * 2 * np.pi * np.cumsum(f0) / 24_000) * rng.uniform(0, 1 / k) for k in range(1, 12))
        piece = with_noise((0.1 * voiced * np.hanning(n)).astype(np.float32), float(rng.uniform(0, 30)), rng)
        stop = min(n_samples, at + n)
        out[at:stop] = piece[: stop - at]
        at += n + int(rng.integers(0, 6000))
    return out


def test_registry_makes_it():
    codec = make("codec", "melrvq", options_of("codec", "melrvq", {"griffin_lim_rounds": 4}))
    assert (codec.kind, codec.name, codec.n_books, codec.book_size) == ("codec", "melrvq", 8, 2048)
    assert codec.maker.note == "not Mimi's tokens: for trying, testing and looking"
    assert len(codec.maker.revision) == 16
    assert codec.options.output_options() == {}
    with pytest.raises(UserError, match="griffin_lim_rounds"):
        options_of("codec", "melrvq", {"griffin_lim_round": 4})


@given(n_samples=st.integers(0, 6000))
@settings(deadline=None, max_examples=25)
def test_geometry(codec, n_samples):
    codes = codec.encode([babble(1, n_samples)])[0]
    assert codes.shape == (8, -(-n_samples // FRAME))
    assert codes.dtype == np.int16
    assert not codes.size or (codes.min() >= 0 and codes.max() < 2048)
    audio = codec.decode([codes])[0]
    assert audio.shape == (codes.shape[1] * FRAME,)
    assert audio.dtype == np.float32


def test_last_frame_is_zero_padded(codec):
    audio = babble(2, 10 * FRAME - 700)
    padded = np.concatenate([audio, np.zeros(700, np.float32)])
    assert (codec.encode([audio])[0] == codec.encode([padded])[0]).all()


@given(seed=st.integers(0, 10_000), cut=st.integers(1, 3 * BLOCK), fill=st.integers(0, 10_000))
@settings(deadline=None, max_examples=15)
def test_a_frame_depends_on_nothing_after_it(codec, seed, cut, fill):
    audio = babble(seed, 3 * BLOCK * FRAME)
    other = audio.copy()
    other[cut * FRAME :] = babble(fill, len(audio) - cut * FRAME)
    assert (codec.encode([audio])[0][:, :cut] == codec.encode([other])[0][:, :cut]).all()


def test_frame_by_frame_equals_whole(codec):
    audio = babble(3, 40 * FRAME)
    whole = codec.encode([audio])[0]
    steps = [codec.encode([audio[: (t + 1) * FRAME]])[0][:, -1] for t in range(40)]
    assert (np.stack(steps, axis=1) == whole).all()


def test_alone_equals_in_a_batch_in_any_order(codec):
    clips = [babble(seed, n) for seed, n in enumerate([0, 1, FRAME, 7 * FRAME + 3, 100 * FRAME, 300 * FRAME])]
    alone = [codec.encode([clip])[0] for clip in clips]
    for order in (range(6), reversed(range(6))):
        places = list(order)
        for place, codes in zip(places, codec.encode([clips[p] for p in places]), strict=True):
            assert (codes == alone[place]).all()


DIGEST = """
import hashlib, sys
sys.path.insert(0, {here!r})
from test_melrvq import MelRvqCodec, MelRvqOptions, babble
codes = MelRvqCodec(MelRvqOptions()).encode([babble(5, 1920 * 333), babble(6, 1920 * 65)])
print(hashlib.sha256(b"".join(c.tobytes() for c in codes)).hexdigest())
"""


def test_threads_and_blas_kernels_do_not_matter():
    here = os.path.dirname(__file__)
    settings = [
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "2"},
        {"OPENBLAS_CORETYPE": "Haswell"},
        {"OPENBLAS_CORETYPE": "Prescott"},
    ]
    digests = set()
    for extra in settings:
        env = {**os.environ, **extra}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST.format(here=here)], env=env, capture_output=True, text=True, check=True
        )
        digests.add(run.stdout.strip())
    assert len(digests) == 1


def test_sums_stay_exact():
    """The search is exact in float32 as long as no partial sum passes 2**24; so is the way there in float64, below 2**53."""
    books = bundled()
    assert books.largest_sum() < EXACT
    worst = np.abs(books.basis.astype(np.int64)).sum(axis=0).max() * 20 * 256
    assert worst < 2**53


def test_basis_is_orthonormal():
    basis = bundled().basis.astype(np.float64) / 2**14
    assert np.allclose(basis.T @ basis, np.eye(128), atol=2e-3)


def test_silence_is_one_code_and_decodes_to_silence(codec):
    silence, sine = codec.constant_frames()
    codes = codec.encode([np.zeros(25 * FRAME, np.float32)])[0]
    assert (codes == np.array(silence)[:, None]).all()
    assert (codec.decode([codes])[0] == 0).all()
    assert silence != sine


def test_silence_comes_back_one_frame_after_speech(codec):
    audio = np.concatenate([babble(7, 20 * FRAME), np.zeros(10 * FRAME, np.float32)])
    codes = codec.encode([audio])[0]
    assert (codes[:, 21:] == np.array(codec.constant_frames()[0])[:, None]).all()
    assert (codec.decode([codes])[0][22 * FRAME :] == 0).all()


def test_inaudible_noise_is_silence(codec):
    dither = np.random.default_rng(0).integers(-1, 2, 20 * FRAME).astype(np.float32) / 32_768
    assert (codec.encode([dither])[0] == np.array(codec.constant_frames()[0])[:, None]).all()


def test_sine_frame_is_a_steady_tone(codec):
    sine = codec.constant_frames()[1]
    codes = np.repeat(np.array(sine, np.int16)[:, None], 25, axis=1)
    audio = codec.decode([codes])[0][5 * FRAME : 20 * FRAME]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert np.argmax(spectrum) * 24_000 / len(audio) == pytest.approx(440, abs=25)
    assert np.abs(audio).max() == pytest.approx(0.5, rel=0.5)


def test_decoding_keeps_the_spectrum(codec):
    audio = babble(8, 60 * FRAME)
    codes = codec.encode([audio])[0]
    kept = bundled().patches_of(codes) - patches(audio) / 256
    assert np.sqrt(np.mean(np.square(kept))) < 1.0
    assert patches(np.zeros(FRAME, np.float32)).max() / 256 == pytest.approx(np.log(FLOOR), abs=0.01)


def test_decode_is_the_same_twice_and_in_a_batch(codec):
    one, two = codec.encode([babble(9, 12 * FRAME), babble(10, 5 * FRAME)])
    assert (codec.decode([one, two])[1] == codec.decode([two])[0]).all()


def test_bad_input_is_one_line(codec):
    with pytest.raises(DataError, match="not finite"):
        codec.encode([np.full(100, np.nan, np.float32)])
    with pytest.raises(DataError, match="one channel"):
        codec.encode([np.zeros((2, 100), np.float32)])
    with pytest.raises(DataError, match="2048"):
        codec.decode([np.full((8, 2), 2048, np.int16)])
    with pytest.raises(DataError, match="shape"):
        codec.decode([np.zeros((4, 2), np.int16)])


def test_full_scale_noise_and_clicks_have_codes(codec):
    rng = np.random.default_rng(3)
    noise = np.sign(rng.normal(size=20 * FRAME)).astype(np.float32)
    click = np.zeros(10 * FRAME, np.float32)
    click[5000] = 1
    for codes in codec.encode([noise, click, noise * 100]):
        assert codes.min() >= 0
        assert codes.max() < 2048


def test_telephone_keeps_the_band_and_nothing_else():
    for hz, kept in ((100.0, 0.0), (1000.0, 1.0), (5000.0, 0.0)):
        audio = tone(hz, 1.0)
        assert np.sqrt(np.mean(telephone(audio) ** 2)) == pytest.approx(kept * np.sqrt(0.5), abs=0.01)
