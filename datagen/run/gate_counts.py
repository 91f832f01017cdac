"""How often each reason failed an attempt at writing, and the alarm: one that fails too many is a fault of its own, not of the texts."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from datagen.errors import DataError
from datagen.records.build import GateCount
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.run.job import STAGES_OF, Outcome

ALARM_MIN_ATTEMPTS = 20
"""Fewer attempts than these are no rate yet."""


@dataclass(slots=True)
class GateCounts:
    """The attempts so far, how many of them failed by reason, and an example of each; `max_share` is `write.max_gate_share`."""

    max_share: float
    attempts: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, attempts: int, failed: Mapping[str, int], examples: Mapping[str, str]) -> None:
        self.attempts += attempts
        self.failed.update(failed)
        for reason, example in examples.items():
            self.examples.setdefault(reason, example)

    def check(self, sigmas: float = 0.0) -> None:
        """Raises DataError with the reason, the numbers and an example, where the limit is passed by more than `sigmas` standard
        deviations of a binomial count."""
        n, limit = self.attempts, self.max_share
        most = limit * n + sigmas * math.sqrt(n * limit * (1 - limit))
        reason, count = next(iter(self.failed.most_common(1)), ("", 0))
        if n >= ALARM_MIN_ATTEMPTS and count > most:
            raise DataError(
                f"write: {count} of {n} attempts failed for {reason} ({count / n:.0%}, limit {limit:.0%}), e.g. "
                f"{self.examples[reason]} Mend the cause, or raise write.max_gate_share if it is intended."
            )


def gate_table(outcomes: Iterable[Outcome], rejects: Iterable[Reject]) -> tuple[int, dict[str, GateCount]]:
    """All attempts at writing, and by reason how many of them failed and how many dialogues it has cost, the commonest first.

    A near-duplicate is found when all is written: each is an attempt that failed after all.
    """
    outcomes = list(outcomes)
    lost = {r.dialog_id for o in outcomes for r in o.rejects}
    late = [r for r in rejects if r.stage == Stage.WRITE and r.dialog_id not in lost]
    return _table("write", outcomes, rejects, late)


def speech_gate_table(outcomes: Iterable[Outcome], rejects: Iterable[Reject]) -> tuple[int, dict[str, GateCount]]:
    """All attempts at speaking a turn or what is said beside it, and by reason likewise; one attempt may fail for several reasons."""
    return _table("speech", outcomes, rejects, ())


def _table(
    group: str, outcomes: Iterable[Outcome], rejects: Iterable[Reject], late: Iterable[Reject]
) -> tuple[int, dict[str, GateCount]]:
    attempts, failed = 0, Counter(r.reason for r in late)
    rejected = Counter(r.reason for r in rejects if r.stage in STAGES_OF[group])
    for outcome in outcomes:
        if outcome.group == group:
            attempts += outcome.attempts
            failed.update(outcome.gates)
    ordered = sorted(failed, key=lambda reason: (-failed[reason], reason))
    return attempts, {reason: GateCount(failed[reason], rejected[reason]) for reason in ordered}
