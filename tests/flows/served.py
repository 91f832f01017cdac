"""A real Prefect server and a process worker on loopback, for the tests of flows: what they are asked, and what they say."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TINY: dict[str, Any] = {
    "add_hours": None, "time_limit_h": None, "domains": ["bank", "restaurant"], "dialogs": 4, "seed": 5, "workers": 2,
    "settings": ["run.shard_dialogs=2", "plan.max_voices=40"],
}  # fmt: skip
"""The parameters of a deployment that builds what the command does with `FLAGS`."""
FLAGS = (
    "build", "--domains", "bank,restaurant", "--dialogs", "4", "--seed", "5", "--set", "run.shard_dialogs=2",
    "--set", "plan.max_voices=40",
)  # fmt: skip
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], limit_s: float, what: str = "it") -> Any:
    """The first true value of `condition`, which has to come within `limit_s`."""
    ends = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < ends, f"{what}: not within {limit_s:g} s"
        time.sleep(0.2)
    return found


@dataclass
class Served:
    """A server of its own, with its home, and the environment of its clients; analytics off."""

    home: Path
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        path = f"{Path(sys.executable).parent}:{clean['PATH']}"
        return {
            **clean, "PATH": path, "PREFECT_HOME": str(self.home), "PREFECT_API_URL": self.url, "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "WARNING", "PYTHONPATH": str(ROOT),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3", "PREFECT_WORKER_QUERY_SECONDS": "1",
        }  # fmt: skip

    def start(self) -> None:
        """Starts the server, or starts it again, and waits until it answers."""
        with (self.home / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(self.port), "--no-ui"],
                env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self.answers, 120, "the server")

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.home / "server.log").read_text()[-2000:]
        try:
            return bool(self.ask("GET", "health"))
        except OSError:
            return False

    def stop(self, kill: bool = False) -> None:
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(60)

    @contextlib.contextmanager
    def worker(self, pool: str = "datagen-process") -> Iterator["subprocess.Popen[bytes]"]:
        """A process worker of the pool, for the block."""
        with (self.home / "worker.log").open("a") as log:
            process = subprocess.Popen(
                [*PREFECT, "worker", "start", "--pool", pool, "--type", "process"],
                env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{path}", None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"}, method=method,
        )  # fmt: skip
        for _ in range(4):
            try:
                with urllib.request.urlopen(request, timeout=120) as reply:
                    return json.loads(reply.read() or b"null")
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise
                time.sleep(2)  # the server's SQLite is locked where the machine is busy
        raise AssertionError(f"{method} {path}: the server fails")

    def all(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        """Every flow run, task run, artifact, … there is."""
        found: list[dict[str, Any]] = self.ask("POST", f"{what}/filter", filters)
        return found

    def command(self, *arguments: str) -> str:
        """What a command of Prefect's prints."""
        done = subprocess.run(
            [*PREFECT, "--no-prompt", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pool(self, kind: str, name: str = "") -> None:
        """Makes a work pool from the template of its kind, as `prefect work-pool create` does."""
        template = json.loads((ROOT / "flows" / "pools" / f"{kind}.json").read_text())
        self.ask(
            "POST", "work_pools/", {"name": name or f"datagen-{kind}", "type": kind, "base_job_template": template}
        )

    def run(self, deployment: str, **parameters: Any) -> str:
        """The id of a new run of a deployment, due at once."""
        found = self.ask("GET", f"deployments/name/{deployment}")
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.ask("POST", f"deployments/{found['id']}/create_flow_run", body)["id"])

    def state(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"flow_runs/{run}")["state"]
        return found

    def ended(self, run: str, limit_s: float = 480) -> dict[str, Any]:
        """The last state of a run, once it has one."""

        def final() -> dict[str, Any] | None:
            with contextlib.suppress(OSError):
                state = self.state(run)
                return state if state["type"] in FINAL else None
            return None

        found: dict[str, Any] = wait_for(final, limit_s, f"the end of run {run}")
        return found


PREFECT = (sys.executable, "-m", "prefect")
