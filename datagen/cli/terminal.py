"""What is printed cannot steer a terminal, whoever wrote it: a domain, a language model, a build from elsewhere."""

import re
from typing import IO, Any, cast

_STEERS = re.compile(
    "(\x1b\\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Control characters of both sets but tab and line feed, and what turns or hides text (UTR 36, 3.3). Colours, which rich writes, stay."""


class Plain:
    """A stream to a terminal or a file, without what steers one. `unguarded` is the stream itself, for what draws by moving the cursor."""

    def __init__(self, stream: IO[str]) -> None:
        self.unguarded: IO[str] = getattr(stream, "unguarded", stream)

    def write(self, text: str) -> int:
        self.unguarded.write(plain(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


def plain(text: str) -> str:
    """The text with U+FFFD for each character that would move the cursor, change the terminal, or turn or hide what it shows."""
    return _STEERS.sub(lambda found: found[1] or "�", text)


def guarded(stream: IO[str]) -> IO[str]:
    """`stream`, as one on which nothing steers a terminal."""
    return cast("IO[str]", Plain(stream))
