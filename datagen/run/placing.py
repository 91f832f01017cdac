"""Spoken texts with their words placed and their sound measured, or what speaks against them: turns, clips and voice prompts alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from datagen.build import Build
from datagen.protocols import AlignRequest, Failure, SpeakRequest
from datagen.records.enums import Stage
from datagen.records.speech import Speech
from datagen.run.asking import aligned
from datagen.run.meter import Meter
from datagen.stages.align import unit as align
from datagen.stages.align.unit import AlignOptions
from datagen.stages.speak.gates import ends, judge
from datagen.stages.speak.gates.measure import measured
from datagen.stages.speak.unit import SpeakOptions


@dataclass(frozen=True, slots=True)
class Refused:
    """What speaks against a candidate, the gravest first, and the stage that says so. `speech` is there where it is all soft."""

    stage: Stage
    failures: tuple[Failure, ...]
    speech: Speech | None = None


def placed(
    build: Build, asked: Sequence[tuple[str, SpeakRequest]], spoken: Sequence[Speech | object], meter: Meter
) -> dict[int, Speech | Refused]:
    """Those of the spoken texts that are Speech, with their words and the scores of their sound, by index; or why not.

    `asked` says of each where it is and what was asked for.
    """
    good = {i: s for i, s in enumerate(spoken) if isinstance(s, Speech)}
    with meter.time(Stage.ALIGN, "engine"):
        words = aligned(build, [_align_request(asked[i][1], s) for i, s in good.items()])
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
            finished = align.finish(within.speech, within.words, limits, where, request.vocals_before)
        if isinstance(finished, Failure):
            results[i] = Refused(Stage.ALIGN, (finished,))
            continue
        with meter.time(Stage.SPEAK):
            scores = measured(within, finished, request, options.gates)
            faults = judge.sound_faults(where, scores, options.gates)
        results[i] = Refused(Stage.SPEAK, faults) if faults else replace(finished, scores=scores)
    return results


def _align_request(request: SpeakRequest, speech: Speech) -> AlignRequest:
    return align.request(request.words, request.spoken, speech)
