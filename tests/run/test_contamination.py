"""Texts of evaluation sets in a build: whoever writes, no dialogue that is kept holds one."""

from pathlib import Path

import pytest
import remote

from datagen import recipes
from datagen.run.job import Outcome, run_group
from datagen.run.request import Run, prepare

pytestmark = pytest.mark.usefixtures("scripted")


def embedded(folder: Path, *more: str) -> dict[str, Outcome]:
    sets = ["run.shard_dialogs=5", "plan.max_voices=40", *more]
    run: Run = prepare(recipes.compose("quickstart", "local", ["bank"], 6, None, 5, sets), folder / "out")
    return {job.shard.name: run_group(job, "write", lambda _: None) for job in run.jobs}


def asked(folder: Path, *more: str) -> dict[str, Outcome]:
    return remote.write(remote.prepared(folder, *more, dialogs=6))


@pytest.mark.parametrize("write", [embedded, asked])
def test_a_dialogue_that_holds_a_text_of_an_evaluation_set_is_written_again(tmp_path: Path, write) -> None:
    before = remote.transcripts(write(tmp_path))
    taken = max((t for d in before.values() for t in d.turns if not t.marks), key=lambda t: len(t.words))
    assert len(taken.words) > 12
    (tmp_path / "bench.txt").write_text(taken.text)
    outcomes = write(tmp_path, f"write.decontamination.files=['{tmp_path / 'bench.txt'}']")
    assert sum(o.gates.get("contaminated", 0) for o in outcomes.values()) >= 1
    assert any("as bench.txt does" in o.examples.get("contaminated", "") for o in outcomes.values())
    after = remote.transcripts(outcomes)
    assert after
    assert all(taken.text not in turn.text for dialog in after.values() for turn in dialog.turns)
