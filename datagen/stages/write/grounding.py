"""The grounding gate: the agent states no value that neither its role context, the user nor a tool's result gave it."""

from datagen.protocols import Failure
from datagen.records.enums import Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import edits
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.source import Source
from datagen.stages.write.tools import results_by_turn
from datagen.text.values import values_of

_EDGES = " .,?!;:…\"'()"


def grounded(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects the agent's first number, price, time, date, name or code that was not given before it said it."""
    if plan.kind not in options.grounded_kinds:
        return None
    source = Source()
    source.add(transcript.role_context)
    results = results_by_turn(transcript)
    for turn in transcript.turns:
        if turn.speaker is Speaker.USER:
            # What a caller has taken back ("Tuesday, no, Thursday") was not given.
            source.add(" ".join(edits.fluent_words(turn)) if turn.marks else turn.text)
            continue
        for text in results.get(turn.index, ()):
            source.add(text)
        for value in values_of(turn.text):
            if not source.holds(value):
                return Failure(
                    f"ungrounded_{value.type}",
                    f"{transcript.dialog_id} turn {turn.index}: the agent says {value.surface.strip(_EDGES)}, "
                    f"which is in neither the role context nor what the user said{' or a tool gave' if results else ''}.",
                )
    return None
