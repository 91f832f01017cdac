"""Workers that die: one line, whenever it happens, and no process left waiting."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datagen.errors import EngineError
from datagen.run.pool import Pool, result_of
from datagen.run.seats import DEATHS, Call


def pid_of_worker() -> tuple[int, int]:
    return os.getpid(), 0


def die(path: str, times: int) -> tuple[str, int]:
    """Dies as often as asked, counted in a file; then answers."""
    with open(path, "a+") as file:
        file.seek(0)
        n = len(file.read())
        file.write(".")
    if n < times:
        os.kill(os.getpid(), signal.SIGSEGV)
    return "done", 0


def test_a_shard_under_which_worker_after_worker_dies_is_given_up_and_the_next_one_is_made(tmp_path: Path) -> None:
    with Pool(1, lambda _: None) as pool:
        assert pool._submit(Call(die, (str(tmp_path / "once"), 1))).result(60) == "done"
        future = pool._submit(Call(die, (str(tmp_path / "n"), 100)))
        with pytest.raises(EngineError, match="train-00000: its worker process died .SIGSEGV: an engine's own fault"):
            result_of(future, "train-00000")
        assert (tmp_path / "n").read_text() == "." * DEATHS
        worker = pool._submit(Call(pid_of_worker, ())).result(60)
        os.kill(worker, signal.SIGKILL)  # one that has nothing to do
        assert pool._submit(Call(pid_of_worker, ())).result(60) != worker
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_pool_that_is_left_early_leaves_nobody_waiting() -> None:
    with pytest.raises(KeyboardInterrupt), Pool(1, lambda _: None) as pool:
        futures = [pool._submit(Call(time.sleep, (60,))) for _ in range(3)]
        raise KeyboardInterrupt
    assert all(f.cancelled() for f in futures)


def test_where_no_process_can_be_started_any_more_everybody_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who wait, and those who come later."""

    def refused(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(Pool, "_renew", refused)
    with Pool(1, lambda _: None) as pool:
        worker = pool._submit(Call(pid_of_worker, ())).result(60)
        waiting = [pool._submit(Call(time.sleep, (60,))) for _ in range(2)]
        os.kill(worker, signal.SIGKILL)
        for future in waiting:
            with pytest.raises(EngineError, match="workers cannot be led any more: .*temporarily unavailable"):
                future.result(60)
        with pytest.raises(EngineError, match="workers cannot be led any more"):
            pool._submit(Call(pid_of_worker, ()))


INTERRUPTED = """
import os, signal, threading, time
from datagen.run.pool import Pool
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
try:
    threading.Timer({after_s}, os.kill, (os.getpid(), signal.SIGINT)).start()
    with Pool(2, print) as pool:
        print("up", flush=True)
        time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("after_s", [0.005, 0.5])
def test_an_interrupt_ends_the_workers_at_once_even_while_they_load(after_s: float) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(after_s=after_s)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.splitlines()[-1] == "interrupted", ran.stderr
    assert ran.stderr == ""
