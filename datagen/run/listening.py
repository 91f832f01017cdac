"""What engines that listen say of spoken texts: the ASR round trip of the sampled ones, likeness to the voice, an opinion of the sound.

All of a batch goes through each engine at once. What is heard depends on a text, its sound and its dialogue alone, never on the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from datagen.build import Build
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Stage
from datagen.records.plan import Voice
from datagen.records.speech import Audio, Speech
from datagen.run.asking import counted
from datagen.run.meter import Meter
from datagen.run.prompts import voice_prompt
from datagen.stages.speak.gates import heard, judge
from datagen.stages.speak.unit import SpeakOptions


@dataclass(frozen=True, slots=True)
class Take:
    """One aligned text that no gate on its sound rejects. `place` is what the sample is drawn by; `near` are texts around it."""

    where: str
    place: tuple[str | int, ...]
    request: SpeakRequest
    speech: Speech
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A text with all its scores, and what speaks against it, all of it soft."""

    speech: Speech
    failures: tuple[Failure, ...] = ()


def judged(build: Build, takes: Sequence[Take], meter: Meter) -> list[Judged]:
    """Every take with the scores of the engines that the build has. Whatever fails is soft: see `judge.heard_faults`."""
    options: SpeakOptions = build.options(SpeakOptions)
    round_trips = _round_trips(build, takes, options, meter)
    similarities = _similarities(build, takes, options, meter)
    opinions = _opinions(build, takes, meter)
    same_from = build.engine("embedder").same_from if "embedder" in build.kinds else 0.0
    results = []
    for take, trip, similarity, mos in zip(takes, round_trips, similarities, opinions, strict=True):
        scores = replace(take.speech.scores, wer=trip.wer if trip else None, similarity=similarity, mos=mos)
        failures = judge.heard_faults(take.where, scores, trip, same_from, options.gates)
        results.append(Judged(replace(take.speech, scores=scores), failures))
    return results


def _round_trips(
    build: Build, takes: Sequence[Take], options: SpeakOptions, meter: Meter
) -> list[heard.RoundTrip | None]:
    """What the ASR made of each sampled take; None for the others, and where it can say nothing of one: that is no fault of the speech."""
    trips: list[heard.RoundTrip | None] = [None] * len(takes)
    if "asr" not in build.kinds:
        return trips
    chosen = [
        i
        for i, t in enumerate(takes)
        if heard.hearable(t.request.spoken) and heard.sampled(options.asr_share, *t.place)
    ]
    requests = [heard.request(takes[i].request, takes[i].speech.audio, takes[i].near) for i in chosen]
    if not requests:
        return trips
    with meter.time(Stage.SPEAK, "asr"):
        asr = build.engine("asr")
        answers = counted("asr", asr.name, len(requests), asr.hear(requests))
    for i, answer in zip(chosen, answers, strict=True):
        if not isinstance(answer, Failure):
            trips[i] = heard.round_trip(takes[i].request.spoken, answer)
    _tell("asr", [takes[i] for i in chosen], answers, meter)
    return trips


def _tell(kind: str, takes: Sequence[Take], answers: Sequence[object], meter: Meter) -> None:
    """A notice where an engine could not judge some: their score is null, and nobody should take that for a passed gate."""
    silent = [(t, a) for t, a in zip(takes, answers, strict=True) if isinstance(a, Failure)]
    if silent:
        take, first = silent[0]
        line = (
            f"{kind}: {len(silent)} of {len(takes)} spoken texts could not be judged, e.g. {take.where}: {first.detail}"
        )
        meter.notice(Stage.SPEAK, line)


def _similarities(build: Build, takes: Sequence[Take], options: SpeakOptions, meter: Meter) -> list[float | None]:
    """How alike each take is to its voice's reference; None where it is too short, or nobody can tell."""
    found: list[float | None] = [None] * len(takes)
    if "embedder" not in build.kinds:
        return found
    chosen = [i for i, t in enumerate(takes) if t.speech.duration_s >= options.gates.similarity_from_s]
    if not chosen:
        return found
    _refer(build, {takes[i].request.voice.id: takes[i].request.voice for i in chosen}, meter)
    with meter.time(Stage.SPEAK, "embedder"):
        embedder = build.engine("embedder")
        rows = counted("embedder", embedder.name, len(chosen), embedder.embed([takes[i].speech.audio for i in chosen]))
        for row, i in zip(rows, chosen, strict=True):
            reference = build.references[takes[i].request.voice.id]
            value = float(embedder.similarity(row[None], reference)[0, 0])
            found[i] = round(value, 6) if np.isfinite(value) else None
    return found


def _refer(build: Build, voices: dict[str, Voice], meter: Meter) -> None:
    """Has the embedding of each voice's reference at hand: its voice prompt, which no dialogue says."""
    lacking = [v for v in voices if v not in build.references]
    if lacking:
        prompts: list[Audio] = [voice_prompt(build, v, meter) for v in lacking]
        with meter.time(Stage.SPEAK, "embedder"):
            embedder = build.engine("embedder")
            rows = counted("embedder", embedder.name, len(prompts), embedder.embed(prompts))
        build.references.update({v: row[None] for v, row in zip(lacking, rows, strict=True)})


def _opinions(build: Build, takes: Sequence[Take], meter: Meter) -> list[float | None]:
    """The predicted opinion of each take; None without a predictor, or where it can say nothing of one."""
    if "mos" not in build.kinds or not takes:
        return [None] * len(takes)
    with meter.time(Stage.SPEAK, "mos"):
        mos = build.engine("mos")
        answers = [
            _finite(a) for a in counted("mos", mos.name, len(takes), mos.predict([t.speech.audio for t in takes]))
        ]
    _tell("mos", takes, answers, meter)
    return [None if isinstance(a, Failure) else round(float(a), 6) for a in answers]


def _finite(answer: float | Failure) -> float | Failure:
    """The opinion, if it is a number."""
    if isinstance(answer, Failure) or np.isfinite(answer):
        return answer
    return Failure("not_finite", f"the opinion is {answer}, and no number.")
