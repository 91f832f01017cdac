"""Versions of an output: the old ones stay readable to the letter, at every moment of the next one's publishing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest
from made_versions import Made, four_versions, go, held, place

from datagen.errors import DataError, UserError
from datagen.load.builds import open_build, versions
from datagen.records.build import BuildSummary, FileEntry
from datagen.run import deliver as room
from datagen.run.deliver import history, under_way
from datagen.store.place import LocalPlace, Place
from tests.conftest import inside


class Cut(Exception):
    """The publisher is gone."""


@dataclass
class Until:
    """A place whose publisher is gone after `steps` of its writes."""

    place: Place
    steps: int

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Cut

    def claim(self) -> None:
        self.place.claim()

    def read(self, name: str) -> bytes | None:
        return self.place.read(name)

    def write(self, name: str, data: bytes) -> None:
        self._step()
        self.place.write(name, data)

    def names(self) -> Mapping[str, int]:
        return self.place.names()

    def keep(self, files: Mapping[str, FileEntry]) -> None:
        for name, entry in files.items():
            self._step()
            self.place.keep({name: entry})

    def put(
        self, sources: Mapping[str, Path], entries: Mapping[str, FileEntry], before: Mapping[str, FileEntry]
    ) -> None:
        for name, source in sources.items():
            self._step()
            self.place.put({name: source}, entries, before)

    def remove(self, names: Iterator[str]) -> None:
        for name in names:
            self._step()
            self.place.remove([name])


@pytest.fixture
def made(tmp_path: Path) -> list[Made]:
    return four_versions(tmp_path)


@pytest.fixture(params=["folder", "memory"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "out")
        return
    yield "memory://versions/out"
    fs = fsspec.filesystem("memory")
    if fs.exists("/versions"):
        fs.rm("/versions", recursive=True)


def test_every_version_can_be_read_to_the_letter(out: str, made: list[Made]) -> None:
    for version in made:
        go(place(out), version)
    assert history(place(out)) == [m.summary.id for m in made[:3]]
    newest = open_build(out)
    assert versions(newest) == [m.summary.id for m in made]
    for version in made:
        opened = open_build(out, version=version.summary.id[:3])
        assert opened.summary == version.summary
        assert held(out, opened.summary) == version.data
    assert {n: s for n, s in place(out).names().items() if "/files/" in n or not n.startswith("versions")}.keys() >= {
        *made[3].data, "build.json",
    }  # fmt: skip


def test_a_version_that_comes_back_is_kept_once(out: str, made: list[Made]) -> None:
    for version in (made[0], made[2], made[0]):
        go(place(out), version)
    assert history(place(out)) == [made[2].summary.id]
    assert held(out, made[0].summary) == made[0].data
    assert held(out, made[2].summary) == made[2].data
    kept = [n for n in place(out).names() if "/files/" in n]
    assert len(kept) == 1  # "A", and not what the newest has under its own name


@pytest.mark.parametrize("keep", [0, 1])
def test_only_so_many_are_kept(out: str, made: list[Made], keep: int) -> None:
    for version in made:
        go(place(out), version, keep)
    assert versions(open_build(out)) == [m.summary.id for m in made][3 - keep :]
    assert held(out, made[3].summary) == made[3].data
    if keep:
        assert held(out, made[2].summary) == made[2].data
    else:
        assert not [n for n in place(out).names() if "/files/" in n]
    with pytest.raises(UserError, match=r"version '0000': no version of that id. There are: .*3333"):
        open_build(out, version="0000")


def test_cut_off_anywhere_no_reader_sees_a_mixture_and_the_next_run_mends_it(out: str, made: list[Made]) -> None:
    clean = None
    for steps in range(40):
        if (where := place(out)).names():
            where.remove(list(where.names()))
        go(where, made[1])
        early = open_build(out)  # a training job that began before
        try:
            go(Until(where, steps), made[3])  # type: ignore[arg-type]
        except Cut:
            now = open_build(out)
            assert now.summary.id in (made[1].summary.id, made[3].summary.id)
            assert held(out, now.summary) == (made[1] if now.summary.id == made[1].summary.id else made[3]).data
            assert versions(now)[-1] == now.summary.id
        else:
            clean = steps
        assert held(out, early.summary) == made[1].data, steps
        go(where, made[3])
        assert held(out, made[3].summary) == made[3].data
        assert held(out, made[1].summary) == made[1].data
        assert not under_way(where, made[3].summary)
        assert {n for n in where.names() if not n.startswith("versions/")} == {*made[3].data, "build.json"}
        if clean is not None:
            break
    assert clean is not None
    assert clean >= 8


def test_cut_off_while_the_same_version_is_written_anew_counts_as_under_way(tmp_path: Path, made: list[Made]) -> None:
    where = LocalPlace(tmp_path / "out")
    go(where, made[0])
    with pytest.raises(Cut):
        go(Until(where, 2), made[0])  # type: ignore[arg-type]
    assert under_way(where, made[0].summary)
    go(where, made[0])
    assert not under_way(where, made[0].summary)
    assert sorted(where.names()) == ["build.json", "manifests/m.parquet", "tokens/a.parquet"]


def test_a_damaged_file_is_not_kept_as_the_old_versions(tmp_path: Path, made: list[Made]) -> None:
    where = LocalPlace(tmp_path / "out")
    go(where, made[0])
    (tmp_path / "out" / "manifests" / "m.parquet").write_text("?")
    go(where, made[1])
    with pytest.raises(DataError, match=r"manifests/m.parquet: its SHA-256 is"):
        open_build(tmp_path / "out", version="00").read_verified("manifests/m.parquet")


def test_another_builder_that_published_meanwhile_is_told(
    tmp_path: Path, made: list[Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = LocalPlace(tmp_path / "out")
    go(where, made[0])
    real = room._same_still

    def meanwhile(place: Place, before: BuildSummary | None) -> None:
        (tmp_path / "out" / "build.json").write_bytes(json.dumps(made[2].summary.to_dict()).encode())
        real(place, before)

    monkeypatch.setattr(room, "_same_still", meanwhile)
    with pytest.raises(UserError, match=r"another build has published version 2222222222222222 there meanwhile"):
        go(where, made[1])


def test_the_log_lists_the_versions(tmp_path: Path, made: list[Made]) -> None:
    for version in (made[0], made[2]):
        go(LocalPlace(tmp_path / "out"), version)
    ran = inside("log", tmp_path / "out")
    assert (ran.code, ran.err) == (0, "")
    first, second, advice = ran.out.splitlines()
    assert first.startswith("2222222222222222 (newest)  ")
    assert "the same plan with other options" in first
    assert second.startswith("0000000000000000  ")
    assert "--version 00000000" in advice
    assert [line["version"][0] for line in json.loads(inside("log", tmp_path / "out", "--json").out)] == ["2", "0"]
