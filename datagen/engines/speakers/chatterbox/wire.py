"""Frames between a process that wants speech and the worker that makes it: a JSON object, and float32 samples behind it.

Both sides import this file, so it needs the standard library and numpy alone. A frame is the header's length (4 bytes, little
endian), the header, and as many samples as its `n` says. Nothing that is received is ever executed.
"""

import json
import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frame = tuple[dict[str, Any], NDArray[np.float32]]

_LENGTH = struct.Struct("<I")
_LONGEST_HEADER = 256 * 2**20
_LONGEST_SOUND = 2**31
_NOTHING = np.zeros(0, np.float32)


class Broken(Exception):
    """The other side is gone, or sent what is no frame."""


def send(link: socket.socket, header: dict[str, Any], samples: NDArray[np.float32] = _NOTHING) -> None:
    """Writes one frame; Broken where nobody reads."""
    text = json.dumps({**header, "n": len(samples)}).encode()
    try:
        link.sendall(_LENGTH.pack(len(text)) + text)
        if len(samples):
            link.sendall(np.ascontiguousarray(samples, "<f4").tobytes())
    except OSError as error:
        raise Broken(str(error)) from None


def receive(link: socket.socket) -> Frame:
    """Reads one frame; Broken at the end of the line or where it is none, TimeoutError after the socket's timeout."""
    (length,) = _LENGTH.unpack(_exactly(link, _LENGTH.size))
    if length > _LONGEST_HEADER:
        raise Broken(f"a header of {length} bytes")
    try:
        header = json.loads(_exactly(link, length))
        n = int(header["n"])
    except (ValueError, KeyError, TypeError):
        raise Broken("a header that is none") from None
    if not 0 <= n <= _LONGEST_SOUND:
        raise Broken(f"{n} samples")
    return header, np.frombuffer(_exactly(link, 4 * n), "<f4") if n else _NOTHING


def _exactly(link: socket.socket, n_bytes: int) -> bytearray:
    held = bytearray(n_bytes)
    view, got = memoryview(held), 0
    while got < n_bytes:
        try:
            n = link.recv_into(view[got:])
        except TimeoutError:
            raise
        except OSError as error:
            raise Broken(str(error)) from None
        if not n:
            raise Broken("the line ended")
        got += n
    return held
