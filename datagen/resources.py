"""Where the files live that travel with the package: prompts/, voices/, manifests/."""

from functools import cache
from pathlib import Path


@cache
def root() -> Path:
    """The folder that holds prompts/, voices/ and manifests/: inside a wheel, or the repository's top."""
    packed = Path(__file__).parent / "_data"
    return packed if packed.is_dir() else Path(__file__).parent.parent


def prompts() -> Path:
    return root() / "prompts"


def voices() -> Path:
    return root() / "voices"


def manifests() -> Path:
    return root() / "manifests"
