"""The counts of a run, and the alarm: a stage that rejects too much stops the build."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from datagen.build import Build
from datagen.errors import DataError
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.run.gate_counts import GateCounts
from datagen.run.job import STAGES_OF, Outcome
from datagen.run.meter import Progress
from datagen.stages.write.options import WriteOptions

ALARM_MIN_REJECTS = 5
"""Fewer rejects than this are no rate yet."""
EARLY_SIGMAS = 4.0
"""How far above its limit a rate has to be to stop a build under way: one shard's luck is no reason to stop."""

_GROUP_OF = {stage: group for group, stages in STAGES_OF.items() for stage in stages}


@dataclass(slots=True)
class Tally:
    """What the stages did so far. `done` to `seconds` are for the display; `outcomes` are the record."""

    max_reject_share: float
    max_gate_share: float = 1.0
    done: Counter[Stage] = field(default_factory=Counter)
    rejected: Counter[Stage] = field(default_factory=Counter)
    audio_s: defaultdict[Stage, float] = field(default_factory=lambda: defaultdict(float))
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    outcomes: list[Outcome] = field(default_factory=list)
    _seen: Counter[str] = field(default_factory=Counter)
    _rejects: defaultdict[Stage, list[Reject]] = field(default_factory=lambda: defaultdict(list))
    _gates: GateCounts = field(init=False)

    def __post_init__(self) -> None:
        self._gates = GateCounts(self.max_gate_share)

    def progress(self, step: Progress) -> None:
        """Counts one step forward of a worker."""
        self.done[step.stage] += step.done
        self.rejected[step.stage] += step.rejected
        self.audio_s[step.stage] += step.audio_s
        for name, seconds in step.seconds.items():
            self.seconds[name] += seconds

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Adds a shard's outcomes; DataError where a stage's rate is already so high that the rest cannot mend it."""
        self.outcomes += outcomes
        for outcome in outcomes:
            self._seen[outcome.group] += outcome.n_in
            for reject in outcome.rejects:
                self._rejects[reject.stage].append(reject)
            if outcome.group == "write":
                self._gates.add(outcome.attempts, outcome.gates, outcome.examples)
        self.check(EARLY_SIGMAS)

    def check(self, sigmas: float = 0.0) -> None:
        """Raises DataError with the stage, the numbers, the commonest reason and an example, where the limit is passed
        by more than `sigmas` standard deviations of a binomial count; so too where one reason fails too many attempts at writing."""
        limit = self.max_reject_share
        for stage, found in self._rejects.items():
            n = self._seen[_GROUP_OF[stage]]
            most = limit * n + sigmas * math.sqrt(n * limit * (1 - limit))
            if len(found) >= ALARM_MIN_REJECTS and len(found) > most:
                reason, count = Counter(r.reason for r in found).most_common(1)[0]
                example = next(r for r in found if r.reason == reason)
                raise DataError(
                    f"{stage}: {len(found)} of {n} dialogues rejected ({len(found) / n:.0%}, limit {limit:.0%}); {count} for "
                    f"{reason}, e.g. {example.detail} Mend the cause, or raise run.max_reject_share if it is intended."
                )
        self._gates.check(sigmas)


def tally_of(build: Build) -> Tally:
    """An empty tally with the build's limits."""
    return Tally(build.recipe.run.max_reject_share, build.options(WriteOptions).max_gate_share)
