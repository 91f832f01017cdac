"""A mix that changes as training goes on: stages with weights, each up to a step of the optimiser.

    Curriculum(
        [
            Stage(until_step=24_000, weights={"synthetic": 1.0}),
            Stage(until_step=None, weights={"synthetic": 2.0, "calls": 1.0}, ramp_steps=2_000),
        ],
        samples_a_step=32,
    )

The released PersonaPlex was trained on synthetic service and question dialogues with real calls beside them (its paper, table 1);
which share comes when is the trainer's, and is what stages say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from types import NoneType

from datagen.errors import UserError
from datagen.load.schedule import Course, Span, in_parts, parts
from datagen.store.ids import rng

RAMP_PIECES = 64
"""A ramp goes in at most so many equal steps, a share's way being 1/64 of it at a time."""

SharesOf = Callable[[Mapping[str, float], str], Sequence[float]]
"""The sources' shares for a stage's weights; the text is what a message calls the stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Weights of the builds up to step `until_step` (exclusive), None for good. A build without a weight has none.

    Over the stage's first `ramp_steps` the shares go evenly from those of the stage before to its own.
    """

    until_step: int | None
    weights: Mapping[str, float]
    ramp_steps: int = 0


@dataclass(frozen=True, slots=True)
class Curriculum:
    """Stages in their order. Steps are the optimiser's; each takes `samples_a_step` dialogues over all ranks together.

    With `samples_a_step` 1, `until_step` and `ramp_steps` count dialogues.
    """

    stages: Sequence[Stage]
    samples_a_step: int = 1

    def check(self, builds: Sequence[str]) -> None:
        """UserError where a stage ends before it begins, none is for good, or weights are none of these builds'."""
        if type(self.samples_a_step) is not int or self.samples_a_step < 1:
            raise UserError(f"samples_a_step={self.samples_a_step!r}: a whole number of dialogues a step, at least 1.")
        if not self.stages or self.stages[-1].until_step is not None:
            end = f"ends at step {self.stages[-1].until_step}" if self.stages else "has no stage"
            raise UserError(f"the curriculum {end}. Its last stage has until_step=None.")
        first = 0
        for number, stage in enumerate(self.stages):
            _check_steps(stage, number, first, number + 1 == len(self.stages))
            _check_weights(stage.weights, _called(number), builds)
            first = stage.until_step or first
        unused = [b for b in builds if not any(s.weights.get(b) for s in self.stages)]
        if unused:
            raise UserError(
                f"{', '.join(unused)}: in the mix without a weight above 0 in any stage. Give one, or leave it out."
            )

    def course(self, shares_of: SharesOf, seed: int) -> Course:
        """The turns of the sources: `shares_of` says their shares for a stage's weights. Checked before."""
        spans: list[tuple[int, Span]] = []
        first, before = 0, None
        for number, stage in enumerate(self.stages):
            shares = shares_of(stage.weights, _called(number))
            priority = tuple(int(i) for i in rng(seed, "mix", number).permutation(len(shares)))
            n_ramp = stage.ramp_steps * self.samples_a_step
            if n_ramp and before is not None:
                spans.append((n_ramp, Span(_ramp(before, shares, n_ramp), priority)))
            span = Span(((1, parts(shares)),), priority)
            if stage.until_step is None:
                break
            spans.append(((stage.until_step - first) * self.samples_a_step - n_ramp, span))
            first, before = stage.until_step, shares
        return Course([s for s in spans if s[0]], span)


def _ramp(before: Sequence[float], after: Sequence[float], n_samples: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Pieces of the way from shares to shares, each with the shares in its middle: caps that both keep, it keeps."""
    n_pieces = min(RAMP_PIECES, n_samples)
    ends = [n_samples * (i + 1) // n_pieces for i in range(n_pieces)]
    pieces = []
    for i, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        done = (i + 0.5) / n_pieces
        pieces.append((end - start, in_parts([(1 - done) * a + done * b for a, b in zip(before, after, strict=True)])))
    return tuple(pieces)


def _called(number: int) -> str:
    return f"stage {number + 1}"


def _check_steps(stage: Stage, number: int, first: int, is_last: bool) -> None:
    called = _called(number)
    if type(stage.until_step) not in (int, NoneType) or type(stage.ramp_steps) is not int:
        raise UserError(
            f"{called} has until_step={stage.until_step!r} and ramp_steps={stage.ramp_steps!r}: steps are whole numbers."
        )
    if not is_last and stage.until_step is None:
        raise UserError(f"{called} has no end (until_step=None), and a stage comes after it. Only the last has none.")
    if stage.until_step is not None and stage.until_step <= first:
        raise UserError(
            f"{called} is until step {stage.until_step}, and the one before ends at {first}: stages follow one another. "
            f"Give it a step above {first}."
        )
    if stage.ramp_steps < 0 or (stage.ramp_steps and not number):
        raise UserError(
            f"{called} has ramp_steps={stage.ramp_steps}: a ramp comes from the stage before; the first has none."
        )
    if stage.until_step is not None and stage.ramp_steps > stage.until_step - first:
        raise UserError(
            f"{called} is {stage.until_step - first} steps long, and its ramp {stage.ramp_steps}. Shorten the ramp."
        )


def _check_weights(weights: Mapping[str, float], called: str, builds: Sequence[str]) -> None:
    for build, weight in weights.items():
        if build not in builds:
            raise UserError(f"{called} has a weight of {build!r}, and the mix has {', '.join(map(repr, builds))}.")
        if not isinstance(weight, Real) or not (isfinite(weight) and weight >= 0):
            raise UserError(f"{called}: the weight of {build!r} is {weight!r}, and a weight is a number from 0 on.")
    if not any(weights.values()):
        raise UserError(f"{called} has no weight above 0.")
    if not isfinite(sum(weights.values())):
        raise UserError(
            f"{called}: the weights are too large to add up. Give smaller ones: they count against each other."
        )
