"""The kinds of range that knobs of the scene have: a lowest and a highest value that one is drawn between."""

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

Pair = tuple[float, float]


def within(low: float, high: float, unit: str) -> AfterValidator:
    """A check that a pair is in order and inside `low`…`high`; the message gives the limits and both numbers."""

    def check(value: Pair) -> Pair:
        if not low <= value[0] <= value[1] <= high:
            said = f"needs {low:g} <= lowest <= highest <= {high:g}{f' {unit}' if unit else ''}"
            raise ValueError(f"{said}, got {value[0]:g} and {value[1]:g}.")
        return value

    checked: Callable[[Pair], Pair] = check
    return AfterValidator(checked)


DecibelRange = Annotated[Pair, within(-30, 90, "dB")]
"""Signal-to-noise ratios and levels below the speech."""
