"""The gate on constraints: what the user has asked for is kept in every later turn of the agent's."""

from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.options import WriteOptions
from datagen.text.constraints import broken, spans

MIN_KEPT = 2
"""Turns of the agent's under the constraint, at least: in one it may be kept by chance."""


def kept(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects a dialogue of kind `instruction` whose constraint is missing, malformed or broken, and a constraint in another kind."""
    id_, constraint = transcript.dialog_id, transcript.constraint
    if plan.kind is not Kind.INSTRUCTION:
        return Failure("constraint_kind", f"{id_}: kind {plan.kind}, and it has a constraint.") if constraint else None
    if not constraint:
        return Failure("constraint_missing", f"{id_}: kind instruction, and no constraint is set.")
    turns = [(turn.speaker is Speaker.AGENT, turn.text) for turn in transcript.turns]
    for turn, what in broken(constraint, turns):
        if turn is None:
            return Failure("constraint_schema", f"{id_}: {what}")
        return Failure("constraint_broken", f"{id_} turn {turn}: it {what}")
    n_kept = sum(is_agent for first, last in spans(constraint, len(turns)) for is_agent, _ in turns[first + 1 : last])
    if n_kept < MIN_KEPT:
        return Failure(
            "constraint_short", f"{id_}: {n_kept} turns of the agent's after the constraint, {MIN_KEPT} are needed."
        )
    return None


def holds(transcript: Transcript) -> bool:
    """Whether what was put into a dialogue leaves its constraint kept; True where there is none."""
    turns = [(turn.speaker is Speaker.AGENT, turn.text) for turn in transcript.turns]
    return not transcript.constraint or next(broken(transcript.constraint, turns), None) is None
