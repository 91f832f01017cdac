"""Mimi through torch at full size with random weights: against rustymimi, and against moshi itself where that is installed.

Three implementations see three windows once 10 s have passed, and each window of ours is held to the one that it is named after.
What was measured with these tests (200 frames): moshi 0.2.13, one frame a step, 0 of 1600 codes differ from `step`, and latents by
4e-5; moshi, the whole file, 0 of 1600 from `whole`, 8e-6; rustymimi 0.4.1, 0 of 1600 from `rust`, 4e-4. Between the windows,
2 % of the codes after 10 s differ on these weights, whose attention weighs more than a trained model's.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import random_mimi
from random_mimi import noise

from datagen.engines.codecs import mimi_torch_model
from datagen.engines.codecs.mimi import MimiCodec, MimiOptions
from datagen.engines.codecs.mimi_names import to_transformers
from datagen.engines.codecs.mimi_weights import inspect
from datagen.engines.codecs.safetensors_file import pieces, read
from datagen.records.speech import Audio

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

FRAME = 1920
FRAMES = 150
SETTLED = 125
"""From here on attention no longer reaches the first frame."""


def encode(path: Path, clips: list[Audio], **options: Any) -> list[np.ndarray]:
    return list(MimiCodec(MimiOptions(weights=str(path), device="cpu", **options)).encode(clips))


@pytest.mark.full
def test_torch_and_rustymimi_give_the_same_codes_and_latents_beyond_the_window(mimi_file: Path, tmp_path: Path) -> None:
    """Code for code on random books, and the latents by a meter: to 1e-3, where the window of either python gives 1e-1."""
    pytest.importorskip("rustymimi")
    clips = [noise(1, FRAMES * FRAME - 700), noise(2, 9 * FRAME + 1)]
    for ours, theirs in zip(
        encode(mimi_file, clips, backend="torch", window="rust", batch=2),
        encode(mimi_file, clips, backend="rustymimi"),
        strict=True,
    ):
        assert np.mean(ours != theirs) <= 0.002
    meter = random_mimi.write(tmp_path / "meter.safetensors", books=8, meter=True)
    theirs = random_mimi.latents(encode(meter, clips[:1], backend="rustymimi")[0])
    apart = {
        window: np.abs(random_mimi.latents(encode(meter, clips[:1], backend="torch", window=window)[0]) - theirs).max(
            axis=0
        )
        for window in ("rust", "step")
    }
    assert apart["rust"].max() < 1e-3
    assert apart["step"][: SETTLED - 1].max() < 1e-3
    assert apart["step"][SETTLED:].max() > 1e-2


@pytest.mark.full
def test_on_a_cpu_a_batch_is_bit_for_bit_its_clips_alone(mimi_file: Path) -> None:
    clips = [noise(10 + n, n * 5 * FRAME + 77 * n) for n in (1, 7, 3, 10)]
    together = encode(mimi_file, clips, backend="torch", batch=3)
    for clip, codes in zip(clips, together, strict=True):
        assert np.array_equal(encode(mimi_file, [clip], backend="torch")[0], codes)


@pytest.mark.full
def test_rustymimi_reads_the_file_of_transformers_through_its_renamed_copy(
    mimi_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rustymimi")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.writelines(pieces(to_transformers(read(mimi_file))))
    clip = noise(20, 5 * FRAME)
    codecs = [MimiCodec(MimiOptions(weights=str(p), backend="rustymimi")) for p in (mimi_file, path)]
    assert np.array_equal(codecs[0].encode([clip])[0], codecs[1].encode([clip])[0])
    assert codecs[0].maker == codecs[1].maker


@pytest.mark.full
def test_decoding_is_rustymimis_to_a_hundred_thousandth(mimi_file: Path) -> None:
    pytest.importorskip("rustymimi")
    codes = encode(mimi_file, [noise(30, 20 * FRAME)], backend="torch")
    ours, theirs = (
        MimiCodec(MimiOptions(weights=str(mimi_file), backend=name, device="cpu")).decode(codes)[0]
        for name in ("torch", "rustymimi")
    )
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()


@pytest.mark.full
@pytest.mark.parametrize("stepped", [True, False], ids=["frame by frame", "whole"])
def test_moshi_itself_gives_these_codes(stepped: bool, tmp_path: Path) -> None:
    """moshi is a reference for this test alone; where it is not installed, `pip install moshi==0.2.13` brings it."""
    loaders = pytest.importorskip("moshi.models.loaders")
    path = random_mimi.write(tmp_path / "mimi.safetensors", books=32)  # moshi loads no fewer
    clip = noise(40, 200 * FRAME)
    theirs = loaders.get_mimi(str(path), device="cpu", num_codebooks=8).eval()
    frames = torch.from_numpy(clip)[None, None].split(FRAME if stepped else len(clip), dim=2)
    with torch.no_grad(), theirs.streaming(1) if stepped else torch.no_grad():
        latents = torch.cat([theirs.encode_to_latent(x, quantize=False) for x in frames], dim=2)[0].numpy()
    with torch.no_grad(), theirs.streaming(1) if stepped else torch.no_grad():
        codes = torch.cat([theirs.encode(x) for x in frames], dim=2)[0].numpy()
    window: Any = "step" if stepped else "whole"
    assert np.mean(encode(path, [clip], backend="torch", window=window)[0] != codes) <= 0.002
    from datagen.engines.codecs.mimi_torch_steps import Encoder

    encoder = Encoder(mimi_torch_model.load(inspect(path)), 1, window)
    with torch.no_grad():
        ours = [
            encoder(torch.from_numpy(clip[at : at + 25 * FRAME])[None], torch.tensor([at == 0]))
            for at in range(0, len(clip), 25 * FRAME)
        ]
    assert np.abs(latents).max() > 5
    assert np.abs(torch.cat(ours, dim=2)[0].numpy() - latents).max() < 3e-4


@pytest.mark.full
def test_half_precision_keeps_most_codes(mimi_file: Path) -> None:
    clips = [noise(50 + n, 100 * FRAME) for n in range(2)]
    exact, half = (encode(mimi_file, clips, backend="torch", precision=p) for p in ("fp32", "bf16"))
    share = float(np.mean([np.mean(a != b) for a, b in zip(exact, half, strict=True)]))
    print(f"bf16 changes {share:.1%} of the codes", file=sys.stderr)
    assert 0 < share < 0.15
