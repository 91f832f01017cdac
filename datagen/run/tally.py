"""The counts of a run, and the alarm: a stage that rejects too much stops the build."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from datagen.errors import DataError
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.run.job import Outcome
from datagen.run.meter import Progress

ALARM_MIN_REJECTS = 5
"""Fewer rejects than this are no rate yet."""

_GROUP_OF = {
    Stage.WRITE: "write",
    Stage.SPEAK: "speech",
    Stage.ALIGN: "speech",
    Stage.STITCH: "render",
    Stage.SCENE: "render",
    Stage.ENCODE: "render",
}


@dataclass(slots=True)
class Tally:
    """What the stages did so far. `live` is for the display; `outcomes` are the record."""

    max_reject_share: float
    done: Counter[Stage] = field(default_factory=Counter)
    rejected: Counter[Stage] = field(default_factory=Counter)
    audio_s: defaultdict[Stage, float] = field(default_factory=lambda: defaultdict(float))
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    outcomes: list[Outcome] = field(default_factory=list)

    def progress(self, step: Progress) -> None:
        """Counts one step forward of a worker."""
        self.done[step.stage] += step.done
        self.rejected[step.stage] += step.rejected
        self.audio_s[step.stage] += step.audio_s
        for name, seconds in step.seconds.items():
            self.seconds[name] += seconds

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Adds a shard's outcomes; DataError where a stage's rejects have passed the limit."""
        self.outcomes += outcomes
        self.check()

    def check(self) -> None:
        """Raises DataError with the stage, the numbers, the commonest reason and an example, where the limit is passed."""
        seen: Counter[str] = Counter()
        rejects: defaultdict[Stage, list[Reject]] = defaultdict(list)
        for outcome in self.outcomes:
            seen[outcome.group] += outcome.n_in
            for reject in outcome.rejects:
                rejects[reject.stage].append(reject)
        for stage, found in rejects.items():
            n = seen[_GROUP_OF[stage]]
            if len(found) >= ALARM_MIN_REJECTS and len(found) > self.max_reject_share * n:
                reason, count = Counter(r.reason for r in found).most_common(1)[0]
                example = next(r for r in found if r.reason == reason)
                raise DataError(
                    f"{stage}: {len(found)} of {n} dialogues rejected ({len(found) / n:.0%}, limit {self.max_reject_share:.0%}); "
                    f"{count} for {reason}, e.g. {example.detail} Mend the cause, or raise run.max_reject_share if it is intended."
                )
