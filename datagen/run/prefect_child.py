"""Starting the Prefect flow from the command, in a child process: this one never imports Prefect."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datagen.errors import DataError, EngineError, UserError
from datagen.run.pool import SIGNAL_CHECK_S
from datagen.run.request import Run

UNTRACKED = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
"""Prefect's analytics off, the server's and the client's. `flows` sets it too, before it imports Prefect."""

QUIET_PREFECT = {
    **UNTRACKED,
    # 10 to 23 s were seen on two cores; Prefect's own limit of 20 s is too short for a fresh database.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}
"""Prefect's settings for our own runs: no analytics, no telemetry, and time enough to start."""

END_S = 75.0
"""How long an interrupted flow has: longer than its writing takes to end (`datagen.run.writing.END_S`)."""


def configured() -> bool:
    """Whether a Prefect API is configured: PREFECT_API_URL, or the active profile's."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    home = Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))
    path = Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml"))
    try:
        profiles = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return False
    active = os.environ.get("PREFECT_PROFILE", profiles.get("active", ""))
    return bool(profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL"))


def run_flow(run: Run, workers: int, quiet: bool) -> None:
    """Runs flows/build.py over this run and waits for it; its errors come back as the project's own."""
    out = run.url or str(run.out.absolute())
    request: dict[str, Any] = {
        "recipe": run.build.recipe.model_dump(mode="json"), "out": out, "workers": workers, "command": os.getpid(),
    }  # fmt: skip
    _refuse_passwords(request["recipe"])
    environment = {**QUIET_PREFECT, **os.environ}
    # Files and no pipes: a pipe ends with the last process that holds it, and Prefect's server may outlive a killed flow.
    with tempfile.TemporaryFile("w+") as asked, tempfile.TemporaryFile("w+") as answer:
        json.dump(request, asked)
        asked.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-m", "flows.build"], stdin=asked, stdout=answer, env=environment,
            stderr=subprocess.DEVNULL if quiet else None, start_new_session=True,
        )  # fmt: skip
        try:
            while (code := child.poll()) is None:
                time.sleep(SIGNAL_CHECK_S)
        except BaseException:
            _end(child)
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)  # the server that a killed flow leaves behind
        answer.seek(0)
        _raise_from(answer.read(), code)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ends the flow: first by asking, as it ends its workers and tells its server; one whose server is gone may wait for it for long."""
    child.terminate()
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _refuse_passwords(recipe: Mapping[str, Any]) -> None:
    """UserError where an address of the recipe holds a password: Prefect keeps a flow's parameters, for its pages to show."""
    for key, table in recipe.items():
        urls = table.get("urls") if isinstance(table, dict) else None
        if any("@" in str(url).partition("://")[2].partition("/")[0] for url in urls or ()):
            raise UserError(
                f"{key}.urls: one holds a password, and Prefect would keep it where its pages show it. Put the server's key into an "
                f"environment variable and name that in {key}.api_key_env, or build with --runner local."
            )


def _raise_from(answer: str, code: int) -> None:
    """The child's last line is its outcome as JSON: {} or {"exit_code", "error"}."""
    try:
        outcome = json.loads(answer.strip().rsplit("\n", 1)[-1]) if answer.strip() else None
    except ValueError:
        outcome = None
    if not isinstance(outcome, dict):
        raise EngineError(
            f"--runner prefect: the flow's process ended with {code} and no answer. Its log is above; --runner local needs no Prefect."
        )
    if outcome:
        kind = {1: UserError, 3: DataError}.get(outcome["exit_code"], EngineError)
        raise kind(outcome["error"])
