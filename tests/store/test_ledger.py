"""The ledger: done is done, damaged is made again, unfinished leaves nothing."""

import json
from pathlib import Path

import pytest

from datagen.store.files import TEMPORARY, remove_temporary
from datagen.store.ledger import Artefact, Ledger


def made(ledger: Ledger, key: str = "k" * 32, text: str = "hello") -> Artefact:
    with ledger.make("write", "train-00000", key) as draft:
        draft.path("a.txt").write_text(text)
        draft.note = {"n": 1}
    found = ledger.find("write", "train-00000", key)
    assert found is not None
    return found


def test_a_finished_artefact_is_found_with_its_note(tmp_path: Path) -> None:
    found = made(Ledger(tmp_path))
    assert found.path("a.txt").read_text() == "hello"
    assert found.note == {"n": 1}


def test_content_depends_on_bytes_and_note_not_on_the_key(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    one, same, other = made(ledger, "1" * 32), made(ledger, "2" * 32), made(ledger, "3" * 32, "hullo")
    assert one.content == same.content != other.content


def test_another_key_is_not_found(tmp_path: Path) -> None:
    made(Ledger(tmp_path))
    assert Ledger(tmp_path).find("write", "train-00000", "x" * 32) is None


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "record"])
def test_a_damaged_artefact_is_removed_and_not_found(tmp_path: Path, damage: str) -> None:
    ledger = Ledger(tmp_path)
    found = made(ledger)
    file = found.path("a.txt")
    if damage == "truncate":
        file.write_text("hell")
    elif damage == "flip":
        file.write_text("hellO")
    elif damage == "delete":
        file.unlink()
    else:
        found.path("done.json").write_text('{"key": ')
    assert Ledger(tmp_path).find("write", "train-00000", "k" * 32) is None  # as another process sees it
    assert not found.folder.exists()


def test_what_a_process_made_it_does_not_read_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    found = made(ledger)
    found.path("a.txt").unlink()
    assert ledger.find("write", "train-00000", "k" * 32) is not None
    assert Ledger(tmp_path).find("write", "train-00000", "k" * 32) is None


def test_a_failed_draft_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(RuntimeError), ledger.make("write", "train-00000", "k" * 32) as draft:
        draft.path("a.txt").write_text("half")
        raise RuntimeError
    assert not list(tmp_path.rglob("*.txt"))
    assert ledger.find("write", "train-00000", "k" * 32) is None


def test_two_makers_of_one_artefact_do_not_meet(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.make("write", "s", "k" * 32) as first, ledger.make("write", "s", "k" * 32) as second:
        first.path("a").write_text("same")
        second.path("a").write_text("same")
    assert ledger.find("write", "s", "k" * 32) is not None
    assert not list(tmp_path.rglob(f"{TEMPORARY}*"))


def test_what_killed_runs_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "write" / f"{TEMPORARY}train-00000-1-1"
    left.mkdir(parents=True)
    (left / "a.txt").write_text("half")
    remove_temporary(tmp_path)
    assert not left.exists()


def test_keep_only_removes_what_no_plan_uses(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    old, new = made(ledger, "1" * 32), made(ledger, "2" * 32)
    ledger.keep_only("write", {new.folder})
    assert new.folder.exists()
    assert not old.folder.exists()


def test_the_record_is_json_with_the_checksum_of_every_file(tmp_path: Path) -> None:
    done = json.loads(made(Ledger(tmp_path)).path("done.json").read_bytes())
    assert set(done["files"]) == {"a.txt"}


@pytest.mark.parametrize("change", ["note", "content", "files", "not JSON", "deep", "list"])
def test_a_record_that_was_tampered_with_is_no_artefact(tmp_path: Path, change: str) -> None:
    ledger = Ledger(tmp_path)
    with ledger.make("write", "train-00000", "k" * 32) as draft:
        draft.path("a").write_text("text")
        draft.note = {"n_in": 1}
    path = ledger.folder("write", "train-00000", "k" * 32) / "done.json"
    done = json.loads(path.read_text())
    values = {
        "note": {**done, "note": {"n_in": 2}},
        "content": {**done, "content": "x"},
        "files": {**done, "files": {}},
    }
    raw = {"not JSON": "{", "deep": "[" * 200_000, "list": "[]"}
    path.write_text(raw[change] if change in raw else json.dumps(values[change]))
    assert ledger.find("write", "train-00000", "k" * 32) is None
    assert not path.exists()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_stands_where_an_artefact_belongs_makes_way(tmp_path: Path, kind: str) -> None:
    ledger = Ledger(tmp_path / "work")
    place = ledger.folder("write", "train-00000", "k" * 32)
    place.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    place.write_text("foreign") if kind == "file" else place.symlink_to(tmp_path / "elsewhere")
    assert ledger.find("write", "train-00000", "k" * 32) is None
    with ledger.make("write", "train-00000", "k" * 32) as draft:
        draft.path("a").write_text("text")
    assert ledger.find("write", "train-00000", "k" * 32) is not None
    assert (tmp_path / "elsewhere").is_dir()
