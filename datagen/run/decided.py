"""What became of a dialogue in the write stage, and what a shard's artefact notes of it: kept, rejected, and why attempts failed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from datagen.build import Build
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions


@dataclass(frozen=True, slots=True)
class Decided:
    """A dialogue's transcript, or None where no attempt gave one that is kept; `failures` are the failed attempts', in their order."""

    dialog_id: str
    transcript: Transcript | None
    failures: tuple[Failure, ...] = ()

    @property
    def attempts(self) -> int:
        return len(self.failures) + (self.transcript is not None)

    @property
    def reject(self) -> Reject | None:
        """The reject of a dialogue that is not kept, for the reason of its last attempt."""
        if self.transcript is not None:
            return None
        last = self.failures[-1]
        return Reject(self.dialog_id, Stage.WRITE, last.reason, last.detail, self.attempts)


def judged(build: Build, request: WriteRequest, answer: Transcript | Failure) -> Transcript | Failure:
    """The transcript as it is kept, or why not: the gates judge what the writer wrote, and what was made of it."""
    if isinstance(answer, Failure):
        return answer
    plan, options = request.plan, build.options(WriteOptions)
    failure = unit.check(answer, plan, options) or build.evaluation.fault(answer, plan)
    if failure is not None:
        return failure
    spoken = unit.loosen(answer, plan, options, build.spontaneous, request.seed)
    failure = unit.check_again(answer, spoken, plan, options) if spoken is not answer else None
    return unit.finish(spoken, options) if failure is None else failure


@dataclass(slots=True)
class Notes:
    """What a shard's write artefact says of its dialogues; the same whatever the order in which they were decided, if added by index."""

    n_in: int = 0
    attempts: int = 0
    rejects: list[Reject] = field(default_factory=list)
    gates: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, dialogs: Iterable[Decided]) -> None:
        for dialog in dialogs:
            self.n_in += 1
            self.attempts += dialog.attempts
            if (reject := dialog.reject) is not None:
                self.rejects.append(reject)
            for failure in dialog.failures:
                self.gates[failure.reason] += 1
                self.examples.setdefault(failure.reason, failure.detail)

    def as_note(self) -> dict[str, Any]:
        """JSON types: counts, rejects, and by reason how many attempts failed, with the first one's line."""
        return {
            "n_in": self.n_in, "n_kept": self.n_in - len(self.rejects), "rejects": [asdict(r) for r in self.rejects],
            "attempts": self.attempts, "gates": dict(sorted(self.gates.items())), "examples": dict(sorted(self.examples.items())),
        }  # fmt: skip
