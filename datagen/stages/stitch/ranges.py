"""Ranges of seconds, as options give them."""

from typing import Annotated

from pydantic import AfterValidator


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= value[0] <= value[1] <= 60:
        raise ValueError(f"needs 0 <= lowest <= highest <= 60 s, got {value[0]:g} and {value[1]:g}.")
    return value


def _ordered_latency(value: tuple[float, float]) -> tuple[float, float]:
    if not -2 <= value[0] <= value[1] <= 10:
        raise ValueError(f"needs -2 <= lowest <= highest <= 10 s, got {value[0]:g} and {value[1]:g}.")
    return value


SecondsRange = Annotated[tuple[float, float], AfterValidator(_ordered)]

LatencyRange = Annotated[tuple[float, float], AfterValidator(_ordered_latency)]
"""What is added to an FTO, shortest and longest: it may be negative."""
