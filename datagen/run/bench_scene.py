"""Measuring scene on one core: every effect on its own, and all of them at once."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from datagen.config import Recipe
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.run.bench_stitch import REPEATS, Spoke, spoke
from datagen.stages.scene import unit as scene
from datagen.stages.scene.options import SceneOptions
from datagen.store.ids import rng


@dataclass(frozen=True, slots=True)
class SceneSpeed:
    """Seconds of dialogue a CPU second, by effect (on in every dialogue, all others off), and with all of them on (`all`)."""

    dialogs: int
    dialog_s: float
    times_real_time: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_scene(recipe: Recipe) -> SceneSpeed:
    """Puts the recipe's stitched dialogues through the scene, with every clip made before the clock starts."""
    with spoke(recipe) as shard:
        said = list(shard.dialogs())
        stitched = [shard.stitched(s) for s in said]
        audio_s = sum(s.timeline.n_samples for s in stitched) / SAMPLE_RATE_HZ
        names = [effect.name for effect in scene.CHAIN]
        chosen = {**{name: [name] for name in names}, "all": names}
        found = {}
        for label, on in chosen.items():
            options = _options(on)
            found[label] = audio_s / min(_pass(shard, said, stitched, options) for _ in range(REPEATS))
    return SceneSpeed(len(said), round(audio_s, 1), found)


def _options(on: list[str]) -> SceneOptions:
    """The default ranges, with these effects in every dialogue and no other."""
    return SceneOptions.model_validate({effect.name: {"share": float(effect.name in on)} for effect in scene.CHAIN})


def _pass(shard: Spoke, said: list[Any], stitched: list[Any], options: SceneOptions) -> float:
    began = time.process_time()
    for (plan, _, _), dialog in zip(said, stitched, strict=True):
        scene.apply(dialog, options, rng(plan.seed, "scene", 0), shard.clips.others(plan))
    return time.process_time() - began
