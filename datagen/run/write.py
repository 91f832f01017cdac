"""The write group with a writer of this process: a shard's plans become transcripts that pass every gate.

Writers that wait for servers have a loop of their own, over all shards (datagen/run/writing.py).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from datagen.build import Build
from datagen.protocols import Failure, WriteRequest
from datagen.records.codec import from_json, to_json
from datagen.records.enums import Stage
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.run.asking import counted
from datagen.run.batches import batches
from datagen.run.decided import Decided, Notes, judged
from datagen.run.meter import Meter
from datagen.stages.plan.shards import Shard
from datagen.store.ids import seed_of
from datagen.store.ledger import Draft

PLANS, TRANSCRIPTS = "plans.jsonl", "transcripts.jsonl"


def run(build: Build, shard: Shard, draft: Draft, meter: Meter) -> None:
    """Writes PLANS (every dialogue of the shard) and TRANSCRIPTS (the kept ones), a record a line, by index."""
    notes = Notes()
    with draft.path(PLANS).open("wb") as plans_file, draft.path(TRANSCRIPTS).open("wb") as transcripts_file:
        for indices in batches(shard.indices):
            with meter.time(Stage.PLAN):
                plans = [build.planner.plan(i) for i in indices]
            meter.count(Stage.PLAN, done=len(plans))
            decided = _write(build, plans, meter)
            kept = [d.transcript for d in decided if d.transcript is not None]
            notes.add(decided)
            plans_file.writelines(to_json(p) + b"\n" for p in plans)
            transcripts_file.writelines(to_json(t) + b"\n" for t in kept)
            meter.count(Stage.WRITE, done=len(kept), rejected=len(plans) - len(kept))
    draft.note = notes.as_note()


def read_transcripts(path: Path) -> Iterator[Transcript]:
    """The transcripts of a TRANSCRIPTS file, by index."""
    with path.open("rb") as lines:
        yield from (from_json(Transcript, line) for line in lines)


def _write(build: Build, plans: Sequence[DialogPlan], meter: Meter) -> list[Decided]:
    """What became of each plan; what fails is written again with a seed of its own."""
    failures: dict[str, list[Failure]] = {p.dialog_id: [] for p in plans}
    kept: dict[str, Transcript] = {}
    for attempt in range(build.recipe.run.attempts):
        todo = [p for p in plans if p.dialog_id not in kept]
        if not todo:
            break
        requests = [WriteRequest(p, seed_of(p.seed, "write", attempt), attempt) for p in todo]
        with meter.time(Stage.WRITE, "engine"):
            writer = build.engine("writer")
            answers = counted("writer", writer.name, len(requests), writer.write(requests))
        with meter.time(Stage.WRITE):
            for request, answer in zip(requests, answers, strict=True):
                result, dialog_id = judged(build, request, answer), request.plan.dialog_id
                if isinstance(result, Transcript):
                    kept[dialog_id] = result
                else:
                    failures[dialog_id].append(result)
    return [Decided(p.dialog_id, kept.get(p.dialog_id), tuple(failures[p.dialog_id])) for p in plans]
