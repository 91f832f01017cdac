"""`datagen export` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datagen.export import registry
from tests.conftest import inside
from tests.export.exported import files_of


def test_export_says_what_it_did_and_what_is_lost(built: Path, tmp_path: Path) -> None:
    command = ("export", built, "--to", "nu-dialogue", "--out", tmp_path / "e", "--set", "tokenizer=trying")
    done = inside(*command)
    assert (done.code, done.err) == (0, "")
    first = done.out.splitlines()[0]
    assert first.startswith(f"{tmp_path / 'e'}: ")
    assert " dialogues of quickstart (" in first
    assert "as nu-dialogue: train " in first
    cannot = registry.format_class("nu-dialogue").cannot_hold
    assert [line for line in done.out.splitlines() if line.startswith("cannot hold: ")] == [
        f"cannot hold: {c}" for c in cannot
    ]
    again = inside(*command)
    assert "all of it was there" in again.out
    told = json.loads(inside(*command, "--json").out)
    assert (told["made"], told["complete"], told["cannot_hold"]) == (0, True, list(cannot))
    assert told["counts"]["agent_tokens"] > 0


def test_list_names_every_format_and_its_limits() -> None:
    done = inside("export", "--list")
    assert done.code == 0
    found = json.loads(inside("export", "--list", "--json").out)
    assert [f["name"] for f in found] == registry.names()
    for entry in found:
        assert f"{entry['name']}: {entry['summary']}\n" in done.out
        assert entry["cannot_hold"]
        assert all(f"  cannot hold: {line}\n" in done.out for line in entry["cannot_hold"])
        assert all(option["meaning"] for option in entry["options"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 1, "OUT, a build is missing"),
        (("OUT",), 1, "--to FORMAT is missing"),
        (("OUT", "--to", "prepared"), 1, "--out DIR is missing"),
        (("OUT", "--to", "nudialogue", "--out", "D"), 1, "there is no such format. There are: nu-dialogue, "),
        (
            ("OUT", "--to", "prepared", "--out", "D", "--set", "tokeniser=x"),
            1,
            "prepared.tokeniser: there is no such key",
        ),
        (("OUT", "--to", "nu-dialogue", "--out", "D", "--set", "tokeniser=x"), 1, "Did you mean tokenizer?"),
        (("OUT", "--to", "nu-dialogue", "--out", "D", "--set", "tokenizer"), 1, "write key=value"),
        (("OUT", "--to", "nu-dialogue", "--out", "D", "--set", "file_dialogs=0"), 1, "nu-dialogue.file_dialogs"),
        (("OUT", "--to", "nu-dialogue", "--out", "D", "--set", "tokenizer=nowhere.model"), 1, "nowhere.model"),
        (("OUT", "--to", "prepared", "--out", "D", "--split", "dev"), 1, "--split dev: "),
        (("/nowhere/build", "--to", "prepared", "--out", "D"), 1, "/nowhere/build: is no build"),
        (("memory://nowhere", "--to", "prepared", "--out", "D"), 1, "memory://nowhere"),
        (
            ("OUT", "--to", "prepared", "--out", "s3://b/e"),
            1,
            "--out s3://b/e: an export is written into a local folder",
        ),
        (("OUT", "--to", "prepared", "--out", "OUT"), 1, "lies in the build"),
    ],
)
def test_a_mistake_is_one_line(built: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    places = {"OUT": str(built), "D": str(tmp_path / "e")}
    done = inside("export", *(places.get(a, a) for a in arguments))
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "e").exists()


def test_no_room_of_models_is_loaded() -> None:
    modules = ", ".join(e.target.partition(":")[0] for e in registry.ENTRIES)
    script = f"import sys, datagen.cli.export, {modules}; print([m for m in ('torch', 'transformers', 'prefect') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = inside("export", "--help")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_build_at_a_url_is_exported_the_same(built: Path, tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(built), "/corpora/small", recursive=True)
    try:
        for out, folder in ((built, "a"), ("memory://corpora/small", "b")):
            done = inside("export", out, "--to", "prepared", "--out", tmp_path / folder, "--split", "valid")
            assert done.code == 0, done.err
        assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    finally:
        memory.rm("/corpora", recursive=True)
