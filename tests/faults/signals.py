"""Builds that are ended from outside, at moments drawn at random."""

import os
import random
import shutil
import signal
import subprocess
import time

from tests.faults.bench import Bench, Outcome, one_line

WORKER_SHARE = 0.4
"""Of the SIGKILLs, so many hit one of the build's processes and not the command itself."""


def killed(bench: Bench, times: int = 100) -> Outcome:
    """SIGKILL, to the command or to any process of the build; the same folder again and again, a new one when it is done."""
    outcome, draw, took_s = Outcome(), random.Random(7), _took_s(bench)
    n_builds = n_others = 0
    while outcome.tried < times:
        process = bench.start()
        if _ended(process, draw.uniform(0.02, 1.05) * took_s):
            outcome.expect(process.returncode == 0, f"kill {outcome.tried}: it had ended: {bench.said()[-300:]}")
        else:
            outcome.tried += 1
            others = [p for p in bench.processes() if p != process.pid]
            if others and draw.random() < WORKER_SHARE:
                n_others += 1
                _kill(draw.choice(others))
                process.wait(300)
                if process.returncode != 0:
                    said = bench.said()
                    outcome.expect(
                        process.returncode == 2 and "Traceback" not in said, f"a process killed: {said[-300:]}"
                    )
            else:
                process.kill()
                process.wait()
        n_builds += _came_to_its_end(bench, outcome, process)
    bench.resumed(outcome)
    outcome.note = f"{n_others} of them to a worker; {n_builds + 1} builds came to their end"
    return outcome


def terminated(bench: Bench, times: int = 12) -> Outcome:
    """SIGTERM to the command, as a scheduler sends it: exit 130, one line, nobody left."""
    return _asked_to_end(bench, times, signal.SIGTERM)


def interrupted(bench: Bench, times: int = 12) -> Outcome:
    """Ctrl-C: SIGINT to the whole group, workers too."""
    return _asked_to_end(bench, times, signal.SIGINT)


def _asked_to_end(bench: Bench, times: int, number: signal.Signals) -> Outcome:
    outcome, draw, took_s = Outcome(), random.Random(int(number)), _took_s(bench)
    n_builds = 0
    while outcome.tried < times:
        process = bench.start()
        # Before the command has begun to listen, Python's own start ends as any process does.
        if _ended(process, draw.uniform(0.3, 0.95) * took_s):
            outcome.expect(process.returncode == 0, bench.said()[-300:])
        else:
            outcome.tried += 1
            if number is signal.SIGINT:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            began_s = time.monotonic()
            if not _ended(process, 60):
                outcome.wrong.append("it did not end within 60 s")
                process.kill()
                process.wait()
            late_s = time.monotonic() - began_s
            outcome.expect(late_s < 60, f"it took {late_s:.0f} s to end")
            if process.returncode:
                said = bench.said()
                clean = process.returncode == 130 and one_line(said)
                outcome.expect(clean, f"exit code {process.returncode}: {said[-300:]!r}")
            left = [p.name for p in bench.out.rglob(".tmp-*")] if process.returncode == 130 else []
            outcome.expect(not left, f"temporary files after a clean end: {left[:3]}")
        n_builds += _came_to_its_end(bench, outcome, process)
    bench.resumed(outcome)
    outcome.note = f"exit 130, one line; {n_builds + 1} builds came to their end"
    return outcome


def _came_to_its_end(bench: Bench, outcome: Outcome, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the build was not stopped after all: then it has to be the undisturbed one, and the next begins anew."""
    bench.settled(outcome)
    if process.returncode != 0:
        return False
    bench.same(outcome)
    shutil.rmtree(bench.out)
    return True


def _took_s(bench: Bench) -> float:
    """How long an undisturbed build takes now, on a machine that others use too."""
    began_s = time.monotonic()
    ended = bench.build(out=bench.folder / "measured")
    assert ended.code == 0, ended.said
    shutil.rmtree(bench.folder / "measured")
    return time.monotonic() - began_s


def _ended(process: "subprocess.Popen[bytes]", within_s: float) -> bool:
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
