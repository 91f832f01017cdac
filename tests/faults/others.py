"""Servers that go and come back, clocks that are set back, two builders at once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.bench import Bench, Outcome, one_line, tree

LLM = (
    "writer.engine=openai", "writer.model=mock", "writer.start_concurrency=2", "writer.max_concurrency=2", "writer.descriptions=0",
    "writer.give_up_s=4", "run.attempts=2", "run.max_reject_share=1", "write.max_gate_share=1",
)  # fmt: skip


def clock_set_back(bench: Bench) -> Outcome:
    """A clock that loses an hour every second while the build runs, and files that are older, or newer, than now."""
    outcome = Outcome(note="an hour back every second; then work files dated 1980 and 2100")
    ended = bench.build(FAULT_CLOCK_BACK_S="3600")
    outcome.tried += 1
    outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.said[-300:]}")
    bench.same(outcome)
    for year in (1980, 2100):
        at_s = (year - 1970) * 31_556_952
        (bench.out / "build.json").unlink()
        for path in bench.out.rglob("*"):
            os.utime(path, (at_s, at_s))
        bench.resumed(outcome, FAULT_CLOCK_BACK_S="3600")
        outcome.tried += 1
    bench.settled(outcome)
    return outcome


def two_builders(bench: Bench, times: int = 3) -> Outcome:
    """Two builds into one folder, begun at once or one a little later: one builds, the other is refused in one line."""
    outcome = Outcome(note="one builds, the other ends with exit 1 and names the process that has the folder")
    for n in range(times):
        shutil.rmtree(bench.out, ignore_errors=True)
        first = bench.start()
        time.sleep(n)
        second_said = bench.folder / "said of the second"
        with second_said.open("wb") as said:
            second = subprocess.Popen(
                bench.command(bench.out), stdout=said, stderr=said, env=bench.variables(), start_new_session=True
            )
        codes = sorted((first.wait(300), second.wait(300)))
        outcome.tried += 1
        said_ = [bench.said(), second_said.read_text().strip()]
        refused = [s for s in said_ if "another build" in s]
        # The later one may come when all is done: then it has nothing to do.
        ok = (codes == [0, 1] and len(refused) == 1 and one_line(refused[0])) or codes == [0, 0]
        outcome.expect(ok, f"exit codes {codes}: {said_}")
        bench.same(outcome)
        bench.settled(outcome)
    return outcome


def servers(bench: Bench) -> Outcome:
    """The server of the LLM writer: not there, gone in the middle, there again; gone for a short while in the middle."""
    outcome = Outcome()
    port = _free_port()
    sets = (*LLM, f'writer.urls=["http://127.0.0.1:{port}/v1"]')
    with _Mock(bench, port):
        whole = bench.build(*sets, out=bench.folder / "whole")
    if whole.code:
        outcome.wrong.append(f"the undisturbed build: {whole.said[-300:]}")
        return outcome
    good = bench.folder / "whole"
    n_asked = _asked(bench)
    absent = bench.build(*sets)
    outcome.tried += 1
    outcome.expect(absent.code == 2 and one_line(absent.said), f"no server: {absent.code}: {absent.said[-300:]!r}")
    bench.settled(outcome)
    gone = _gone_in_the_middle(bench, sets, port, outcome)
    with _Mock(bench, port):
        ended = bench.build(*sets)
        outcome.expect(ended.code == 0, f"resumed: {ended.code}: {ended.said[-300:]}")
    outcome.expect(tree(bench.out) == tree(good), "resumed after a dead server, other bytes came out")
    again = _asked(bench)
    outcome.expect(gone + again <= n_asked + 2, f"{gone} + {again} requests where the undisturbed build had {n_asked}")
    shutil.rmtree(bench.out)
    _short_break(bench, sets, port, outcome)
    outcome.expect(tree(bench.out) == tree(good), "after a short break of the server, other bytes came out")
    bench.settled(outcome)
    outcome.note = (
        f"a mock server: absent, killed in the middle (exit 2, resumed; {gone} + {again} requests, {n_asked} undisturbed), "
        "away for 2 s (the build waits)"
    )
    return outcome


def _gone_in_the_middle(bench: Bench, sets: tuple[str, ...], port: int, outcome: Outcome) -> int:
    with _Mock(bench, port, slow=True) as mock:
        process = bench.start(*sets)
        mock.wait_for(3)
        mock.kill()
        process.wait(120)
    outcome.tried += 1
    said = bench.said()
    outcome.expect(process.returncode == 2 and one_line(said), f"server killed: {process.returncode}: {said[-300:]!r}")
    bench.settled(outcome)
    return _asked(bench)


def _short_break(bench: Bench, sets: tuple[str, ...], port: int, outcome: Outcome) -> None:
    patient = (*sets, "writer.give_up_s=60")
    with _Mock(bench, port, slow=True) as mock:
        process = bench.start(*patient)
        mock.wait_for(3)
        mock.kill()
    time.sleep(2)
    with _Mock(bench, port):
        process.wait(120)
    outcome.tried += 1
    outcome.expect(process.returncode == 0, f"a short break: {process.returncode}: {bench.said()[-300:]}")


def _asked(bench: Bench) -> int:
    return int((bench.folder / "asked").read_text().count("\n"))


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Mock:
    """datagen's own mock server, with answers of tests/faults/cheap/answers.py; `asked` in the bench's folder has a line a request."""

    def __init__(self, bench: Bench, port: int, slow: bool = False) -> None:
        self._asked = bench.folder / "asked"
        self._asked.write_text("")
        environment = {**bench.variables(), "FAULT_ASKED": str(self._asked), "FAULT_SLOW_S": "0.3" if slow else "0"}
        environment.pop("FAULT_BENCH")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "datagen.run.mock_llm", "--answer", "answers:answer", "--port", str(port)],
            env=environment, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> "_Mock":
        assert self._process.stdout is not None
        self._process.stdout.readline()  # its address: it listens
        return self

    def wait_for(self, n: int) -> None:
        ends = time.monotonic() + 120
        while Path(self._asked).read_text().count("\n") < n and time.monotonic() < ends:
            time.sleep(0.05)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
