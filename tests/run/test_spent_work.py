"""Speech in the work folder, where work is not kept: gone once its shard is rendered, and never made a second time."""

from pathlib import Path

import pytest

from datagen import recipes
from datagen.run.bench_scale import of_size
from datagen.run.job import Outcome, ledger_of, run_shard
from datagen.run.request import Run, prepare
from datagen.store.ledger import DONE


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = prepare(of_size(recipes.compose("quickstart", dialogs=8)), tmp_path / "out")
    run.work.mkdir(parents=True)
    return run


def carried_out(run: Run) -> list[Outcome]:
    return [outcome for job in run.jobs for outcome in run_shard(job, lambda step: None)]


def speech_files(outcomes: list[Outcome]) -> set[str]:
    return {p.name for o in outcomes if o.group == "speech" for p in Path(o.folder).iterdir()}


def test_speech_goes_as_its_shard_is_rendered_and_is_not_spoken_again(run: Run) -> None:
    first = carried_out(run)
    assert speech_files(first) == {DONE}
    again = carried_out(run)
    assert not any(outcome.made for outcome in again)
    assert [(o.group, o.n_kept, o.rejects) for o in again] == [(o.group, o.n_kept, o.rejects) for o in first]


def test_what_a_kill_left_of_emptied_speech_goes_the_next_time(run: Run) -> None:
    folder = next(Path(o.folder) for o in carried_out(run) if o.group == "speech")
    (folder / "samples.pcm").write_bytes(b"left by a kill")
    assert speech_files(carried_out(run)) == {DONE}


def test_speech_is_made_again_where_what_was_rendered_of_it_is_gone(run: Run) -> None:
    first = carried_out(run)
    rendered = next(Path(o.folder) for o in first if o.group == "render")
    before = (rendered / "tokens.parquet").read_bytes()
    (rendered / "tokens.parquet").write_bytes(b"torn")
    ledger_of.cache_clear()  # as in a new process, which trusts nothing
    again = carried_out(run)
    assert {o.group for o in again if o.made} == {"speech", "render"}
    assert (rendered / "tokens.parquet").read_bytes() == before
