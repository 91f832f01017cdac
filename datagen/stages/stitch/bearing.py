"""Which turn gets which FTO: the deep overlaps go to turns that are long enough for them."""

from collections.abc import Sequence
from dataclasses import replace

from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.stitch.laying import Rules, deepest_overlap, lay
from datagen.stages.stitch.shapes import TurnShape


def bear(shapes: Sequence[TurnShape], rules: Rules) -> list[TurnShape]:
    """The same turns with the same quantiles, exchanged so that overlaps lie where both turns bear them.

    A one-word turn bears no long overlap. Cutting its overlap short would make a build's overlaps shorter than asked;
    giving it to a longer turn of the dialogue (of the same speaker, if there is one) keeps their distribution. What
    no turn bears stays where it is, for placing to shorten.
    """
    bounds = _bounds(shapes, rules)
    quantiles = [shape.u for shape in shapes]
    depths = {i: round(-rules.fto.quantile(shapes[i].u) * SAMPLE_RATE_HZ) for i in bounds}
    free = set(bounds)
    for deep in sorted(bounds, key=lambda i: (-depths[i], i)):
        if deep not in free or depths[deep] <= bounds[deep]:
            free.discard(deep)
            continue
        able = [i for i in free if bounds[i] >= depths[deep] and depths[i] <= bounds[deep]]
        if able:
            # The tightest fit, so that the longest turns are left for what only they bear.
            other = min(able, key=lambda i: (shapes[i].speaker is not shapes[deep].speaker, bounds[i], i))
            quantiles[deep], quantiles[other] = quantiles[other], quantiles[deep]
            depths[deep], depths[other] = depths[other], depths[deep]
            free.discard(other)
    return [replace(shape, u=u) for shape, u in zip(shapes, quantiles, strict=True)]


def _bounds(shapes: Sequence[TurnShape], rules: Rules) -> dict[int, int]:
    """The deepest overlap, in samples, that each turn bears which takes the floor without barging in."""
    laid = [lay(shape) for shape in shapes]
    return {
        i: deepest_overlap(shapes[i], laid[i], shapes[i - 1], laid[i - 1], rules)
        for i in range(1, len(shapes))
        if shapes[i].speaker is not shapes[i - 1].speaker
        and shapes[i - 1].cut_word is None
        and not shapes[i].silence
        and not shapes[i].awaited
    }
