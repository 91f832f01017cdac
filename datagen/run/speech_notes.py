"""What became of a text in its attempts at being spoken, and what a shard's speech artefact notes: how often each gate failed one."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from datagen.records.maker import Reject
from datagen.records.speech import Speech
from datagen.run.placing import Refused
from datagen.stages.speak.gates import judge
from datagen.stages.speak.unit import Utterance


@dataclass(frozen=True, slots=True)
class Failed:
    """A text that no attempt has passed yet: the last one's reject, and the best of those that soft faults alone speak against."""

    last: Reject | None = None
    best: Speech | None = None
    badness: tuple[float, ...] = ()

    @property
    def reject(self) -> Reject:
        assert self.last is not None
        return self.last

    def then(self, utterance: Utterance, refused: Refused) -> "Failed":
        """The same after one more attempt."""
        first = refused.failures[0]
        reject = Reject(
            utterance.dialog_id, refused.stage, first.reason, _detail(utterance.where, first.detail), utterance.attempt + 1,
            utterance.turn,
        )  # fmt: skip
        tried = replace(self, last=reject)
        if refused.speech is None:
            return tried
        badness = judge.badness(refused.speech.scores, refused.failures, utterance.attempt)
        return tried if self.best and self.badness <= badness else replace(tried, best=refused.speech, badness=badness)


def _detail(where: str, detail: str) -> str:
    return detail if detail.startswith(where) else f"{where}: {detail}"


@dataclass(slots=True)
class SpeechNotes:
    """The attempts of a shard, and by reason how many of them failed, with the first one's line. An attempt counts once for each of its
    reasons."""

    attempts: int = 0
    gates: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def count(self, where: str, result: Speech | Refused) -> None:
        self.attempts += 1
        if isinstance(result, Refused):
            for failure in result.failures:
                self.gates[failure.reason] += 1
                self.examples.setdefault(failure.reason, _detail(where, failure.detail))

    def as_note(self) -> dict[str, Any]:
        """JSON types."""
        return {
            "attempts": self.attempts, "gates": dict(sorted(self.gates.items())), "examples": dict(sorted(self.examples.items())),
        }  # fmt: skip
