"""The counts of a run, and the alarm: a stage that rejects too much stops the build."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from datagen.errors import DataError
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.run.job import STAGES_OF, Outcome
from datagen.run.meter import Progress

ALARM_MIN_REJECTS = 5
"""Fewer rejects than this are no rate yet."""
EARLY_SIGMAS = 4.0
"""How far above its limit a rate has to be to stop a build under way: one shard's luck is no reason to stop."""

_GROUP_OF = {stage: group for group, stages in STAGES_OF.items() for stage in stages}


@dataclass(slots=True)
class Tally:
    """What the stages did so far. `done` to `seconds` are for the display; `outcomes` are the record."""

    max_reject_share: float
    done: Counter[Stage] = field(default_factory=Counter)
    rejected: Counter[Stage] = field(default_factory=Counter)
    audio_s: defaultdict[Stage, float] = field(default_factory=lambda: defaultdict(float))
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    outcomes: list[Outcome] = field(default_factory=list)
    _seen: Counter[str] = field(default_factory=Counter)
    _rejects: defaultdict[Stage, list[Reject]] = field(default_factory=lambda: defaultdict(list))

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
        self.check(EARLY_SIGMAS)

    def check(self, sigmas: float = 0.0) -> None:
        """Raises DataError with the stage, the numbers, the commonest reason and an example, where the limit is passed
        by more than `sigmas` standard deviations of a binomial count."""
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
