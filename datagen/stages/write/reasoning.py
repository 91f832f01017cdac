"""The gate on word problems: the agent says the answer that was computed, before it is asked anything else."""

from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.source import Source
from datagen.text.values import values_of


def answered(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects a word problem whose answer none of the agent's turns says; other dialogues pass."""
    numbers = plan.instance.get("numbers") if plan.kind is Kind.QA else None
    if not numbers:
        return None
    said = Source()
    for turn in transcript.turns:
        if turn.speaker is Speaker.AGENT:
            said.add(turn.text)
    if all(said.holds(value) for value in values_of(numbers["answer"])):
        return None
    return Failure(
        "wrong_answer",
        f"{transcript.dialog_id}: the agent never says {numbers['answer']}, the answer to {plan.instance['question']!r}.",
    )
