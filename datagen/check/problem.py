"""What a check finds."""

import re
from dataclasses import dataclass

MAX_CHARS = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: the file in the output folder, where in it (a dialogue, a turn, a column; "" for the whole), and what."""

    file: str
    where: str
    what: str

    def one_line(self) -> "Problem":
        """The same without line breaks, and no longer than a person reads."""
        return Problem(self.file, _plain(self.where), _plain(self.what))

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.what}" if self.where else f"{self.file}: {self.what}"


def _plain(text: str) -> str:
    line = re.sub(r"\s+", " ", text)
    return line if len(line) <= MAX_CHARS else f"{line[: MAX_CHARS - 1]}…"
