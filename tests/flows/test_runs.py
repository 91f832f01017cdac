"""What becomes of runs on a real server with a process worker: cancelled, killed, two at once, a server that goes and comes.

Minutes: `pytest -n 0 -m full tests/flows`.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import tree
from tests.flows.served import TINY, Served, wait_for

pytestmark = pytest.mark.full


def under_way(out: Path) -> bool:
    """Whether a build has begun to speak."""
    return bool(list((out / ".work").glob("speech/*")))


def engine_of(run: str) -> int:
    """The process in which a flow run is."""
    found = subprocess.run(
        ["pgrep", "-f", "prefect.engine"], capture_output=True, text=True, check=False
    ).stdout.split()
    wanted = f"PREFECT__FLOW_RUN_ID={run}".encode()
    return next(int(pid) for pid in found if wanted in Path(f"/proc/{pid}/environ").read_bytes())


def children(process: int) -> set[int]:
    """The processes that a process has started."""
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False).stdout
    return {int(pid) for pid in found.split()}


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_cancelled_run_stops_its_workers_and_is_resumed(
    working: Served, tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    run = working.run("datagen/nightly", **{**TINY, "out": str(out)})
    wait_for(lambda: under_way(out), 300)
    engine = engine_of(run)
    processes = {engine, *children(engine)}
    assert len(processes) > 2
    working.ask("POST", f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert working.ended(run)["type"] == "CANCELLED"
    wait_for(lambda: not any(map(alive, processes)), 20, "the end of its processes")
    assert not (out / "build.json").exists()
    assert not list(out.rglob(".tmp-*"))
    again = working.run("datagen/nightly", **{**TINY, "out": str(out)})
    assert working.ended(again)["type"] == "COMPLETED"
    assert tree(out) == tiny
    (out / "report" / "index.html").rename(
        out / "report" / ".tmp-index.html-1-0a1b2c3d-0"
    )  # killed once more, at the last
    last = working.run("datagen/nightly", **{**TINY, "out": str(out)})
    assert working.ended(last)["type"] == "COMPLETED"
    assert tree(out) == tiny


def test_a_dead_run_is_marked_as_crashed_by_the_next(working: Served, tmp_path: Path, tiny: dict[str, bytes]) -> None:
    """Its worker dies with it: else it would tell the server."""
    out = tmp_path / "out"
    working.pool("process", "other")
    with working.worker("other") as worker:
        working.command("deploy", "--name", "evaluation", "--pool", "other")
        run = working.run("datagen/evaluation", **{**TINY, "recipe": "quickstart", "out": str(out)})
        wait_for(lambda: under_way(out), 300)
        engine = engine_of(run)
        processes = {engine, *children(engine)}
        os.kill(worker.pid, signal.SIGKILL)
        os.kill(engine, signal.SIGKILL)
    wait_for(lambda: not any(map(alive, processes)), 20, "the end of its processes")
    assert working.state(run)["type"] == "RUNNING"
    again = working.run("datagen/nightly", **{**TINY, "out": str(out)})
    assert working.ended(again)["type"] == "COMPLETED"
    assert working.state(run)["type"] == "CRASHED"
    assert "goes on from there" in working.state(run)["message"]
    running = {"state": {"type": {"any_": ["RUNNING"]}}}
    assert not working.all("task_runs", flow_runs={"id": {"any_": [run]}}, task_runs=running)
    assert tree(out) == tiny


@pytest.mark.parametrize("then", ["refuse", "wait"])
def test_two_deployments_at_once_on_one_output(
    working: Served, tmp_path: Path, tiny: dict[str, bytes], then: str
) -> None:
    out = tmp_path / "out"
    working.command("deploy", "--name", "evaluation", "--pool", "datagen-process")
    first = working.run("datagen/nightly", **{**TINY, "out": str(out)})
    wait_for(lambda: under_way(out), 300)
    parameters = {**TINY, "recipe": "quickstart", "out": str(out), "busy": {"then": then}}
    second = working.run("datagen/evaluation", **parameters)
    state = working.ended(second)
    if then == "refuse":
        assert state["type"] == "FAILED"
        assert "another build" in state["message"]
        assert working.state(first)["type"] == "RUNNING"
    assert working.ended(first)["type"] == "COMPLETED"
    assert then == "refuse" or state["type"] == "COMPLETED"
    assert tree(out) == tiny


def test_a_nightly_run_adds_its_hours_once(working: Served, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parameters = {**TINY, "dialogs": None, "add_hours": 0.05, "out": str(out)}
    sizes, tokens = [], []
    for _ in range(2):
        assert working.ended(working.run("datagen/nightly", **parameters))["type"] == "COMPLETED"
        sizes.append(json.loads((out / "build.json").read_bytes())["counts"]["total"]["planned"])
        tokens.append({p.name: p.read_bytes() for p in (out / "tokens").iterdir()})
    assert sizes[1] == 2 * sizes[0]
    assert tokens[0].items() <= tokens[1].items()


def test_a_lost_worker_process_costs_no_build(working: Served, tmp_path: Path, tiny: dict[str, bytes]) -> None:
    out = tmp_path / "out"
    run = working.run("datagen/nightly", **{**TINY, "out": str(out), "tries": {"n": 3, "pause_s": 0.1}})
    wait_for(lambda: under_way(out), 300)
    for process in children(engine_of(run)):
        if b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes():
            os.kill(process, signal.SIGKILL)
    assert working.ended(run)["type"] == "COMPLETED"
    assert tree(out) == tiny


def test_a_time_limit_ends_a_run_that_the_next_goes_on_with(
    working: Served, tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    run = working.run("datagen/nightly", **{**TINY, "out": str(out), "time_limit_h": 1 / 3600})
    state = working.ended(run)
    assert state["type"] == "FAILED"
    assert "time limit" in state["message"]
    again = working.run("datagen/nightly", **{**TINY, "out": str(out)})
    assert working.ended(again)["type"] == "COMPLETED"
    assert tree(out) == tiny


def test_a_new_version_starts_the_deployment_that_waits_for_it(working: Served, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = working.ask("GET", "deployments/name/datagen-on-published/on-published")
    working.ask("PATCH", f"deployments/{found['id']}", {"paused": False})
    assert working.ended(working.run("datagen/nightly", **{**TINY, "out": str(out)}))["type"] == "COMPLETED"
    of_it = {"deployments": {"id": {"any_": [found["id"]]}}}
    runs = wait_for(
        lambda: [r for r in working.all("flow_runs", **of_it) if r["parameters"].get("out") == str(out)], 60
    )
    assert working.ended(runs[0]["id"])["type"] == "COMPLETED"
    version = json.loads((out / "build.json").read_bytes())["id"]
    assert runs[0]["parameters"]["version"] == version


def test_a_server_that_starts_again_costs_no_build(working: Served, tmp_path: Path, tiny: dict[str, bytes]) -> None:
    out = tmp_path / "out"
    run = working.run("datagen/nightly", **{**TINY, "out": str(out), "limits": {"embedded": True}})
    wait_for(lambda: under_way(out), 300)
    working.stop(kill=True)
    working.start()
    assert working.ended(run)["type"] == "COMPLETED"
    assert tree(out) == tiny


SLOTS = """
import threading
from datagen.errors import EngineError
from datagen.run.writing import Over
from flows import limits
limits.LOOK_S = 0.5
limits.make_missing({"one": 1})
limits.make_missing({"one": 7})
try:
    with limits.slot("none of this name"):
        print("a slot of nothing")
except EngineError as error:
    print(type(error).__name__, "none of this name" in str(error))
with limits.slot("one"):
    try:
        with limits.slot("one", lambda: True):
            print("a second slot")
    except Over as error:
        print(error)
with limits.slot("one"):
    print("given back")
"""


def test_a_limit_is_strict_and_its_slots_are_few(served: Served, tmp_path: Path) -> None:
    script = tmp_path / "slots.py"
    script.write_text(SLOTS)
    done = subprocess.run(
        [sys.executable, str(script)], env=served.environment, capture_output=True, text=True, check=False
    )
    lines = ["EngineError True", "the build was ended while it waited for a slot.", "given back"]
    assert done.stdout.splitlines() == lines, done.stderr
    assert next(c for c in served.all("v2/concurrency_limits") if c["name"] == "one")["limit"] == 1
