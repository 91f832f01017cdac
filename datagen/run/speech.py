"""The speech group: transcripts become spoken, aligned turns. Speaking, aligning and their gates are one attempt loop."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from datagen.audio.files import from_pcm16, to_pcm16
from datagen.build import Build
from datagen.records.codec import from_json, to_json
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Scores, Speech, SpokenDialog, Word
from datagen.records.transcript import Transcript
from datagen.run import write
from datagen.run.attempt import attempt
from datagen.run.batches import batches
from datagen.run.meter import Meter
from datagen.run.speech_notes import Failed, SpeechNotes
from datagen.stages.speak import unit as speak
from datagen.stages.speak.unit import Key, SpeakOptions
from datagen.store.ledger import Artefact, Draft
from datagen.text.say import spoken_words

SPEECH, SAMPLES = "speech.jsonl", "speech.pcm"


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance of the artefact: whose it is, where its samples begin in SAMPLES, its words, and what was measured of it."""

    dialog_id: str
    turn: int
    mark: int | None
    offset: int
    n_samples: int
    words: tuple[Word, ...]
    engine: str
    seed: int
    attempt: int
    scores: Scores
    watermarked: bool


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
    notes = SpeechNotes()
    n_in = n_kept = offset = 0
    with draft.path(SPEECH).open("wb") as lines, draft.path(SAMPLES).open("wb") as samples:
        for batch in batches(read_written(written)):
            n_in += len(batch)
            spoken, failed = _speak(build, batch, notes, meter)
            rejects += failed
            before = offset
            for plan, _ in batch:
                for (turn, mark), speech in spoken.get(plan.dialog_id, {}).items():
                    pcm = to_pcm16(speech.audio)
                    samples.write(pcm.tobytes())
                    line = Line(
                        plan.dialog_id, turn, mark, offset, len(pcm), speech.words, speech.engine, speech.seed, speech.attempt,
                        speech.scores, speech.watermarked,
                    )  # fmt: skip
                    lines.write(to_json(line) + b"\n")
                    offset += len(pcm)
            n_kept += len(batch) - len(failed)
            lost = {s: sum(r.stage is s for r in failed) for s in (Stage.SPEAK, Stage.ALIGN)}
            meter.count(
                Stage.SPEAK, len(batch) - lost[Stage.SPEAK], lost[Stage.SPEAK], (offset - before) / SAMPLE_RATE_HZ
            )
            meter.count(Stage.ALIGN, len(batch) - len(failed), lost[Stage.ALIGN])
    draft.note = {"n_in": n_in, "n_kept": n_kept, "rejects": [asdict(r) for r in rejects], **notes.as_note()}


def _speak(
    build: Build, batch: Sequence[tuple[DialogPlan, Transcript]], notes: SpeechNotes, meter: Meter
) -> tuple[dict[str, dict[Key, Speech]], list[Reject]]:
    """Every utterance of each kept dialogue; a dialogue with one that fails in every attempt is rejected."""
    options, renders = build.options(SpeakOptions), build.engine("speaker").renders
    near = {t.dialog_id: _spoken_texts(t) for _, t in batch} if "asr" in build.kinds else {}
    done: dict[str, dict[Key, Speech]] = {p.dialog_id: {} for p, _ in batch}
    failed: dict[tuple[str, Key], Failed] = {}
    todo: dict[str, set[Key] | None] = {p.dialog_id: None for p, _ in batch}
    for number in range(build.recipe.run.attempts):
        work = [
            (plan, u)
            for plan, transcript in batch
            if plan.dialog_id in todo
            for u in speak.utterances(
                plan, transcript, build.voices, options, build.asides, number, todo[plan.dialog_id], renders
            )
        ]
        todo = {}
        results = attempt(build, [u for _, u in work], near, meter)
        for (plan, u), result in zip(work, results, strict=True):
            notes.count(u.where, result)
            place = plan.dialog_id, u.key
            if isinstance(result, Speech):
                done[plan.dialog_id][u.key] = result
                failed.pop(place, None)
                continue
            failed[place] = failed.get(place, Failed()).then(u, result)
            places = todo.setdefault(plan.dialog_id, set())
            assert places is not None
            places.add(u.key)
        if not todo:
            break
    rejects: dict[str, Reject] = {}
    for (dialog_id, key), tried in failed.items():
        if options.gates.keep_best and tried.best is not None:
            done[dialog_id][key] = tried.best
        else:
            rejects.setdefault(dialog_id, tried.reject)
    kept = {p.dialog_id: dict(sorted(done[p.dialog_id].items(), key=_in_order)) for p, _ in batch}
    lost = [rejects[p.dialog_id] for p, _ in batch if p.dialog_id in rejects]
    return {d: found for d, found in kept.items() if d not in rejects}, lost


def _in_order(item: tuple[Key, Speech]) -> tuple[int, int]:
    (turn, mark), _ = item
    return turn, -1 if mark is None else mark


def _spoken_texts(transcript: Transcript) -> tuple[str, ...]:
    """What the turns of a dialogue say, as it is said: what an ASR may expect there."""
    return tuple(" ".join(spoken_words(t.text)) for t in transcript.turns)


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
    return Speech(audio, line.words, line.engine, line.seed, line.attempt, line.scores, line.watermarked)
