"""One attempt at a batch of spoken texts: spoken, trimmed, aligned, measured, listened to; each kept, or with what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from datagen.build import Build
from datagen.protocols import AlignRequest, Failure, SpeakRequest
from datagen.records.enums import Stage
from datagen.records.speech import Speech
from datagen.run.listening import Take, judged
from datagen.run.meter import Meter
from datagen.stages.align import unit as align
from datagen.stages.align.unit import AlignOptions
from datagen.stages.speak import unit as speak
from datagen.stages.speak.gates import ends, judge
from datagen.stages.speak.gates.measure import measured
from datagen.stages.speak.unit import SpeakOptions, Utterance

Near = Mapping[str, tuple[str, ...]]
"""The spoken texts of a dialogue's turns, by its id."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What speaks against a candidate, the gravest first, and the stage that says so. `speech` is there where it is all soft."""

    stage: Stage
    failures: tuple[Failure, ...]
    speech: Speech | None = None


def attempt(build: Build, utterances: Sequence[Utterance], near: Near, meter: Meter) -> list[Speech | Refused]:
    """Each utterance spoken, trimmed, gated and aligned once."""
    with meter.time(Stage.SPEAK, "engine"):
        raw = build.engine("speaker").speak([u.request for u in utterances])
    results: list[Speech | Refused] = []
    with meter.time(Stage.SPEAK):
        options = build.options(SpeakOptions)
        for u, given in zip(utterances, raw, strict=True):
            kept = given if isinstance(given, Failure) else speak.finish(u, given, options)
            results.append(Refused(Stage.SPEAK, (kept,)) if isinstance(kept, Failure) else kept)
    _each(results, placed(build, [(u.where, u.request) for u in utterances], results, meter))
    takes = {
        i: Take(
            u.where,
            (u.dialog_id, u.turn, -1 if u.mark is None else u.mark),
            u.request,
            found,
            near.get(u.dialog_id, ()),
        )
        for i, (u, found) in enumerate(zip(utterances, results, strict=True))
        if isinstance(found, Speech)
    }
    for i, done in zip(takes, judged(build, list(takes.values()), meter), strict=True):
        results[i] = Refused(Stage.SPEAK, done.failures, done.speech) if done.failures else done.speech
    return results


def _each(results: list[Speech | Refused], changed: Mapping[int, Speech | Refused]) -> None:
    for i, result in changed.items():
        results[i] = result


def placed(
    build: Build, asked: Sequence[tuple[str, SpeakRequest]], spoken: Sequence[Speech | object], meter: Meter
) -> dict[int, Speech | Refused]:
    """Those of the spoken texts that are Speech, with their words and the scores of their sound, by index; or why not.

    `asked` says of each where it is and what was asked for.
    """
    good = {i: s for i, s in enumerate(spoken) if isinstance(s, Speech)}
    with meter.time(Stage.ALIGN, "engine"):
        words = build.engine("aligner").align([_align_request(asked[i][1], s) for i, s in good.items()])
    results: dict[int, Speech | Refused] = {}
    for (i, speech), found in zip(good.items(), words, strict=True):
        where, request = asked[i]
        if isinstance(found, Failure):
            results[i] = Refused(Stage.ALIGN, (found,))
            continue
        with meter.time(Stage.SPEAK):
            options: SpeakOptions = build.options(SpeakOptions)
            within = ends.within(where, speech, found, options.gates, 0 in request.vocals_before)
        if isinstance(within, Failure):
            results[i] = Refused(Stage.SPEAK, (within,))
            continue
        with meter.time(Stage.ALIGN):
            limits = build.options(AlignOptions)
            aligned = align.finish(within.speech, within.words, limits, where, request.vocals_before)
        if isinstance(aligned, Failure):
            results[i] = Refused(Stage.ALIGN, (aligned,))
            continue
        with meter.time(Stage.SPEAK):
            scores = measured(within, aligned, request, options.gates)
            faults = judge.sound_faults(where, scores, options.gates)
        results[i] = Refused(Stage.SPEAK, faults) if faults else replace(aligned, scores=scores)
    return results


def _align_request(request: SpeakRequest, speech: Speech) -> AlignRequest:
    return align.request(request.words, request.spoken, speech)
