"""The errors that reach a user: one line each, and an exit code by kind.

A message says what, where, the numbers and the fix, in that order. Anything that is not one of these is a
bug of ours and keeps its traceback.
"""


class DatagenError(Exception):
    """What every error of the project's own derives from; `exit_code` is what the command ends with."""

    exit_code = 1


class UserError(DatagenError):
    """The request cannot be met as it stands: a wrong key, an unknown domain, an unwritable folder."""

    exit_code = 1


class EngineError(DatagenError):
    """An engine is missing or failed as a whole (not on one row); the same call may succeed later."""

    exit_code = 2


class DataError(DatagenError):
    """A gate or a check failed: the data is there and is not what it has to be."""

    exit_code = 3


INTERRUPTED = 130
"""The exit code after Ctrl-C or SIGTERM."""


def one_line(error: BaseException) -> str:
    """What a library's exception says, for a message of ours: one line of 160 characters at most, its class where it says nothing."""
    return " ".join(str(error).split()).rstrip(".")[:160] or type(error).__name__
