"""The speech group: transcripts become spoken, aligned turns. Speaking, aligning and their gates are one attempt loop."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from datagen.audio.files import from_pcm16, to_pcm16
from datagen.build import Build
from datagen.protocols import AlignRequest, Failure
from datagen.records.codec import from_json, to_json
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Speech, SpokenDialog, Word
from datagen.records.transcript import Transcript
from datagen.run import write
from datagen.run.batches import batches
from datagen.run.meter import Meter
from datagen.stages.align import unit as align
from datagen.stages.align.unit import AlignOptions
from datagen.stages.speak import unit as speak
from datagen.stages.speak.unit import Key, SpeakOptions, Utterance
from datagen.store.ledger import Artefact, Draft

SPEECH, SAMPLES = "speech.jsonl", "speech.pcm"


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance of the artefact: whose it is, where its samples begin in SAMPLES, and its words."""

    dialog_id: str
    turn: int
    mark: int | None
    offset: int
    n_samples: int
    words: tuple[Word, ...]
    engine: str
    seed: int
    attempt: int


def read_written(written: Artefact) -> Iterator[tuple[DialogPlan, Transcript]]:
    """The kept dialogues of a write artefact with their plans, by index."""
    transcripts = {t.dialog_id: t for t in write.read_transcripts(written.path(write.TRANSCRIPTS))}
    with written.path(write.PLANS).open("rb") as lines:
        for plan in (from_json(DialogPlan, line) for line in lines):
            if plan.dialog_id in transcripts:
                yield plan, transcripts[plan.dialog_id]


def run(build: Build, written: Artefact, draft: Draft, meter: Meter) -> None:
    """Writes SPEECH (a line an utterance) and SAMPLES (16-bit PCM, one after the other) of the kept dialogues."""
    rejects: list[Reject] = []
    n_in = n_kept = offset = 0
    with draft.path(SPEECH).open("wb") as lines, draft.path(SAMPLES).open("wb") as samples:
        for batch in batches(read_written(written)):
            n_in += len(batch)
            spoken, failed = _speak(build, batch, meter)
            rejects += failed
            before = offset
            for plan, _ in batch:
                for (turn, mark), speech in spoken.get(plan.dialog_id, {}).items():
                    pcm = to_pcm16(speech.audio)
                    samples.write(pcm.tobytes())
                    line = Line(
                        plan.dialog_id,
                        turn,
                        mark,
                        offset,
                        len(pcm),
                        speech.words,
                        speech.engine,
                        speech.seed,
                        speech.attempt,
                    )
                    lines.write(to_json(line) + b"\n")
                    offset += len(pcm)
            n_kept += len(batch) - len(failed)
            lost = {s: sum(r.stage is s for r in failed) for s in (Stage.SPEAK, Stage.ALIGN)}
            meter.count(
                Stage.SPEAK, len(batch) - lost[Stage.SPEAK], lost[Stage.SPEAK], (offset - before) / SAMPLE_RATE_HZ
            )
            meter.count(Stage.ALIGN, len(batch) - len(failed), lost[Stage.ALIGN])
    draft.note = {"n_in": n_in, "n_kept": n_kept, "rejects": [asdict(r) for r in rejects]}


def _speak(
    build: Build, batch: Sequence[tuple[DialogPlan, Transcript]], meter: Meter
) -> tuple[dict[str, dict[Key, Speech]], list[Reject]]:
    """Every utterance of each kept dialogue; a dialogue with one that fails in every attempt is rejected."""
    options, renders = build.options(SpeakOptions), build.engine("speaker").renders
    done: dict[str, dict[Key, Speech]] = {p.dialog_id: {} for p, _ in batch}
    failures: dict[tuple[str, Key], Reject] = {}
    todo: dict[str, set[Key] | None] = {p.dialog_id: None for p, _ in batch}
    for attempt in range(build.recipe.run.attempts):
        work = [
            (plan, u)
            for plan, transcript in batch
            if plan.dialog_id in todo
            for u in speak.utterances(
                plan, transcript, build.voices, options, build.asides, attempt, todo[plan.dialog_id], renders
            )
        ]
        todo = {}
        results = _attempt(build, [u for _, u in work], meter)
        for (plan, u), result in zip(work, results, strict=True):
            place = u.key
            if isinstance(result, Speech):
                done[plan.dialog_id][place] = result
                failures.pop((plan.dialog_id, place), None)
                continue
            stage, failure = result
            detail = failure.detail if failure.detail.startswith(u.where) else f"{u.where}: {failure.detail}"
            failures[plan.dialog_id, place] = Reject(plan.dialog_id, stage, failure.reason, detail, attempt + 1, u.turn)
            places = todo.setdefault(plan.dialog_id, set())
            assert places is not None
            places.add(place)
        if not todo:
            break
    rejects = {dialog_id: reject for (dialog_id, _), reject in reversed(failures.items())}
    order = {p.dialog_id: None for p, _ in batch}
    kept = {d: dict(sorted(done[d].items(), key=_in_order)) for d in order if d not in rejects}
    return kept, [rejects[d] for d in order if d in rejects]


def _in_order(item: tuple[Key, Speech]) -> tuple[int, int]:
    (turn, mark), _ = item
    return turn, -1 if mark is None else mark


def _attempt(build: Build, utterances: Sequence[Utterance], meter: Meter) -> list[Speech | tuple[Stage, Failure]]:
    """Each utterance spoken, trimmed, gated and aligned once."""
    with meter.time(Stage.SPEAK, "engine"):
        raw = build.engine("speaker").speak([u.request for u in utterances])
    with meter.time(Stage.SPEAK):
        options = build.options(SpeakOptions)
        spoken = [
            s if isinstance(s, Failure) else speak.finish(u, s, options) for u, s in zip(utterances, raw, strict=True)
        ]
    good = [i for i, s in enumerate(spoken) if isinstance(s, Speech)]
    with meter.time(Stage.ALIGN, "engine"):
        words = build.engine("aligner").align([_align_request(utterances[i], spoken[i]) for i in good])
    results: list[Speech | tuple[Stage, Failure]] = [(Stage.SPEAK, s) if isinstance(s, Failure) else s for s in spoken]
    with meter.time(Stage.ALIGN):
        align_options = build.options(AlignOptions)
        for i, found in zip(good, words, strict=True):
            speech = spoken[i]
            assert isinstance(speech, Speech)
            aligned = found if isinstance(found, Failure) else align.finish(speech, found, align_options)
            results[i] = (Stage.ALIGN, aligned) if isinstance(aligned, Failure) else aligned
    return results


def _align_request(utterance: Utterance, speech: Speech | Failure) -> AlignRequest:
    assert isinstance(speech, Speech)
    return align.request(utterance.request.words, utterance.request.spoken, speech)


def read_spoken(spoken: Artefact, written: Artefact) -> Iterator[tuple[DialogPlan, Transcript, SpokenDialog]]:
    """The dialogues of a speech artefact with their plans and transcripts, by index; one in memory at a time."""
    lines: dict[str, list[Line]] = {}
    with spoken.path(SPEECH).open("rb") as file:
        for line in (from_json(Line, raw) for raw in file):
            lines.setdefault(line.dialog_id, []).append(line)
    samples = spoken.path(SAMPLES)
    for plan, transcript in read_written(written):
        if plan.dialog_id in lines:
            yield (
                plan,
                transcript,
                speak.gather(transcript, {(x.turn, x.mark): _speech(x, samples) for x in lines[plan.dialog_id]}),
            )


def _speech(line: Line, samples: Path) -> Speech:
    # Read, not mapped: the pages of a map count as this process's memory, a whole shard's in the end.
    audio = from_pcm16(np.fromfile(samples, "<i2", line.n_samples, offset=2 * line.offset))
    return Speech(audio, line.words, line.engine, line.seed, line.attempt)
