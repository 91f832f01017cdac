"""A shard's rows hold no samples: a worker's memory does not grow with the dialogues that it has rendered."""

import numpy as np

from datagen.records.timeline import SceneDialog
from datagen.run.render import _without_audio


def test_a_scene_without_audio_does_not_keep_it_alive() -> None:
    heard = SceneDialog(np.zeros((2, 24_000), np.float32), (), None)
    bare = _without_audio(heard)
    assert bare.channels.shape == (2, 0)
    assert bare.channels.base is None  # an empty view would hold the whole array
    assert (bare.effects, bare.snr_db) == (heard.effects, heard.snr_db)
