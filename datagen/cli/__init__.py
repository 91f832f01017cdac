"""The command. Thin: a function a command; what it does lives in the rooms, imported when it is run."""

import signal
import sys
from types import FrameType

from datagen.errors import INTERRUPTED, DatagenError


def main() -> None:
    """Runs the command line and exits: 0, 1 user error, 2 engine, 3 data, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line. Errors of the project's own become one line on stderr."""
    from datagen.cli.app import call

    try:
        return call(arguments)
    except DatagenError as error:
        sys.stderr.write(f"datagen: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("datagen: interrupted. What is done is kept: run the same command again to go on.\n")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
