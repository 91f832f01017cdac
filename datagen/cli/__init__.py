"""The command. Thin: a function a command; what it does lives in the rooms, imported when it is run."""

import os
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from types import FrameType

from datagen.cli.terminal import guarded
from datagen.errors import INTERRUPTED, DatagenError


def main() -> None:
    """Runs the command line and exits: 0, 1 user error, 2 engine, 3 data, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    for number in (signal.SIGINT, signal.SIGTERM):  # what is done is done: the exit code has to tell how it came out
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of one command line. Errors of the project's own become one line on stderr; nothing steers the terminal."""
    with redirect_stdout(guarded(sys.stdout)), redirect_stderr(guarded(sys.stderr)):
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    try:
        from datagen.cli.app import call  # inside: it takes long enough to be interrupted

        code = call(arguments)
        sys.stdout.flush()
        return code
    except DatagenError as error:
        sys.stderr.write(f"datagen: {printable(str(error))}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("datagen: interrupted. What is done is kept: run the same command again to go on.\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`), which is no error. What is still buffered goes nowhere, else Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def printable(text: str) -> str:
    """The text in one line that cannot steer a terminal, whatever a file name or a library put into it."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
