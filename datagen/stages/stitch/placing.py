"""The time line's arithmetic: shapes in, places out, in whole samples. Pure: no audio, no text, no random numbers."""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.stitch.laying import OWN_GAP, RETURN_GAP, YIELD_SHARE, Rules, deepest_overlap, lay
from datagen.stages.stitch.placing_asides import room_for, with_asides
from datagen.stages.stitch.shapes import Piece, Placement, Rates, Span, Spot, TurnShape

NONE: Rates = MappingProxyType({})


def place(
    shapes: Sequence[TurnShape], rules: Rules, lead: int, tail: int, limit: int, rates: Rates = NONE
) -> Placement:
    """Every turn's place, the first at `lead`, with `tail` samples after the last, in at most `limit` samples; and what is
    said beside the turns, as often as `rates` say.

    Turns that do not fit are left out from the end; a turn that is barged in on never ends a dialogue without the
    turn that cuts it. No spot at all where not even the first turn fits.
    """
    spots: list[Spot] = []
    for index, shape in enumerate(shapes):
        laid = lay(shape)
        if index == 0:
            spots.append(_moved(laid, lead))
            continue
        before, prior = shapes[index - 1], spots[-1]
        if before.cut_word is not None:
            start = prior.words[before.cut_word][0]
            spots[-1] = _cut(before, prior, start, _longest_yield(shape, laid), rules.max_yield)
            fto: int | None = start - spots[-1].end
        elif shape.silence or before.speaker is shape.speaker:
            start = max(prior.end + max(shape.silence or shape.pause_before, OWN_GAP), _results_by(shape, spots))
            fto = None if before.speaker is shape.speaker else start - prior.end
        else:
            own_end = _own_end(shapes, spots, shape)
            deepest = deepest_overlap(shape, laid, before, prior, rules, own_end)
            start = max(prior.end + _offset(shape, deepest, rules), own_end + RETURN_GAP, _results_by(shape, spots))
            fto = start - prior.end
            spots[-1] = replace(prior, overlap=_overlap(prior, laid, start))
        silence = (prior.end, start) if shape.silence and before.cut_word is None else None
        spots.append(replace(_moved(laid, start), fto=fto, silence=silence))
    kept = _fitting(shapes, spots, tail, limit)
    n_samples = spots[kept - 1].end + tail if kept else 0
    spots = _without_the_rest(spots[:kept])
    room = room_for(shapes, spots, rules.clear, rules.apart)
    heard = with_asides(shapes, spots, room, rates, rules.clear, rules.apart)
    return Placement(heard, n_samples, len(shapes) - kept, room)


def _results_by(shape: TurnShape, spots: Sequence[Spot]) -> int:
    """The earliest start of a turn that speaks results of tools; 0 where it speaks none."""
    return max((spots[a.turn].words[a.word][1] + a.latency + a.reaction for a in shape.awaited), default=0)


def _overlap(prior: Spot, laid: Spot, start: int) -> Span | None:
    """From the later turn's first word to the earlier one's last: what is heard of both at once; None where nothing is."""
    first, last = start + laid.words[0][0], prior.words[-1][1]
    return (first, last) if first < last else None


def _moved(spot: Spot, by: int) -> Spot:
    return replace(
        spot,
        start=spot.start + by,
        end=spot.end + by,
        words=tuple((a + by, b + by) for a, b in spot.words),
        pieces=tuple(Piece(p.source, p.at + by, p.cut) for p in spot.pieces),
        pauses=tuple((word, (a + by, b + by)) for word, (a, b) in spot.pauses),
    )


def _offset(shape: TurnShape, deepest: int, rules: Rules) -> int:
    """The FTO in samples: the turn's quantile, shifted. An overlap deeper than the turns bear is drawn again among
    those that they do, so that none piles up at the bound."""
    fto_s = rules.fto.quantile(shape.u)
    if -fto_s * SAMPLE_RATE_HZ > deepest:
        fto_s = rules.fto.quantile(shape.u, deepest / SAMPLE_RATE_HZ)
    return max(round(fto_s * SAMPLE_RATE_HZ) + shape.shift, -deepest)


def _longest_yield(shape: TurnShape, laid: Spot) -> int:
    """How long a turn that barges in leaves the other to go on: most of its length, and not into a cut of its own."""
    longest = int(laid.end * YIELD_SHARE)
    if shape.cut_word is not None:
        word = laid.words[shape.cut_word][0]
        longest = min(longest, max(word - OWN_GAP, word // 2))
    return longest


def _cut(shape: TurnShape, spot: Spot, barge_in: int, longest: int, longest_wait: int) -> Spot:
    """The turn ended `yield_after` the barge-in, `longest` at most; whole where it was over by then."""
    cut = barge_in + min(shape.yield_after, longest)
    if shape.finish_word:
        latest = barge_in + min(longest, longest_wait)
        cut = next((b for a, b in spot.words if a < cut < b <= latest), cut)
    if cut >= spot.end:
        return replace(spot, barge_in=barge_in)
    pieces = []
    for piece in spot.pieces:
        if piece.at >= cut:
            break
        first, last = piece.source
        stopped = piece.end > cut
        pieces.append(replace(piece, source=(first, min(last, first + cut - piece.at)), cut=stopped))
    pauses = tuple((word, span) for word, span in spot.pauses if span[1] <= cut)
    return replace(spot, end=cut, pieces=tuple(pieces), pauses=pauses, barge_in=barge_in, cut=True)


def _own_end(shapes: Sequence[TurnShape], spots: Sequence[Spot], shape: TurnShape) -> int:
    """Where the last turn of this speaker ends; far before everything where there is none."""
    for earlier, spot in zip(reversed(shapes[: len(spots)]), reversed(spots), strict=True):
        if earlier.speaker is shape.speaker:
            return spot.end
    return -RETURN_GAP


def _fitting(shapes: Sequence[TurnShape], spots: Sequence[Spot], tail: int, limit: int) -> int:
    """How many turns fit. Ends never fall back, so the first that does not fit ends it."""
    kept = 0
    for count, spot in enumerate(spots, start=1):
        if spot.end + tail > limit:
            break
        if count == len(spots) or spot.barge_in is None:
            kept = count
    return kept


def _without_the_rest(spots: list[Spot]) -> list[Spot]:
    """The last turn that is kept no longer overlaps one that is not."""
    return [*spots[:-1], replace(spots[-1], overlap=None)] if spots else []
