"""The write group: a shard's plans become transcripts that pass every gate."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from datagen.build import Build
from datagen.domains.spontaneous import Spontaneous
from datagen.protocols import Failure, WriteRequest
from datagen.records.codec import from_json, to_json
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.run.batches import batches
from datagen.run.meter import Meter
from datagen.stages.plan.shards import Shard
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions
from datagen.store.ids import seed_of
from datagen.store.ledger import Draft

PLANS, TRANSCRIPTS = "plans.jsonl", "transcripts.jsonl"


def run(build: Build, shard: Shard, draft: Draft, meter: Meter) -> None:
    """Writes PLANS (every dialogue of the shard) and TRANSCRIPTS (the kept ones), a record a line, by index."""
    rejects: list[Reject] = []
    n_kept = 0
    with draft.path(PLANS).open("wb") as plans_file, draft.path(TRANSCRIPTS).open("wb") as transcripts_file:
        for indices in batches(shard.indices):
            with meter.time(Stage.PLAN):
                plans = [build.planner.plan(i) for i in indices]
            meter.count(Stage.PLAN, done=len(plans))
            results = _write(build, plans, meter)
            kept = [r for r in results if isinstance(r, Transcript)]
            rejects += [r for r in results if isinstance(r, Reject)]
            plans_file.writelines(to_json(p) + b"\n" for p in plans)
            transcripts_file.writelines(to_json(t) + b"\n" for t in kept)
            n_kept += len(kept)
            meter.count(Stage.WRITE, done=len(kept), rejected=len(plans) - len(kept))
    draft.note = {"n_in": len(shard.indices), "n_kept": n_kept, "rejects": [asdict(r) for r in rejects]}


def read_transcripts(path: Path) -> Iterator[Transcript]:
    """The transcripts of a TRANSCRIPTS file, by index."""
    with path.open("rb") as lines:
        yield from (from_json(Transcript, line) for line in lines)


def _write(build: Build, plans: Sequence[DialogPlan], meter: Meter) -> list[Transcript | Reject]:
    """A transcript or a reject a plan; what fails is written again with a seed of its own."""
    options = build.options(WriteOptions)
    results: dict[str, Transcript | Reject] = {}
    for attempt in range(build.recipe.run.attempts):
        todo = [p for p in plans if not isinstance(results.get(p.dialog_id), Transcript)]
        if not todo:
            break
        requests = [WriteRequest(p, seed_of(p.seed, "write", attempt)) for p in todo]
        with meter.time(Stage.WRITE, "engine"):
            answers = build.engine("writer").write(requests)
        with meter.time(Stage.WRITE):
            for request, answer in zip(requests, answers, strict=True):
                results[request.plan.dialog_id] = _judged(request, answer, options, build.spontaneous, attempt + 1)
    return [results[p.dialog_id] for p in plans]


def _judged(
    request: WriteRequest, answer: Transcript | Failure, options: WriteOptions, texts: Spontaneous, attempts: int
) -> Transcript | Reject:
    """The transcript as it is kept, or the reject: the gates judge what the writer wrote, and what was made of it."""
    plan = request.plan
    failure = answer if isinstance(answer, Failure) else unit.check(answer, plan, options)
    if failure is None and isinstance(answer, Transcript):
        spoken = unit.loosen(answer, plan, options, texts, request.seed)
        failure = unit.check(spoken, plan, options) if spoken is not answer else None
        if failure is None:
            return unit.finish(spoken, options)
    assert failure is not None
    return Reject(plan.dialog_id, Stage.WRITE, failure.reason, failure.detail, attempts)
