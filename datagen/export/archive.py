"""Tar files and their members as bytes. Writing is deterministic: the same members in the same order give the same file."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.audio.files import write_flac
from datagen.records.speech import Audio


class Archive:
    """A tar file that grows member by member, in the order of `add`. No times, owners or machine's own modes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - closed by __exit__
        self.n_members = 0

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def add(self, name: str, data: bytes) -> None:
        """Appends a file `name` that holds `data`."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        self._tar.addfile(member, io.BytesIO(data))
        self.n_members += 1


@contextmanager
def gzipped(path: Path) -> Iterator[gzip.GzipFile]:
    """A gzip file to write to, without the time and the name that gzip would put into its head."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
        yield packed


def flac_bytes(audio: Audio) -> bytes:
    """Audio at 24 kHz, float32 [n_samples] or [n_channels, n_samples], as a 16-bit FLAC; a DataError for no samples."""
    write_flac(buffer := io.BytesIO(), audio)
    return buffer.getvalue()


def npy_bytes(array: NDArray[Any]) -> bytes:
    """The array as an .npy file, in C order."""
    np.save(buffer := io.BytesIO(), np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def json_line(value: Any) -> bytes:
    """The value as one line of JSON in UTF-8, its keys in the order given; NaN and infinity, which JSON lacks, are a bug."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode()
