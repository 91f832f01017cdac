"""Reading from somewhere that may not answer: every call has a time limit, some tries, and one line when they are used up.

The limit stands around fsspec rather than in its options, since each of its file systems names and obeys its own.
"""

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Generic, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from datagen.errors import DatagenError, EngineError, UserError, one_line

T = TypeVar("T")

TIMEOUT_S = 60.0
TRIES = 3
WAIT_S = 0.5
"""Before the second try; twice that before the third."""


def file_system(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """fsspec's file system of `url` and the path in it; UserError for an unknown protocol, EngineError for a missing package.

    fsspec keeps its file systems a process: one that was made before a fork is not used after it.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise EngineError(f"{url}: {one_line(error)}. {_install(url)}") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{url}: no file system reads this ({one_line(error)}).") from None
    except Exception as error:  # some connect, or open an archive, as they are made
        raise EngineError(
            f"{url}: cannot be opened ({type(error).__name__}: {one_line(error)}). Is the address right?"
        ) from None
    return fs, path.rstrip("/")


def _install(url: str) -> str:
    package = {
        "http": "fsspec[http]", "https": "fsspec[http]", "hf": "huggingface_hub", "s3": "datagen[s3]", "gs": "datagen[gs]",
        "gcs": "datagen[gs]", "az": "datagen[az]", "abfs": "datagen[az]", "abfss": "datagen[az]",
    }  # fmt: skip
    return f'Install it: pip install "{package.get(url.partition("://")[0], "fsspec[full]")}"'


def is_remote(fs: Any) -> bool:
    return not isinstance(fs, LocalFileSystem | MemoryFileSystem)


def answer(what: str, call: Callable[[], T], timeout_s: float, tries: int = TRIES, verb: str = "readable") -> T:
    """What `call` returns, within `timeout_s` a try; EngineError where it does not answer or fails `tries` times.

    FileNotFoundError and errors of the project's own go through at once.
    """
    why = ""
    for attempt in range(tries):
        found = _within(call, timeout_s)
        if isinstance(found, _Answer):
            return found.value
        if isinstance(found, FileNotFoundError | DatagenError):
            raise found
        why = f"no answer within {timeout_s:g} s" if found is None else f"{type(found).__name__}: {one_line(found)}"
        if attempt + 1 < tries:
            time.sleep(WAIT_S * 2**attempt)
    times = "one try" if tries == 1 else f"{tries} tries"
    raise EngineError(f"{what}: not {verb} in {times} ({why}). Is the address right, and the network up?")


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    value: T


def _within(call: Callable[[], T], timeout_s: float) -> _Answer[T] | Exception | None:
    """The answer, the exception, or None after `timeout_s`: the thread is then left to itself."""
    found: list[_Answer[T] | Exception] = []

    def work() -> None:
        try:
            found.append(_Answer(call()))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return found[0] if found else None


class Patient(io.RawIOBase):
    """A remote file, read-only, of which every read is an `answer`.

    A read that did not come back in time keeps its handle to itself and the next try opens another, so that none of them
    moves the other's place.
    """

    def __init__(self, opener: Callable[[], IO[bytes]], what: str, timeout_s: float) -> None:
        """`opener` opens the file; EngineError where it does not answer, FileNotFoundError where there is none."""
        self._opener, self._what, self._timeout_s = opener, what, timeout_s
        self._at = 0
        self._file: IO[bytes] | None = None
        self._file, self._size = answer(what, self._opened, timeout_s)

    def _opened(self) -> tuple[IO[bytes], int]:
        file = self._opener()
        return file, file.seek(0, 2)

    def read(self, size: int | None = -1, /) -> bytes:
        at, wanted = self._at, self._size - self._at if size is None or size < 0 else size

        def call() -> tuple[IO[bytes], bytes]:
            file, self._file = self._file, None
            file = file or self._opener()
            file.seek(at)
            return file, file.read(wanted)

        self._file, data = answer(self._what, call, self._timeout_s)
        self._at = at + len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()
