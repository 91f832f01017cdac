"""Room for what is said beside the turns: backchannels, failed barge-ins, side talk. Whole samples, no chance."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.stitch.shapes import AsideShape, Rates, Span, Spot, TurnShape

USUAL = {
    EventType.BACKCHANNEL: round(0.6 * SAMPLE_RATE_HZ),
    EventType.FAILED_BARGE_IN: round(1.1 * SAMPLE_RATE_HZ),
}
"""Samples that a backchannel and an attempt last, longer than most of the embedded voices' clips: what room is measured for."""


def with_asides(
    shapes: Sequence[TurnShape],
    spots: Sequence[Spot],
    room: Mapping[tuple[EventType, Speaker], int],
    rates: Rates,
    clear: int,
    apart: int,
) -> tuple[Spot, ...]:
    """The spots with the asides that find room: the wanted ones, then by rank until each sort's rate is met.

    An aside keeps `clear` samples from everything else that its speaker says, and from other asides in its turn; one that
    nobody asked for lies `apart` behind what its speaker said before, and as far from their other asides.
    """
    left = quotas(room, rates)
    found: list[list[tuple[int, Span]]] = [[] for _ in spots]
    by_side: dict[Speaker, list[Span]] = {side: [] for side in Speaker}
    for turn, index, aside in sorted(_all(shapes, spots), key=lambda x: (not x[2].wanted, x[2].rank, x[0], x[1])):
        if not aside.wanted and left[aside.type, aside.side] <= 0:
            continue
        span = _span(aside, spots[turn])
        after = clear if aside.wanted else max(clear, apart)
        if span is None or not _has_room(span, aside, turn, shapes, spots, (clear, after)):
            continue
        if _free(span, [s for _, s in found[turn]], clear) and _free(span, by_side[aside.side], after):
            found[turn].append((index, span))
            by_side[aside.side].append(span)
            left[aside.type, aside.side] -= 1
    return tuple(
        replace(spot, asides=tuple(sorted(own, key=lambda x: x[1]))) if own else spot
        for spot, own in zip(spots, found, strict=True)
    )


def room_for(
    shapes: Sequence[TurnShape], spots: Sequence[Spot], clear: int, apart: int
) -> Counter[tuple[EventType, Speaker]]:
    """How many samples those turns last that have room for something of a sort, were it of its usual length and alone."""
    room: Counter[tuple[EventType, Speaker]] = Counter()
    for turn, (shape, spot) in enumerate(zip(shapes, spots, strict=False)):
        for opening in shape.openings:
            side, length = shape.speaker.other, USUAL[opening.type]
            tried = (
                AsideShape(opening.type, side, word, 0, length, words_after=opening.words_after)
                for word in opening.words
            )
            spans = ((one, _span(one, spot)) for one in tried)
            after = max(clear, apart)
            if any(span and _has_room(span, one, turn, shapes, spots, (clear, after)) for one, span in spans):
                room[opening.type, side] += spot.end - spot.start
    return room


def quotas(room: Mapping[tuple[EventType, Speaker], int], rates: Rates) -> Counter[tuple[EventType, Speaker]]:
    """How many asides of each sort a dialogue gets: the rate times the turns with room for one, rounded by the luck."""
    return Counter({sort: math.floor(rate * room.get(sort, 0) + luck) for sort, (rate, luck) in rates.items()})


def _all(shapes: Sequence[TurnShape], spots: Sequence[Spot]) -> Iterator[tuple[int, int, AsideShape]]:
    for turn, _ in enumerate(spots):
        for index, aside in enumerate(shapes[turn].asides):
            yield turn, index, aside


def _span(aside: AsideShape, spot: Spot) -> Span | None:
    """When it would be said; None where its word, its pause, or the words to come after it are not heard."""
    heard = [(a, b) for a, b in spot.words if a < spot.end]
    if not 0 <= aside.word < len(heard):
        return None
    if aside.in_pause:
        pause = next((span for word, span in spot.pauses if word == aside.word), None)
        span = None if pause is None else (pause[0] + aside.delay, pause[0] + aside.delay + aside.length)
        return span if span is not None and pause is not None and span[1] <= pause[1] else None
    start = heard[aside.word][1 if aside.type is EventType.BACKCHANNEL else 0] + aside.delay
    after = len(heard) - aside.words_after
    fits = after >= 0 and start >= spot.start and start + aside.length <= heard[after][0]
    return (start, start + aside.length) if fits else None


def _has_room(
    span: Span,
    aside: AsideShape,
    turn: int,
    shapes: Sequence[TurnShape],
    spots: Sequence[Spot],
    clear: tuple[int, int],
) -> bool:
    """Whether its speaker's turns begin `clear[0]` after it and end `clear[1]` before it; in a pause of one's own, whether the
    other says nothing."""
    against, (before, after) = (aside.side.other, (0, 0)) if aside.in_pause else (aside.side, clear)
    near = slice(max(0, turn - 2), turn + 3)
    return all(
        shape.speaker is not against or span[1] + before <= spot.start or spot.end + after <= span[0]
        for shape, spot in zip(shapes[near], spots[near], strict=False)
    )


def _free(span: Span, taken: Sequence[Span], clear: int) -> bool:
    return all(span[1] + clear <= a or b + clear <= span[0] for a, b in taken)
