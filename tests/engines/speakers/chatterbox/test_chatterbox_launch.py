"""Where workers are met, and the frames that go to and fro."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

import numpy as np
import pytest

from datagen.engines.speakers.chatterbox import launch, wire
from datagen.errors import EngineError


def test_sockets_of_workers_that_are_gone_are_removed(tmp_path: Path) -> None:
    def bound(name: str, listens: bool) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(str(tmp_path / f"{name}.sock"))
        if listens:
            made.listen()
        return made

    with bound("lives", True), bound("starts", False), bound("gone", True):
        pass
    with bound("serves", True), (tmp_path / "starts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        launch._sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.glob("*.sock")) == ["serves.sock", "starts.sock"]


def test_a_meeting_place_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A short path: where a socket's would be too long, workers are met in /tmp.
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr(launch.tempfile, "tempdir", short)
        (Path(short) / f"datagen-{os.getuid()}").symlink_to(tmp_path)
        with pytest.raises(EngineError, match="is a link, or belongs to another user"):
            launch._meeting_place(20)


def test_frames_come_as_they_went_and_what_is_none_is_refused() -> None:
    one, other = socket.socketpair()
    with one, other:
        samples = np.linspace(-1, 1, 5, dtype=np.float32)
        wire.send(one, {"text": "ä"}, samples)
        header, got = wire.receive(other)
        assert header == {"text": "ä", "n": 5}
        assert np.array_equal(got, samples)
        one.sendall(b"\x05\x00\x00\x00hello")
        with pytest.raises(wire.Broken, match="a header that is none"):
            wire.receive(other)
        one.sendall(b"\xff\xff\xff\xff")
        with pytest.raises(wire.Broken, match="a header of 4294967295 bytes"):
            wire.receive(other)
        other.settimeout(0.05)
        with pytest.raises(TimeoutError):
            wire.receive(other)
        one.close()
        with pytest.raises(wire.Broken, match="the line ended"):
            wire.receive(other)
