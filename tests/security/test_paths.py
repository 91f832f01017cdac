"""Names that lead elsewhere: in records, manifests, recipes and flags. Nothing outside of the folders named is read or written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import outputs
import polars as pl
import pytest

from datagen import recipes
from datagen.errors import DataError, DatagenError, UserError
from datagen.load.builds import open_build
from datagen.load.local_files import LocalFiles
from datagen.report.corpus import open_corpus
from datagen.run.deliver import history, summary_in
from datagen.store.place import LocalPlace
from tests.conftest import inside, tree

OUTSIDE = ("../secret", "../../etc/passwd", "/etc/passwd", "audio/../../secret", "a\0b", "", ".", "audio//x", "./x")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    outputs.make(tmp_path / "out", n_dialogs=3, audio=False)
    (tmp_path / "secret").write_text("mine")
    return tmp_path / "out"


def _edit(out: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((out / "build.json").read_text())
    change(record)
    (out / "build.json").write_text(json.dumps(record))


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest_that_names_a_file_elsewhere(out: Path, name: str) -> None:
    path = out / "manifests" / "dialogs.parquet"
    pl.read_parquet(path).with_columns(
        pl.lit(name).alias("audio_path"), pl.lit(f"../{name}").alias("shard")
    ).write_parquet(path)
    corpus = open_corpus(out)
    first = corpus.dialogs.row(0, named=True)
    if name:  # none is kept, where it is empty
        with pytest.raises(DataError, match="leads out of its folder"):
            corpus.audio(first)
    before = tree(out.parent, skip=())
    for arguments in (
        ["show", out, "bank-000000", "--wav", out.parent / "a.wav"],
        ["show", out, "bank-000000", "--decode", out.parent / "b.wav"],
    ):
        assert inside(*arguments).code in (1, 3)
    assert tree(out.parent, skip=()) == before


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_build_at_a_url_writes_only_into_its_temporary_folder(out: Path, tmp_path: Path, name: str) -> None:
    memory = fsspec.filesystem("memory")
    try:
        memory.put(str(out), "/hostile", recursive=True)
        memory.pipe("/secret", b"owned")
        files = LocalFiles(open_build("memory://hostile"))
        before = tree(tmp_path, skip=())
        with pytest.raises(DataError):
            files.path(name)
        files.close()
        assert tree(tmp_path, skip=()) == before
    finally:
        memory.rm("/hostile", recursive=True)
        memory.rm("/secret")


@pytest.mark.parametrize("version", ["../../mine", "/tmp/x", "..", "", "a" * 65, "0123456789abcdef/../../x", "\x1b[2J"])
def test_a_version_that_is_called_so_is_none(out: Path, version: str) -> None:
    """A publisher writes versions/ID.json of the version that it finds."""
    _edit(out, lambda r: r.update(id=version))
    assert summary_in(LocalPlace(out)) is None
    with pytest.raises(DataError, match="is not the record of a build"):
        open_build(out)
    (out / "versions").mkdir()
    (out / "versions" / "history.json").write_text(json.dumps({"versions": [version, "0123456789abcdef"]}))
    assert history(LocalPlace(out)) == ["0123456789abcdef"]


def test_a_record_whose_files_lead_elsewhere_is_none(out: Path) -> None:
    _edit(out, lambda r: r["files"].update({"../secret": {"sha256": "0" * 64, "bytes": 4}}))
    assert summary_in(LocalPlace(out)) is None


def test_a_checksum_is_no_path(out: Path) -> None:
    (out.parent / "evil").write_text("evil")
    _edit(out, lambda r: r["files"]["README.md"].update(sha256="../../../evil"))
    build = open_build(out)
    assert build.place("README.md") == "README.md"
    assert build.read("README.md") != b"evil"


@pytest.mark.parametrize("name", ["../bank", "/etc", "bank/../../x", "..", "b\0nk"])
def test_domains_are_called_by_what_there_is(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        recipes.compose(domain_names=[name], dialogs=1)
    before = tree(tmp_path, skip=())
    assert inside("domains", "new", name, "--into", tmp_path / "new").code == 1
    assert tree(tmp_path, skip=()) == before


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "..", ".hidden", "x" * 100, "a\nb", ""])
def test_a_recipe_s_name_is_a_folder_s(name: str, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(f"name = {json.dumps(name)}\ndialogs = 1\n")
    with pytest.raises(UserError, match="name"):
        recipes.compose(str(path))


@pytest.mark.parametrize("kind", ["profile", "recipe"])
def test_profiles_and_recipes_by_name_are_the_package_s(kind: str) -> None:
    for name in ("../../../etc/passwd", "/etc/passwd", "..", "quickstart/../../x"):
        with pytest.raises(DatagenError):
            recipes.compose(**({"profile": name} if kind == "profile" else {"name": name}))  # type: ignore[arg-type]
