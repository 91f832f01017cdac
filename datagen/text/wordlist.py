"""Word lists written as one string, so that a list of fifty words takes five lines."""


def ordered(text: str) -> tuple[str, ...]:
    """The words of `text`, in order."""
    return tuple(text.split())


def words(text: str) -> frozenset[str]:
    """The words of `text`, as a set."""
    return frozenset(text.split())
