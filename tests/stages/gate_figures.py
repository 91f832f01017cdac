"""Precision and recall of each gate on its test sets, and the table of them in datagen/stages/write/GATES.md.

`python tests/stages/gate_figures.py` prints the table.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gate_samples import SETS, Case, cases

from datagen.protocols import Failure
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import contradiction, density, gates, grounding, private, repetition, roles, spoken
from datagen.stages.write.options import WriteOptions

OPTIONS = WriteOptions()
Gate = Callable[[Transcript, DialogPlan, WriteOptions], Failure | None]
GATES: dict[str, tuple[Gate, ...]] = {
    "structure": (gates.structure, gates.role_context),
    "leaks": (gates.leaks,),
    "spoken": (gates.leaks, spoken.spoken),
    "density": (density.length,),
    "repetition": (repetition.repetition,),
    "roles": (roles.mixed_up,),
    "grounding": (grounding.grounded,),
    "contradiction": (contradiction.contradiction,),
    "private": (private.private,),
}


@dataclass(frozen=True)
class Figure:
    """What one gate by itself does with a set: its own bad dialogues caught, and good ones of the whole set rejected."""

    caught: int
    n_bad: int
    rejected: int
    n_good: int

    @property
    def precision(self) -> float:
        return self.caught / (self.caught + self.rejected)

    @property
    def recall(self) -> float:
        return self.caught / self.n_bad


def fault(gate: str, case: Case) -> str:
    """The reason for which a gate by itself rejects a case, "" where it lets it through."""
    found = (g(case.transcript, case.plan, OPTIONS) for g in GATES[gate])
    return next((f.reason for f in found if f is not None), "")


def figures(of: str) -> dict[str, Figure]:
    """The figures of the gates that a set has cases for."""
    good = [c for c in cases(of) if c.good]
    found = {}
    for gate in GATES:
        bad = [c for c in cases(of) if not c.good and c.gate == gate]
        if bad:
            caught, rejected = (sum(bool(fault(gate, c)) for c in group) for group in (bad, good))
            found[gate] = Figure(caught, len(bad), rejected, len(good))
    return found


def table() -> str:
    """The table in Markdown: precision and recall a gate and a set, each with its counts."""
    of = {name: figures(name) for name in SETS}
    lines = [
        "| gate | " + " | ".join(f"{n}: precision | recall" for n in SETS) + " |",
        "|---" * (1 + 2 * len(SETS)) + "|",
    ]
    for gate in GATES:
        row = [gate]
        for name in SETS:
            f = of[name].get(gate)
            row += (
                [
                    f"{f.precision:.2f} ({f.rejected} of {f.n_good} good rejected)",
                    f"{f.recall:.2f} ({f.caught} of {f.n_bad})",
                ]
                if f
                else ["", ""]
            )
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(table() + "\n")
