"""The index of near-duplicates in a work folder, whatever is found there."""

from pathlib import Path

import pytest

from datagen import recipes
from datagen.run import near
from datagen.run.meter import Meter
from datagen.run.request import prepare


@pytest.mark.parametrize("there", ["near", "near/bands.npy/inside", "near/signatures.u32/inside"])
def test_what_was_never_finished_or_is_somebody_elses_makes_room(tmp_path: Path, there: str) -> None:
    run = prepare(recipes.compose(dialogs=4), tmp_path / "out")
    path = run.work / there
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert near.near_duplicates(run, [], Meter(lambda _: None)) == []
    assert sorted(p.name for p in (run.work / "near").iterdir()) == [
        "bands.npy", "losers.npy", "signatures.u32", "state.json",
    ]  # fmt: skip
