"""A corpus that grows: only what is new is made, whatever of the work was removed, and the version before stays."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from datagen import recipes
from datagen.build import resolve
from datagen.errors import DataError, UserError
from datagen.load.builds import open_build, versions
from datagen.records.build import BuildSummary
from datagen.records.codec import from_json
from datagen.run.growth import grown
from datagen.run.publish import _hold_sealed
from datagen.run.request import Run, prepare
from datagen.store.files import as_json
from datagen.store.ledger import Ledger
from tests.conftest import SMALL, datagen, inside, tree
from tests.load.made_build import made_build


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


@pytest.fixture
def published(tmp_path: Path) -> Run:
    """A run into a folder that holds a build of its plan, of eight dialogues."""
    run = prepare(
        recipes.compose(domain_names=["bank", "restaurant"], seed=5, sets=("plan.max_voices=40",)), tmp_path / "out"
    )
    made = from_json(BuildSummary, (made_build(run.out) / "build.json").read_bytes())
    before = replace(made, plan_digest=run.build.plan_digest)
    assert before.counts.total.planned == sum(s.n_planned for s in before.shards) == 8
    run.place.write("build.json", as_json(before.to_dict()))
    return replace(run)


def test_hours_and_dialogs_are_added_to_what_is_published(published: Run, tmp_path: Path) -> None:
    assert grown(published, None, 4).n_dialogs == 12
    assert grown(published, 2 * published.build.planner.mean_s() / 3600).n_dialogs == 10
    assert grown(replace(published, out=tmp_path / "none"), None, 4).n_dialogs == 4
    other = resolve(published.build.recipe.model_copy(update={"seed": 6}))
    with pytest.raises(UserError, match="of another plan"):
        grown(replace(published, build=other), None, 4)
    with pytest.raises(UserError, match="--add-hours: has to be above 0"):
        grown(published, float("nan"))


def test_a_sealed_shard_that_came_out_otherwise_is_not_published(published: Run, tmp_path: Path) -> None:
    before = published.published
    assert before is not None
    other = replace(before.shards[1], key="0" * 16)
    now = replace(before, shards=(before.shards[0], other, *before.shards[2:]))
    run = grown(published, None, 4)
    _hold_sealed(run, before)
    _hold_sealed(grown(replace(published, out=tmp_path / "none"), None, 4), now)
    _hold_sealed(run, replace(now, content_id="of other options"))
    with pytest.raises(
        DataError, match=rf"1 of {len(before.shards)} published shards came out otherwise, e.g. {other.name}"
    ):
        _hold_sealed(run, now)


@pytest.mark.parametrize("more", [("--add-hours", "1"), ("--dialogs", "5"), ("--hours", "1")])
def test_only_one_way_to_say_how_many(tmp_path: Path, more: tuple[str, str]) -> None:
    ran = inside("build", "--add-dialogs", "3", *more, "--out", tmp_path / "out")
    assert ran.code == 1
    assert "exclude each other: give one" in ran.err


@pytest.mark.full
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
