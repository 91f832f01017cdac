"""The knobs of what an LLM judge has to find in a dialogue."""

from typing import Annotated

from pydantic import Field

from datagen.config import Options, knob

Score = Annotated[float, Field(ge=1, le=5)]
"""As judges give them, 1 the worst (prompts/_shared/judge/)."""


class JudgeLimits(Options):
    """What the scores of `judge.engine` decide."""

    min_scores: dict[str, Score] = knob(
        {},
        "lowest score that a dialogue may have, by rubric: below it, it is written again, and rejected as judge_RUBRIC",
    )
