"""What a failed install says, in one line: what stood in the way, and what to do about it."""

import re
import signal

_NO_NETWORK = (
    "NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "Temporary failure in name resolution", "Network is unreachable",
    "ProxyError", "ConnectionResetError", "ReadTimeoutError", "Max retries exceeded", "Could not fetch URL", "SSLError",
)  # fmt: skip
_KNOWN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("No space left on device", "Errno 28"), "the disk is full. Free some, or set DATAGEN_ENGINES_DIR to a folder on another disk."),
    (("DO NOT MATCH THE HASHES", "Hashes are required"),
     "the file that the index gives is not the pinned one (its SHA-256 differs); nothing was installed."),
    (_NO_NETWORK, "no package index can be reached. Check the network, or point pip at a mirror (pip config set global.index-url URL)."),
    (("ensurepip is not available", "No module named ensurepip", "No module named venv"),
     "this Python lacks venv. On Debian and Ubuntu: apt install python3-venv; or run datagen in another Python."),
    (("Requires-Python", "requires a different Python"), "no build of it is for this Python."),
    (("ResolutionImpossible", "conflicting dependencies"), "what was asked for with --with clashes with it."),
    (("No matching distribution found", "Could not find a version"),
     "the package index has no build of it for this machine and Python, or does not answer."),
)  # fmt: skip


def explained(said: str, code: int) -> str:
    """One sentence or two for what `pip` or `venv` said before it ended with `code`; negative codes are signals."""
    if code < 0 or code in (128 + signal.SIGKILL, 128 + signal.SIGTERM):
        number = -code if code < 0 else code - 128
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        more = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"was killed by {name}{more}. The same command makes it anew."
    for signs, meaning in _KNOWN:
        if any(sign in said for sign in signs):
            return meaning
    return f"failed: {_last_error(said)}."


def _last_error(said: str) -> str:
    """The last line that names an error, else the last line, without terminal codes; 200 characters at most."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in said.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("[notice]", "^", "~"))]
    errors = [line for line in lines if re.match(r"(?:ERROR|error|\w*(?:Error|Exception))\b", line)]
    return (errors or lines or ["it said nothing"])[-1][-200:].rstrip(".")
