"""How much of the loss each token bears: nothing on the prompt, little on padding and on the acoustic books."""

from functools import lru_cache

import numpy as np

from datagen.load.sequence import Columns, Weights
from datagen.load.spec import ModelSpec


def weigh(codes: Columns, n_prefix: int, spec: ModelSpec, learn_user: bool) -> Weights:
    """The weight of each token's loss, float32 [n_rows, n_columns].

    0 on the first `n_prefix` columns, and on the user's rows unless `learn_user`; else 1 for semantic codes and text,
    `spec.non_semantic_weight` for the other books, `spec.pad_weight` and `spec.epad_weight` for text PAD and EPAD.

    They are weights against each other, within the text and within the audio: moshi-finetune divides each of the two losses by
    the sum of its weights and adds them, so its `first_codebook_weight_multiplier` 50 is our 0.02.
    """
    weights = np.empty(codes.shape, np.float32)
    weights[1:] = _of_audio_rows(spec, learn_user)
    text = codes[0]
    weights[0] = np.where(text == spec.text_pad, np.float32(spec.pad_weight), np.float32(1))
    if spec.epad_weight != 1:
        weights[0, text == spec.text_epad] = spec.epad_weight
    weights[:, :n_prefix] = 0
    return weights


@lru_cache(64)
def _of_audio_rows(spec: ModelSpec, learn_user: bool) -> Weights:
    side = np.full(spec.n_books, spec.non_semantic_weight, np.float32)
    side[0] = 1
    return np.concatenate([side, side * learn_user])[:, None].astype(np.float32)
