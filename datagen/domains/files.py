"""Reading a domain's files: TOML as dictionaries, and the line of a file at which a text stands."""

import tomllib
from pathlib import Path
from typing import Any

from datagen.errors import UserError


def read_toml(path: Path, label: str) -> dict[str, Any]:
    """The file's tables; a UserError, naming `label`, when it is missing, not UTF-8 or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark of their own
    except FileNotFoundError:
        raise UserError(f"{label}: there is no such file. A domain needs it; see prompts/README.md.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{label}: not valid TOML: {error}.") from None
    except RecursionError:
        raise UserError(f"{label}: not valid TOML: brackets that do not end.") from None
    except OSError as error:
        raise UserError(f"{label}: cannot be read: {error.strerror}.") from None


def line_of(path: Path, text: str) -> int | None:
    """The line (from 1) at which `text` first stands in a file, None when it does not stand there in one piece."""
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if text in line:
                return number
    except OSError:
        return None
    return None
