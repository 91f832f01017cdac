"""How a caller behaves: the traits of a dialogue, drawn from a scenario's rates."""

from typing import Any

from datagen.domains.phrasing import Dice
from datagen.domains.schema import RatesSpec

BEHAVIOURS = (
    "early",
    "late",
    "wrong",
    "verify_fail",
    "mishear",
    "refusal",
    "push",
    "accept",
    "rude",
    "calms",
    "unrelated",
    "one_more",
)
"""The traits that are true or false, each with a rate of its own name."""


def draw(rates: RatesSpec, dice: Dice) -> dict[str, Any]:
    """Every behaviour as true or false, `n_questions`, `readback` (a share) and `mood`."""
    found: dict[str, Any] = {name: dice.chance(getattr(rates, name)) for name in BEHAVIOURS}
    whole = int(rates.questions)
    spread = dice.weighted((-1, 0, 1), (0.25, 0.5, 0.25))
    found["n_questions"] = max(0, whole + int(dice.chance(rates.questions - whole)) + spread)
    found["readback"] = rates.readback
    moods = list(rates.moods)
    found["mood"] = "annoyed" if found["rude"] else dice.weighted(moods, list(rates.moods.values()))
    return found
