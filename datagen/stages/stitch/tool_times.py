"""How long the tools take that the agent calls: what is drawn for each call, and when its result is there."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datagen.records.speech import SAMPLE_RATE_HZ, SpokenDialog, SpokenTurn
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.shapes import Awaited, Placement, TurnShape
from datagen.stages.stitch.words import samples


def draw_latencies(
    shapes: Sequence[TurnShape], spoken: SpokenDialog, options: StitchOptions, rng: np.random.Generator
) -> list[TurnShape]:
    """The shapes, each with the results that it waits for; the same ones, and nothing drawn, where no tool is called."""
    out = list(shapes)
    at = {t.turn.index: position for position, t in enumerate(spoken.turns)}
    latencies, reaction_s = options.tool_latencies(), options.tool_latency.reaction_s
    for position, turn in enumerate(spoken.turns):
        for call in turn.turn.calls:
            waits = Awaited(
                position, call.word, samples(latencies.quantile(rng.random())), samples(rng.uniform(*reaction_s))
            )
            result = at.get(call.result_turn)
            if result is not None:
                out[result] = replace(out[result], awaited=(*out[result].awaited, waits))
    return out


def results_s(
    position: int, placement: Placement, shapes: Sequence[TurnShape], turns: Sequence[SpokenTurn]
) -> tuple[float, ...]:
    """When the result of each call of a turn is there, in seconds from the dialogue's start: before the turn that speaks it begins."""
    at = {t.turn.index: p for p, t in enumerate(turns)}
    found = []
    for call in turns[position].turn.calls:
        spoken = at.get(call.result_turn)
        called = placement.spots[position].words[call.word][1]
        waits = shapes[spoken].awaited if spoken is not None else ()
        latency = next((w.latency for w in waits if (w.turn, w.word) == (position, call.word)), 0)
        latest = placement.spots[spoken].start if spoken is not None else called + latency
        found.append(max(min(called + latency, latest), called) / SAMPLE_RATE_HZ)
    return tuple(found)
