"""The response latency of the agent, a dialogue."""

from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.spread import spread


def latency_s(index: int, options: StitchOptions) -> float:
    """Seconds that are added to every FTO of the agent in the dialogue of that index: spread evenly over the recipe's range."""
    low, high = options.agent_latency_s
    return low + (high - low) * spread(index, "agent latency")
