"""One attempt at a batch of spoken texts: spoken, trimmed, aligned, measured, listened to; each kept, or with what speaks against it."""

from collections.abc import Mapping, Sequence

from datagen.build import Build
from datagen.protocols import Failure
from datagen.records.enums import Stage
from datagen.records.speech import Speech
from datagen.run.asking import spoken
from datagen.run.listening import Take, judged
from datagen.run.meter import Meter
from datagen.run.placing import Refused, placed
from datagen.stages.speak import unit as speak
from datagen.stages.speak.unit import SpeakOptions, Utterance

Near = Mapping[str, tuple[str, ...]]
"""The spoken texts of a dialogue's turns, by its id."""


def attempt(build: Build, utterances: Sequence[Utterance], near: Near, meter: Meter) -> list[Speech | Refused]:
    """Each utterance spoken, trimmed, gated and aligned once."""
    with meter.time(Stage.SPEAK, "engine"):
        raw = spoken(build, [u.request for u in utterances])
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
