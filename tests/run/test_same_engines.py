"""Every worker of a build has the build's engines: a shard made by another codec is refused before it is begun."""

from dataclasses import replace
from pathlib import Path

import pytest

from datagen import recipes
from datagen.errors import EngineError
from datagen.run.job import GROUPS, run_group
from datagen.run.request import prepare


def test_a_worker_with_another_codec_than_the_builds_stops_in_one_line(tmp_path: Path) -> None:
    recipe = recipes.compose("quickstart", domain_names=["bank"], dialogs=1, seed=5, sets=("plan.max_voices=40",))
    job = prepare(recipe, tmp_path / "out").jobs[0]
    assert {kind for kind, _ in job.engines} == {"writer", "speaker", "aligner", "codec", "asr"}
    elsewhere = tuple((k, f"mimi other-{v}" if k == "codec" else v) for k, v in job.engines)
    for group in GROUPS:
        with pytest.raises(
            EngineError, match=r"codec: a worker has melrvq .*, and the build mimi other-melrvq"
        ) as raised:
            run_group(replace(job, engines=elsewhere), group, lambda _: None)
        assert "\n" not in str(raised.value)
    assert run_group(job, "write", lambda _: None).n_in == 1
