"""The path with engines that cost no time is walked whole, linear and flat."""

from pathlib import Path

import pytest

from datagen import recipes
from datagen.config import Recipe
from datagen.errors import UserError
from datagen.run.bench_scale import PARTS, SETS, measure_jobs, measure_scale, of_size
from datagen.run.request import prepare

SMALL = ("plan.max_voices=40", "run.shard_dialogs=8")


def blank(dialogs: int, *sets: str) -> Recipe:
    return recipes.compose("quickstart", dialogs=dialogs, sets=[*SETS, *SMALL, *sets])


def test_blank_engines_are_not_listed_and_can_be_named() -> None:
    with pytest.raises(UserError, match="There are: agenda, vllm, openai."):
        prepare(blank(8, "writer.engine=blanc"), Path("never"))
    assert prepare(blank(8), Path("never")).build.makers["writer"].engine == "blank"


@pytest.mark.slow
def test_the_whole_path_is_walked() -> None:
    found = measure_scale(blank(96, "writer.bad_share=0.1", "writer.twin_share=0.4"))
    assert (found.dialogs, found.kept + found.rejected) == (96, 96)
    assert found.rejected >= 25  # a tenth is bad, and of forty twins sixteen texts stay
    assert len(found.parts_ms) <= PARTS
    assert min(found.parts_ms) > 0
    assert found.out_files > found.shards
    assert found.work_files > 3 * found.shards
    assert 0 < found.publish_ms < found.outside_ms
    assert sum(found.stages_ms.values()) == pytest.approx(found.outside_ms, rel=0.05)


@pytest.mark.full
def test_cost_grows_linearly_and_memory_does_not() -> None:
    found = measure_scale(of_size(recipes.compose("quickstart", dialogs=20_000)))
    steady = found.parts_ms[1:]  # the first has the voices' prompts
    assert sum(steady[-3:]) < 1.25 * sum(steady[:3])
    assert found.parts_mb[-1] - found.parts_mb[0] < 20
    assert found.outside_ms < 5


@pytest.mark.full
def test_a_million_are_planned() -> None:
    found = measure_jobs(of_size(recipes.compose("quickstart", dialogs=1_000_000)))
    assert found.dialogs == 1_000_000
    assert found.shards == pytest.approx(1_000_000 / 64, rel=0.01)
    assert found.cpu_s < 120
