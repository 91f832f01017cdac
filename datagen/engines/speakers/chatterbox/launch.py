"""Starts a worker process, or finds the one that runs: one a device and model for all processes of a user on this machine.

The first that needs it starts it under a lock, and the others connect to its socket. A keeper ends it with the process that
started it, however that ends; whoever still needs it then starts the next.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from datagen.engines.own_env import keeper
from datagen.engines.own_env.environments import Environment
from datagen.engines.speakers.chatterbox import wire, worker
from datagen.errors import EngineError
from datagen.store.files import disk

POLL_S = 0.1
STOP_S = 5.0
LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system takes (Linux: 107)."""
_LOG_TAIL_BYTES = 16_384


class Place:
    """Where a worker of these settings is met: its socket, its log, and the lock of whoever starts it."""

    def __init__(self, environment: Environment, settings: Mapping[str, Any]) -> None:
        said = json.dumps([str(environment.folder), settings, _code()], sort_keys=True)
        name = hashlib.sha256(said.encode()).hexdigest()[:16]
        folder = _meeting_place(len(name) + 6)
        self.socket, self.log, self.lock = (folder / f"{name}.{end}" for end in ("sock", "log", "lock"))

    def last_words(self) -> str:
        """The last line that a worker left, 300 characters at most."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _LOG_TAIL_BYTES))
                lines = [" ".join(line.split()) for line in file.read().decode(errors="replace").splitlines()]
        except OSError:
            return ""
        return next((line[:300].rstrip(".") for line in reversed(lines) if line), "")


@cache
def _code() -> str:
    """SHA-256 of what runs in a worker: one that was started by another version of it is another worker."""
    room = Path(__file__).parent
    files = [room / "worker.py", room / "wire.py", *sorted((room / "model").glob("*.py"))]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _meeting_place(n_name: int) -> Path:
    name = f"datagen-{os.getuid()}"
    folder = Path(tempfile.gettempdir()) / name
    if len(os.fsencode(folder)) + n_name > LONGEST_SOCKET:
        folder = Path("/tmp") / name
    with disk(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise EngineError(f"{folder}: is a link, or belongs to another user. Set TMPDIR to a folder of your own.")
        folder.chmod(0o700)
    return folder


def connected(
    environment: Environment, settings: Mapping[str, Any], start_timeout_s: float
) -> tuple[socket.socket, int]:
    """A connection to the worker of these settings, started if none is there, and its process id.

    An EngineError says in a line why it does not start, or does not within `start_timeout_s`.
    """
    place = Place(environment, settings)
    end = time.monotonic() + start_timeout_s
    with _only_starter(place, end, start_timeout_s):
        if (found := _connect(place)) is not None:
            return found
        process = _start(environment, settings, place)
        while time.monotonic() < end:
            if (found := _connect(place)) is not None:
                return found
            if (code := process.poll()) is not None:
                raise EngineError(f"speaker chatterbox: {_why_ended(place, code)} Its log: {place.log}")
            time.sleep(POLL_S)
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise EngineError(
            f"speaker chatterbox: its worker was not ready after start_timeout_s = {start_timeout_s:g} s "
            f"(the last it said: {place.last_words() or 'nothing'}). Its log: {place.log}"
        )


def _why_ended(place: Place, code: int) -> str:
    said = place.last_words()
    if code == worker.BAD_START:
        return f"{said}."
    if code > 128:
        name = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else str(code - 128)
        more = " (out of memory?)" if code - 128 == signal.SIGKILL else ""
        return f"its worker was killed by {name}{more} at its start."
    return f"its worker ended at its start: {said or f'exit code {code}'}."


@contextlib.contextmanager
def _only_starter(place: Place, end: float, limit_s: float) -> Iterator[None]:
    """Holds the lock of a worker's start; whoever waits for it finds the worker ready."""
    handle = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise EngineError(
                        f"speaker chatterbox: another process has been starting its worker for {limit_s:g} s. See {place.log}"
                    ) from None
                time.sleep(POLL_S)
        yield
    finally:
        os.close(handle)


def _connect(place: Place) -> tuple[socket.socket, int] | None:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(10)
        link.connect(str(place.socket))
        hello, _ = wire.receive(link)
        return link, int(hello["hello"]["pid"])
    except (OSError, wire.Broken, KeyError, TypeError, ValueError):
        link.close()
        return None


def _sweep(folder: Path) -> None:
    """Removes the sockets of workers that are gone; those whose lock is held are being started."""
    for left in folder.glob("*.sock"):
        handle = os.open(left.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.connect(str(left))
        except BlockingIOError:
            pass
        except (ConnectionRefusedError, FileNotFoundError):
            left.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _start(environment: Environment, settings: Mapping[str, Any], place: Place) -> "subprocess.Popen[bytes]":
    _sweep(place.socket.parent)
    place.log.write_bytes(b"")
    place.socket.unlink(missing_ok=True)
    package = str(Path(__file__).resolve().parents[3])
    told = json.dumps({**settings, "datagen": package, "socket": str(place.socket)})
    command = [str(environment.python), "-I", "-u", str(Path(worker.__file__).resolve()), told]
    return subprocess.Popen(
        [sys.executable, "-I", keeper.__file__, str(os.getpid()), str(STOP_S), str(place.log), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
