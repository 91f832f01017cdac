"""Where an output keeps its older versions: a record each, and the files that a later version replaced, by their content.

    versions/history.json      the ids of the older versions, the oldest first
    versions/ID.json           the build.json that this version had
    versions/files/SHA256      a file that some older version has and the newest has not, or has otherwise

A version's file is `versions/files/SHA256` where that is there, else the output's own. A publisher keeps every file before it
replaces the first one, and writes build.json last, so whoever holds a version's record can read all of it at any moment.
"""

import re

FOLDER = "versions"
HISTORY_FILE = f"{FOLDER}/history.json"


_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_id(version: str) -> bool:
    """Whether it can be a version's id. A record from elsewhere may hold anything, and files are called by it."""
    return _ID.fullmatch(version) is not None


def summary_path(version: str) -> str:
    """Where an older version's build.json is."""
    return f"{FOLDER}/{version}.json"


def kept_path(sha256: str) -> str:
    """Where the content of a replaced file is kept."""
    return f"{FOLDER}/files/{sha256}"
