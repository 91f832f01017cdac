"""Lines of text files, numbered, and the one line that says what is wrong with one of them."""

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from datagen.errors import UserError

MAX_LINE_BYTES = 1_000_000
"""No line of a turn-time file comes near it; what does is another kind of file."""
MAX_S = 1e7
"""A time above this (115 days) is no time in a recording."""


def fault(path: Path, number: int, text: str, what: str, fix: str) -> UserError:
    """The error about one line: file, line number, what is wrong, the text, the fix."""
    shown = text if len(text) <= 100 else text[:97] + "..."
    return UserError(f"{path} line {number}: {what}: {shown!r}. {fix}")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of every line that is not blank; UserError where the file is no text."""
    number = 0
    try:
        with _open(path) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise UserError(
                        f"{path} line {number}: is over {MAX_LINE_BYTES:,} bytes long. This is no file of turn times."
                    )
                text = _text(path, number, line)
                if text:
                    yield number, text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not readable as gzip after line {number} ({error}). Compress it anew.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from None


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _text(path: Path, number: int, line: bytes) -> str:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} line {number}: is not UTF-8 text (byte {error.object[error.start]:#04x} at position {error.start}). "
            "Convert it, or check what kind of file it is."
        ) from None
    if "\0" in text:
        raise UserError(f"{path} line {number}: holds NUL bytes: this is no text file.")
    return text


def span(path: Path, number: int, text: str, start: object, duration: object) -> tuple[float, float]:
    """Start and end in seconds of the start and duration in one line; a fault where they are no times."""
    values = []
    for name, given in (("start", start), ("duration", duration)):
        value = _number(given)
        if value is None or not math.isfinite(value):
            raise fault(
                path, number, text, f"the {name} {repr(given)[:40]} is no number", "Times are seconds, e.g. 12.34."
            )
        if value < 0:
            raise fault(
                path, number, text, f"the {name} is {value:g} s, below 0", "Times count from the recording's start."
            )
        if value > MAX_S:
            raise fault(
                path, number, text, f"the {name} is {value:g} s", "Times are seconds, not samples or milliseconds."
            )
        values.append(value)
    return values[0], values[0] + values[1]


def _number(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        return float(given)
    except (ValueError, OverflowError):
        return None
