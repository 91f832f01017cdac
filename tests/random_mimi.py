"""Files of Mimi for tests: random weights in half precision, of full size or small, and a meter that shows its latents.

They prove the arithmetic (streaming, state, padding, books), not the sound.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.engines.codecs.mimi_random import BOOK_SIZE, FULL, Size, shapes, values
from datagen.records.speech import FRAME_SAMPLES

SMALL = Size(filters=4, width=128, hidden=256, layers=2, book_width=32)
"""Two heads, two layers: rustymimi reads none but the full size, torch reads this."""
METER_BOOKS = 6
METER_RANGE = 8.0
METER_STEPS = (METER_RANGE / (BOOK_SIZE // 2), METER_RANGE / (BOOK_SIZE // 2) / BOOK_SIZE)


def write(path: Path, books: int, seed: int = 0, *, meter: bool = False, size: Size = FULL) -> Path:
    """`path`, now a safetensors file of half-precision weights (160 MB in full size with 8 books), the same for the same seed.

    With `meter` the books are no random ones: they measure three latents of each frame (`latents` reads them).
    """
    from safetensors.numpy import save_file

    draw = np.random.default_rng(seed)
    tensors = {name: values(name, shape, draw) for name, shape in shapes(books, size)}
    save_file({**tensors, **(_meter(size) if meter else {})}, path)
    return path


def latents(codes: np.ndarray) -> np.ndarray:
    """Three latents a frame [3, n_frames], to METER_RANGE / 2**21, as the books of a `meter` hold them."""
    rows = [METER_STEPS[k % 2] * (codes[1 + k].astype(np.float64) - BOOK_SIZE // 2) for k in range(METER_BOOKS)]
    return np.array([rows[2 * m] + rows[2 * m + 1] for m in range(METER_BOOKS // 2)])


def _meter(size: Size) -> dict[str, np.ndarray]:
    """Acoustic books in pairs: the first of a pair rounds one latent, the second what the first leaves."""
    project = np.zeros((size.book_width, size.width, 1), np.float32)
    found = {"quantizer.rvq_rest.input_proj.weight": project}
    for book in range(METER_BOOKS):
        project[book // 2, book // 2] = 1
        table = np.zeros((BOOK_SIZE, size.book_width), np.float32)
        table[:, book // 2] = METER_STEPS[book % 2] * (np.arange(BOOK_SIZE) - BOOK_SIZE // 2)
        found[f"quantizer.rvq_rest.vq.layers.{book}._codebook.embedding_sum"] = table
    return found


def noise(seed: int, n_samples: int) -> NDArray[np.float32]:
    """Noise to encode whose level changes every frame, so that no two frames are alike."""
    draw = np.random.default_rng(seed)
    level = np.repeat(draw.uniform(0, 0.3, -(-n_samples // FRAME_SAMPLES)), FRAME_SAMPLES)[:n_samples]
    return (draw.standard_normal(n_samples) * level).astype(np.float32)
