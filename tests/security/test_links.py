"""Links in an output folder, laid there by whoever handed it on: nothing is written, emptied or removed where they lead."""

from pathlib import Path

import pytest

from datagen import recipes
from datagen.errors import UserError
from datagen.run.request import prepare
from datagen.store.lock import only_builder
from tests.conftest import tree

SETS = ("run.shard_dialogs=3", "plan.max_voices=40")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder that is not the build's, with files of names that a build removes as its own."""
    for name in ("mine.txt", "old.parquet", "a.flac", "build.json", ".tmp-mine", "artefact-0123/done.json"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    return tmp_path / "mine"


def prepared(out: Path) -> None:
    prepare(recipes.compose("quickstart", domain_names=["bank"], dialogs=4, seed=5, sets=SETS), out)


@pytest.mark.parametrize(
    "name", ["tokens", "manifests", "audio", "report", ".work", ".work/write", ".work/speech", ".work/replies", ".tmp-x", "README.md"]
)  # fmt: skip
def test_a_link_in_an_output_is_refused(tmp_path: Path, mine: Path, name: str) -> None:
    out, before = tmp_path / "out", tree(mine, skip=())
    (out / ".work").mkdir(parents=True)
    if name == ".work":
        (out / ".work").rmdir()
        (out / ".work").symlink_to(mine)
    else:
        (out / name).symlink_to(mine if "." not in name[1:] else mine / "mine.txt")
    with pytest.raises(
        UserError, match=r"is a link\. A build writes and removes files there, which would be in .*mine"
    ):
        prepared(out)
    assert tree(mine, skip=()) == before


def test_an_output_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    prepared(tmp_path / "out")


@pytest.mark.parametrize("name", ["write", "speech", "replies", "lock"])
def test_a_link_in_a_work_folder_is_refused(tmp_path: Path, mine: Path, name: str) -> None:
    """A work folder may lie anywhere. What its groups hold and the plan does not need is removed."""
    before = tree(mine, skip=())
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / name).symlink_to(mine)
    with pytest.raises(UserError, match="is a link"), only_builder(tmp_path / "work"):
        pass
    assert tree(mine, skip=()) == before


def test_the_lock_is_never_somebody_elses_file(tmp_path: Path, mine: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "lock").symlink_to(mine / "mine.txt")
    with pytest.raises(UserError, match="is a link"), only_builder(tmp_path / "work"):
        pass
    assert (mine / "mine.txt").read_text() == "mine"
