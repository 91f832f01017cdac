"""A corpus that grows: only what is new is made, whatever of the work was removed, and the version before stays."""

import json
from pathlib import Path

import pytest

from datagen import recipes
from datagen.errors import UserError
from datagen.load.builds import open_build, versions
from datagen.run.growth import grown
from datagen.run.request import prepare
from datagen.store.ledger import Ledger
from tests.conftest import SMALL, datagen, inside, tree


def test_an_emptied_artefact_keeps_its_record_and_comes_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.make("speech", "train-00000", "k" * 64) as draft:
        draft.path("a.wav").write_bytes(b"sound")
        draft.note = {"n": 1}
    made = ledger.find("speech", "train-00000", "k" * 64)
    assert made is not None
    assert ledger.emptied("speech", "train-00000", "k" * 64) is None
    ledger.empty(made.folder)
    ledger.empty(made.folder)
    assert [p.name for p in made.folder.iterdir()] == ["done.json"]
    assert ledger.find("speech", "train-00000", "k" * 64) is None
    assert Ledger(tmp_path).emptied("speech", "train-00000", "k" * 64) == made
    assert ledger.emptied("speech", "train-00000", "other") is None
    with ledger.make("speech", "train-00000", "k" * 64) as draft:
        draft.path("a.wav").write_bytes(b"sound")
        draft.note = {"n": 1}
    assert Ledger(tmp_path).find("speech", "train-00000", "k" * 64) == made
    assert not list(tmp_path.rglob(".tmp-*"))


def test_hours_and_dialogs_are_added_to_what_is_published(built: Path) -> None:
    sets = ("run.shard_dialogs=3", "plan.max_voices=40")
    recipe = recipes.compose(domain_names=["bank", "restaurant"], dialogs=100, seed=5, sets=sets)
    run = prepare(recipe, built)
    assert grown(run, None, 4).n_dialogs == 12
    assert grown(run, 2 * run.build.planner.mean_s() / 3600).n_dialogs == 10
    assert grown(prepare(recipe, built / "none"), None, 4).n_dialogs == 4
    with pytest.raises(UserError, match="of another plan"):
        grown(prepare(recipe.model_copy(update={"seed": 6}), built), None, 4)
    with pytest.raises(UserError, match="--add-hours: has to be above 0"):
        grown(run, float("nan"))


@pytest.mark.parametrize("more", [("--add-hours", "1"), ("--dialogs", "5"), ("--hours", "1")])
def test_only_one_way_to_say_how_many(tmp_path: Path, more: tuple[str, str]) -> None:
    ran = inside("build", "--add-dialogs", "3", *more, "--out", tmp_path / "out")
    assert ran.code == 1
    assert "exclude each other: give one" in ran.err


@pytest.mark.slow
def test_growing_makes_what_is_new_alone_and_keeps_the_version_before(tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / "work"

    def add(n: int) -> int:
        where = ("--out", out, "--json", "--set", f"run.work_dir={work}", "--set", "run.keep_work=false")
        ran = datagen(*SMALL[:3], *SMALL[5:], "--workers", "1", "--add-dialogs", str(n), *where, timeout_s=600)
        assert ran.code == 0, ran.err
        return int(json.loads(ran.out)["planned"])

    assert add(3) == 3
    before = tree(out)
    assert not [name for name in before if name.startswith((".work", "versions"))]
    [mine] = work.iterdir()
    spoken = {p: (p / "done.json").stat().st_mtime_ns for p in (mine / "speech").iterdir()}
    assert all([f.name for f in p.iterdir()] == ["done.json"] for p in spoken)
    rendered = {p: p.stat().st_mtime_ns for p in (mine / "render").iterdir()}
    first = open_build(out)

    assert add(1) == 4
    assert spoken == {p: (p / "done.json").stat().st_mtime_ns for p in spoken}
    assert rendered == {p: p.stat().st_mtime_ns for p in rendered}
    newest = open_build(out)
    assert newest.summary.counts.total.planned == 4
    assert all(
        newest.summary.files[n] == e for n, e in first.summary.files.items() if n.startswith(("tokens/", "audio/"))
    )
    assert versions(newest) == [first.summary.id, newest.summary.id]
    old = ("check", out, "--version", first.summary.id[:8])
    assert [inside(*c).out for c in (old, ("check", out))] == [f"{out}: ok\n"] * 2
    kept = open_build(out, version=first.summary.id)
    assert {n: kept.read(n) for n in first.summary.files} == {n: before[n] for n in first.summary.files}
    assert "1 dialogues more" in inside("log", out).out
