"""Arithmetic of spans, in seconds or samples: unions, what two have in common, what is left of one without another."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

Span = tuple[float, float]
Number = TypeVar("Number", int, float)


def union(spans: Iterable[tuple[Number, Number]]) -> list[tuple[Number, Number]]:
    """The spans by start, those that overlap or touch joined."""
    joined: list[tuple[Number, Number]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def common(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """What two unions have in common."""
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            found.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """What of a union is not in another."""
    ends = [float("-inf"), *(t for span in taken for t in span), float("inf")]
    return common(spans, list(zip(ends[::2], ends[1::2], strict=True)))


def length(spans: Iterable[Span]) -> float:
    """How long all are together, of spans that have nothing in common."""
    return sum(end - start for start, end in spans)
