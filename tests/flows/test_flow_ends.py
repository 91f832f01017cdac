"""How the Prefect runner ends when something else does: a server that is not there, a flow that is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import SMALL, datagen


def environment(home: Path) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}, "PREFECT_HOME": str(home)}


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/api"
    flags = [*SMALL[:-2], "--runner", "auto", "--out", str(tmp_path / "out")]
    ran = datagen(*flags, env={**environment(tmp_path / "home"), "PREFECT_API_URL": url})
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert url in ran.err
    assert "--runner local" in ran.err


def processes(session: int) -> list[tuple[int, str]]:
    """The living processes of a session and of the sessions that its members lead: process id and command line."""
    found = subprocess.run(["ps", "-eo", "pid,ppid,stat,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 3) for line in found.splitlines()[1:]]
    known = {session}
    for _ in rows:
        known |= {int(pid) for pid, parent, *_ in rows if int(parent) in known}
    return [(int(pid), args) for pid, _, state, args in rows if int(pid) in known and not state.startswith("Z")]


@pytest.mark.full
@pytest.mark.parametrize("victim", ["command", "flow"])
def test_a_killed_flow_leaves_nothing_running(tmp_path: Path, victim: str) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "datagen", *SMALL[:-2], "--runner", "prefect", "--out", str(tmp_path / "out"), "--quiet"],
        env=environment(tmp_path / "home"), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        ends = time.monotonic() + 180
        while not list((tmp_path / "out" / ".work").glob("write/*")):
            assert command.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.2)
        running = [pid for pid, _ in processes(command.pid)]
        flow = next(pid for pid, args in processes(command.pid) if "flows.build" in args)
        os.kill(command.pid if victim == "command" else flow, signal.SIGKILL)
        command.communicate(timeout=30)
        assert command.returncode == (-signal.SIGKILL if victim == "command" else 2)
        time.sleep(3)
        left = subprocess.run(["ps", "-eo", "pid,stat"], capture_output=True, text=True, check=True).stdout.splitlines()
        alive = {int(pid) for pid, state in (line.split() for line in left[1:]) if not state.startswith("Z")}
        assert not alive & set(running)
    finally:
        command.kill()
        command.wait()
