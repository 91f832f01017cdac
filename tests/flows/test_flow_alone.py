"""What holds of the flows without a server."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datagen.errors import DataError, EngineError
from datagen.run.writing import Over
from tests.flows.served import ROOT


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_flow_whose_command_was_killed_while_it_loaded_ends(tmp_path: Path) -> None:
    """Its parent is then another process, which lives on."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    request = {"recipe": {}, "out": str(tmp_path / "out"), "workers": 1, "command": gone.pid}
    done = subprocess.run(
        [sys.executable, "-m", "flows.build"], input=json.dumps(request), text=True, capture_output=True, cwd=ROOT, check=False,
        start_new_session=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_analytics_are_off_before_prefect_is_there() -> None:
    code = "import sys, os, flows; print('prefect' in sys.modules, *(os.environ[n] for n in sys.argv[1:]))"
    names = ("DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    command = [sys.executable, "-c", code, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "1", "false"]


class Failed:
    """A state whose result raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def result(self) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (EngineError("a worker died."), True),
        (Over("no server answers."), False),
        (DataError("too many rejects."), False),
        (ValueError("x"), False),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(error: Exception, again: bool) -> None:
    groups = pytest.importorskip("flows.groups")
    assert groups.is_engine_error(None, None, Failed(error)) is again
