"""One builder a folder, atomic files, and the disk's refusals as one line."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from datagen.errors import DataError, UserError
from datagen.store.files import append_line, atomic, disk, link_or_copy, read_json, write_bytes, write_json
from datagen.store.lock import only_builder


def test_a_second_builder_is_told_which_process_has_the_folder(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from datagen.store.lock import only_builder; from datagen.errors import UserError\n"
        "try:\n    with only_builder(Path(sys.argv[1])): print('in')\nexcept UserError as e: print(e)"
    )
    with only_builder(tmp_path / ".work"):
        said = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / ".work")], capture_output=True, text=True, check=True
        ).stdout
    assert f"process {os.getpid()}" in said
    assert "--out" in said
    with only_builder(tmp_path / ".work"):
        assert (tmp_path / ".work" / "lock").read_text().strip() == str(os.getpid())


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic(tmp_path / "a") as beside:
        beside.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "cannot be written"),
        (errno.EROFS, "cannot be written"),
        (errno.EIO, "the disk itself failed"),
    ],
)
def test_the_disks_refusal_is_one_line_with_the_path(tmp_path: Path, number: int, word: str) -> None:
    with pytest.raises(UserError, match=word) as caught, disk(tmp_path / "x"):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path / "x") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: is no regular file"):
        write_bytes(pipe, b"data")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_json_comes_back_and_foreign_bytes_are_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, "é"]})
    assert read_json(tmp_path / "a.json") == {"b": [1, "é"]}
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not readable as JSON"):
        read_json(tmp_path / "a.json")


def test_a_link_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    link_or_copy(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"


def test_a_line_is_added_whole_after_a_torn_one_and_a_full_disk_says_so(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log"
    append_line(path, b"one")
    append_line(path, b"two")
    path.write_bytes(path.read_bytes()[:-2])
    append_line(path, b"three")
    assert path.read_bytes() == b"one\ntw\nthree\n"
    with pytest.raises(UserError, match="the disk is full"):
        append_line(Path("/dev/full"), b"one")
