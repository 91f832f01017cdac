"""Ranges of seconds, as options give them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= value[0] <= value[1] <= 60:
        raise ValueError(f"needs 0 <= lowest <= highest <= 60 s, got {value[0]:g} and {value[1]:g}.")
    return value


def _ordered_latency(value: tuple[float, float]) -> tuple[float, float]:
    if not -2 <= value[0] <= value[1] <= 10:
        raise ValueError(f"needs -2 <= lowest <= highest <= 10 s, got {value[0]:g} and {value[1]:g}.")
    return value


def _as_range(value: Any) -> Any:
    """A single number is a range of that one value."""
    return (value, value) if isinstance(value, int | float) and not isinstance(value, bool) else value


SecondsRange = Annotated[tuple[float, float], AfterValidator(_ordered)]

LatencyRange = Annotated[tuple[float, float], BeforeValidator(_as_range), AfterValidator(_ordered_latency)]
"""What is added to an FTO, shortest and longest: it may be negative."""
