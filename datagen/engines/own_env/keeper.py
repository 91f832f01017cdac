"""Runs one command and ends it, with all that it started, when the process that asked for it is gone. Standard library alone.

Run as a file: keeper.py PARENT_PID GRACE_S LOG COMMAND… It ends with the command's own exit code, 128 + N for signal N. SIGTERM
ends the command: gently at first, after GRACE_S by force. How its parent ends does not matter, SIGKILL included; where the keeper
itself is killed, Linux ends the command. The command's temporary files lie in a folder of its own (TMPDIR), which goes with it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time

_POLL_S = 0.2
_PR_SET_PDEATHSIG = 1


def main(parent: int, grace_s: float, log: str, command: list[str]) -> int:
    """The command's exit code, when it, every process of its group and its temporary files are gone."""
    with tempfile.TemporaryDirectory(prefix="datagen-", ignore_cleanup_errors=True) as folder:
        return _kept(parent, grace_s, log, command, {**os.environ, "TMPDIR": folder})


def _kept(parent: int, grace_s: float, log: str, command: list[str], environ: dict[str, str]) -> int:
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: asked.append(n))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    with open(log, "ab") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environ, start_new_session=True,
            preexec_fn=_die_with_me,
        )  # fmt: skip
    while child.poll() is None and not asked and os.getppid() == parent:
        time.sleep(_POLL_S)
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # what the command started, and itself if it lives
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _die_with_me() -> None:
    """In the child: a SIGTERM for it when the keeper dies. Where there is no such call (not Linux), it goes without."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]))
