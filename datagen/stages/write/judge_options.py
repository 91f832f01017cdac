"""The knobs of what an LLM judge has to find in a dialogue."""

from datagen.config import Options, knob


class JudgeLimits(Options):
    """What the scores of `judge.engine` decide."""

    min_scores: dict[str, float] = knob(
        {},
        "lowest score that a dialogue may have, by rubric: below it, it is written again, and rejected as judge_RUBRIC",
    )
