"""Atomic files: written beside their name and renamed, so a reader sees all of a file or none of it."""

import contextlib
import errno
import itertools
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datagen.errors import DataError, UserError
from datagen.records.build import FileEntry
from datagen.store.ids import file_digest

TEMPORARY = ".tmp-"
"""How the names of unfinished files and folders begin; a start removes what a killed run left."""

_counter = itertools.count()
_PROCESS = secrets.token_hex(4)
"""Two machines, or two containers, that share a folder have processes of the same number."""


@contextlib.contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turns the disk's own refusals (full, read-only, not permitted) into one line that names the path."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"{path}: the disk is full ({_free(path)}). Free some, then run the same command: it goes on."
            ) from error
        if error.errno in (errno.EIO, errno.ESTALE, errno.ENXIO):
            raise UserError(
                f"{path}: the disk itself failed ({os.strerror(error.errno)}). Look after it, then run the same command: it goes on."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):  # ENOENT: what /proc says to a mkdir
            raise UserError(
                f"{path}: cannot be written ({os.strerror(error.errno)}). Choose another folder with --out."
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{str(path)[:80]}…: the name is too long. Choose another folder with --out.") from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
            raise UserError(
                f"{path}: {os.strerror(error.errno)}; a folder is needed here. Choose another with --out."
            ) from error
        raise


def _free(path: Path) -> str:
    here = next((p for p in (path, *path.parents) if p.exists()), Path("/"))
    return f"{shutil.disk_usage(here).free / 1e6:.1f} MB free"


def temporary(path: Path) -> Path:
    """A name beside `path` that no other process or call uses."""
    return path.parent / f"{TEMPORARY}{path.name}-{os.getpid()}-{_PROCESS}-{next(_counter)}"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` when the block ends well, and vanishes when it does not."""
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not (
            path.is_file() or path.is_dir()
        ):  # a rename would put a file in the place of /dev/null
            raise UserError(f"{path}: is no regular file (a device, a pipe), and is left alone. Name another.")
    beside = temporary(path)
    try:
        with disk(path):
            yield beside
            os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    with atomic(path) as beside:
        beside.write_bytes(data)


def append_line(path: Path, line: bytes) -> None:
    """Adds a line to a file, in one write: a kill or a full disk leaves whole lines, but for the last, which the next one ends."""
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b", buffering=0) as file:
            torn = False
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
            data = b"\n" * torn + line + b"\n"
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_json(path: Path, value: Any) -> None:
    """Writes `as_json`."""
    write_bytes(path, as_json(value))


def as_json(value: Any) -> bytes:
    """JSON with sorted keys and an end of line: the same value, the same bytes."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """A JSON file's value; DataError where it is not there or is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}).") from None


def file_entry(path: Path) -> FileEntry:
    """What build.json and export.json hold of a file: its SHA-256 and its size."""
    return FileEntry(file_digest(path), path.stat().st_size)


def link_or_copy(source: Path, target: Path) -> None:
    """`target` with the bytes of `source`: a hard link where the file system has them, else a copy."""
    with atomic(target) as beside:
        try:
            os.link(source, beside)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS):
                raise
            shutil.copyfile(source, beside)


def remove_temporary(folder: Path) -> None:
    """Removes what killed runs left below `folder`, as far as it may. Only for the holder of the folder's lock."""
    for left in sorted(folder.rglob(f"{TEMPORARY}*")):
        with contextlib.suppress(OSError):
            remove(left)


def remove(path: Path) -> None:
    """Removes what is there: a folder with all in it, or whatever else somebody put there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
