"""A shard's job: what a worker process is handed, and what it hands back. Plain data, so that any runner can carry it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from datagen.build import Build, resolve
from datagen.config import Recipe
from datagen.errors import DataError, EngineError
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.run import render, speech, write
from datagen.run.meter import Meter, Report
from datagen.stages.plan.shards import Shard
from datagen.store.ledger import Artefact, Draft, Ledger

GROUPS = ("write", "speech", "render")
"""The groups of stages that run as one task: write; speak and align; stitch, scene, encode and pack."""


STAGES_OF = {
    "write": (Stage.PLAN, Stage.WRITE),
    "speech": (Stage.SPEAK, Stage.ALIGN),
    "render": (Stage.STITCH, Stage.SCENE, Stage.ENCODE, Stage.PACK),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One shard of a build: the recipe as JSON, the work folder, whether stereo audio and spent work are kept, and who makes what.

    `engines` are the kinds with engine and revision, as the build's own process has them: a worker that has others stops.
    """

    recipe: str
    work: str
    shard: Shard
    keep_audio: bool
    keep_work: bool = True
    engines: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a group made of a shard: the artefact's folder, what it kept, what it rejected; `made` is False where it was there already.

    Of the write and speech groups there are the attempts too, how many of them failed by reason, and each reason's first line.
    """

    group: str
    shard: Shard
    folder: str
    n_in: int
    n_kept: int
    rejects: tuple[Reject, ...]
    audio_s: float
    made: bool
    attempts: int = 0
    gates: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=2)
def build_of(recipe: str) -> Build:
    """The resolved build of a recipe's JSON, once a process: engines stay loaded between shards."""
    return resolve(Recipe.model_validate_json(recipe))


@lru_cache(maxsize=2)
def ledger_of(work: str) -> Ledger:
    """The ledger of a work folder, once a process: what a group has just made, the next need not verify."""
    return Ledger(Path(work))


def engines_of(build: Build) -> tuple[tuple[str, str], ...]:
    """The engine and its revision by kind, for a Job."""
    return tuple((kind, f"{maker.engine} {maker.revision}") for kind, maker in sorted(build.makers.items()))


@lru_cache(maxsize=2)
def _same_engines(recipe: str, engines: tuple[tuple[str, str], ...]) -> None:
    """An EngineError where this process would make something with another engine, or another revision, than the build has.

    What `auto` becomes, and what is installed, may differ from machine to machine; half a corpus from either would not show.
    """
    here = dict(engines_of(build_of(recipe))) if engines else {}
    for kind, wanted in engines:
        if here[kind] != wanted:
            raise EngineError(
                f"{kind}: a worker has {here[kind]}, and the build {wanted}. Install the same on every machine, and where the "
                f"recipe leaves a choice to the machine ({kind}.backend, {kind}.device = auto) make it there."
            )


def run_group(job: Job, group: str, report: Report) -> Outcome:
    """One group of stages over one shard: taken from the ledger where it is done, else made and recorded.

    The groups before it have to be done. Raises EngineError where an engine failed as a whole, DataError where an
    artefact that this one needs is gone.
    """
    build, ledger, meter = build_of(job.recipe), ledger_of(job.work), Meter(report)
    _same_engines(job.recipe, job.engines)
    if group == "write":
        key = build.write_key(job.shard.indices)
        return _keep(job, group, key, ledger, lambda d: write.run(build, job.shard, d, meter), meter)
    transcripts = _needed(job, ledger, "write", build.write_key(job.shard.indices))
    speech_key = build.speech_key(transcripts.content)
    spared = _spared(job, ledger, transcripts, speech_key)
    if group == "speech":
        if spared is not None:
            _count_done(group, spared.note, meter)
            return _outcome(job, group, spared, new=False)
        return _keep(job, group, speech_key, ledger, lambda d: speech.run(build, transcripts, d, meter), meter)
    spoken = spared or _needed(job, ledger, "speech", speech_key)
    key = build.render_key(transcripts.content, spoken.content, job.keep_audio)
    made_of = partial(render.run, build, ledger, transcripts, spoken, job.keep_audio)
    rendered = _keep(job, group, key, ledger, lambda d: made_of(d, meter, job.shard.name), meter)
    if not job.keep_work:  # speech is the largest of all: that of thousands of hours would fill a disk by the end
        ledger.empty(spoken.folder)
    return rendered


def run_shard(job: Job, report: Report) -> list[Outcome]:
    """All groups of a shard, one after the other."""
    return [run_group(job, group, report) for group in GROUPS]


def _spared(job: Job, ledger: Ledger, transcripts: Artefact, key: str) -> Artefact | None:
    """The record of the shard's speech where that was emptied, and what was rendered of it is there: a build that goes on, and a corpus
    that grows, speak only what is new. None where the speech itself is there, or is needed again."""
    found = ledger.emptied("speech", job.shard.name, key)
    if found is None:
        return None
    rendered = build_of(job.recipe).render_key(transcripts.content, found.content, job.keep_audio)
    return found if ledger.find("render", job.shard.name, rendered) is not None else None


def _needed(job: Job, ledger: Ledger, group: str, key: str) -> Artefact:
    found = ledger.find(group, job.shard.name, key)
    if found is None:
        raise DataError(
            f"{job.shard.name}: its {group} artefact is gone or damaged. Run the same command again: it is made anew."
        )
    return found


def _keep(job: Job, group: str, key: str, ledger: Ledger, make: Callable[[Draft], None], meter: Meter) -> Outcome:
    found = taken(job, group, key, ledger, meter)
    return made(job, group, key, ledger, make) if found is None else found


def taken(job: Job, group: str, key: str, ledger: Ledger, meter: Meter) -> Outcome | None:
    """The group's outcome where its artefact is in the ledger, counted; None where it has to be made."""
    was_there = os.path.lexists(ledger.folder(group, job.shard.name, key))
    found = ledger.find(group, job.shard.name, key)
    if found is not None:
        _count_done(group, found.note, meter)
        return _outcome(job, group, found, new=False)
    if was_there and not os.path.lexists(ledger.folder(group, job.shard.name, key)):
        line = f"{job.shard.name}: its {group} artefact in the work folder was damaged; it is made anew."
        meter.notice(STAGES_OF[group][0], line)
    return None


def made(job: Job, group: str, key: str, ledger: Ledger, make: Callable[[Draft], None]) -> Outcome:
    """The group's outcome, its artefact made by `make` and recorded."""
    with ledger.make(group, job.shard.name, key) as draft:
        make(draft)
    return _outcome(job, group, _needed(job, ledger, group, key), new=True)


def _outcome(job: Job, group: str, artefact: Artefact, new: bool) -> Outcome:
    note = artefact.note
    return Outcome(
        group, job.shard, str(artefact.folder), note["n_in"], note["n_kept"], tuple(Reject(**r) for r in note["rejects"]),
        note.get("audio_s", 0.0), new, note.get("attempts", 0), note.get("gates", {}), note.get("examples", {}),
    )  # fmt: skip


def _count_done(group: str, note: Mapping[str, Any], meter: Meter) -> None:
    """Counts an artefact that was there already, so that the display begins where the work begins."""
    for stage in STAGES_OF[group]:
        rejected = sum(r["stage"] == stage for r in note["rejects"])
        meter.count(stage, note["n_in"] if stage is Stage.PLAN else note["n_kept"], rejected)
