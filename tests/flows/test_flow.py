"""The Prefect flow against a real server on loopback: the same bytes as the local runner."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SMALL, datagen, tree

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent

SERVE = """
import sys
from datetime import timedelta
from flows.build import datagen
if __name__ == "__main__":
    datagen.serve(
        name="nightly", interval=timedelta(seconds=5), limit=1, pause_on_shutdown=False, parameters={
            "domains": "bank,restaurant", "dialogs": 8, "seed": 5, "workers": 2, "out": sys.argv[1],
            "settings": ["run.shard_dialogs=3", "plan.max_voices=40"],
        },
    )
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a client of a fresh Prefect server, analytics off."""
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    environment = {
        **os.environ, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }  # fmt: skip
    log = (home / "server.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"],
        env=environment, stdout=log, stderr=log,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}/api"
    try:
        wait_for(lambda: answers(f"{url}/health"), 120, process)
        yield {**environment, "PREFECT_API_URL": url}
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def wait_for(condition: "object", limit_s: float, process: "subprocess.Popen[bytes]") -> None:
    assert callable(condition)
    ends = time.monotonic() + limit_s
    while not condition():
        assert process.poll() is None, "the process ended"
        assert time.monotonic() < ends, f"not within {limit_s:g} s"
        time.sleep(0.3)


def asked(server: dict[str, str], path: str) -> list[dict[str, object]]:
    request = urllib.request.Request(
        f"{server['PREFECT_API_URL']}/{path}", data=b"{}", headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        found: list[dict[str, object]] = json.load(reply)
    return found


def test_the_flow_gives_the_local_runners_bytes(built: Path, tmp_path: Path, server: dict[str, str]) -> None:
    flags = [*SMALL[:-2], "--runner", "prefect", "--out", str(tmp_path / "out"), "--json"]
    ran = datagen(*flags, env=server)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["planned"] == 8
    assert tree(tmp_path / "out") == tree(built)
    tasks = asked(server, "task_runs/filter")
    names = {str(t["name"]) for t in tasks}
    assert {"train-00000 write", "train-00000 speech", "train-00000 render"} <= names
    assert {a["type"] for a in asked(server, "artifacts/filter")} >= {"progress", "markdown"}


def test_auto_takes_prefect_where_an_api_is_configured(tmp_path: Path, server: dict[str, str]) -> None:
    before = len(asked(server, "flow_runs/filter"))
    small = [
        "build",
        "--domains",
        "bank",
        "--dialogs",
        "2",
        "--set",
        "plan.max_voices=40",
        "--out",
        str(tmp_path / "out"),
        "--quiet",
    ]
    ran = datagen(*small, env=server)
    assert ran.code == 0, ran.err
    assert len(asked(server, "flow_runs/filter")) == before + 1


def test_a_users_error_comes_back_through_the_flow(tmp_path: Path, server: dict[str, str]) -> None:
    flags = [
        *SMALL[:-2],
        "--runner",
        "prefect",
        "--out",
        str(tmp_path / "out"),
        "--set",
        "speak.max_s_per_word=0.01",
        "--set",
        "speak.edge_s=0",
    ]
    ran = datagen(*flags, "--quiet", env=server)
    assert ran.code == 3
    assert ran.err.strip().splitlines()[-1].startswith("datagen: speak:")


def test_a_scheduled_deployment_builds_the_same(built: Path, tmp_path: Path, server: dict[str, str]) -> None:
    out = tmp_path / "out"
    script = tmp_path / "serve.py"
    script.write_text(SERVE)
    process = subprocess.Popen(
        [sys.executable, str(script), str(out)], env={**server, "PYTHONPATH": str(ROOT)}, cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: (out / "report" / "index.html").exists(), 180, process)  # the last file
    finally:
        process.terminate()
        process.wait(60)
    assert tree(out) == tree(built)
    assert any(r.get("deployment_id") for r in asked(server, "flow_runs/filter"))


def test_workers_do_not_load_prefect(tmp_path: Path) -> None:
    """The pool hides its parent's main module, which is a flow's here, from the processes that it starts."""
    script = tmp_path / "main_flow.py"
    script.write_text(
        "import prefect, sys\nfrom datagen.run.pool import Pool\nfrom datagen.run.seats import Call\n"
        "if __name__ == '__main__':\n    with Pool(1, print) as pool:\n"
        "        print(pool._submit(Call(eval, (\"('prefect' in __import__('sys').modules, 0)\",))).result())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_analytics_are_off_before_prefect_is_there() -> None:
    code = "import sys, os, flows; print('prefect' in sys.modules, *(os.environ[n] for n in sys.argv[1:]))"
    names = ("DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    command = [sys.executable, "-c", code, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "1", "false"]
