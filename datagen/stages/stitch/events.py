"""What happens to a turn, as events with their times: the labels of turns.parquet."""

from collections.abc import Iterator, Sequence
from typing import Any

from datagen.records.enums import EventType, MarkType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, SpokenTurn
from datagen.records.timeline import Event
from datagen.stages.stitch.keywords import DISFLUENT
from datagen.stages.stitch.shapes import Placement, Span, Spot
from datagen.stages.stitch.shaping import Shaped


def events_of(position: int, placement: Placement, shaped: Shaped, turns: Sequence[SpokenTurn]) -> tuple[Event, ...]:
    """What happens to the turn at `position`, by time. The channel is that of whoever does it.

    An event that lets both be heard at once says for how long, in words (`overlap_s`): over a build these sums are the
    overlap that is measured on the two channels' activity.
    """
    found = [
        *_silences(position, placement, turns),
        *_asides(position, placement, shaped, turns),
        *_overlap(position, placement, turns),
        *_cut(position, placement, shaped, turns),
        *_marked(position, placement, turns),
    ]
    return tuple(sorted(found, key=lambda e: (e.start_s, e.end_s, e.type)))


def _s(sample: int) -> float:
    return sample / SAMPLE_RATE_HZ


def _event(kind: EventType, side: Speaker, span: Span, turn: int, /, **attrs: Any) -> Event:
    return Event(kind, side.channel, _s(span[0]), _s(span[1]), turn, attrs)


def _silences(position: int, placement: Placement, turns: Sequence[SpokenTurn]) -> Iterator[Event]:
    """The long silence before the turn, and the pauses in it."""
    spot, turn = placement.spots[position], turns[position].turn
    if spot.silence is not None:
        checks_in = turn.speaker is Speaker.AGENT
        yield _event(EventType.LONG_SILENCE, Speaker.USER, spot.silence, turn.index, checks_in=checks_in)
    for word, span in spot.pauses:
        yield _event(EventType.PAUSE, turn.speaker, span, turn.index, word=word, pause_s=_s(span[1] - span[0]))


def _asides(position: int, placement: Placement, shaped: Shaped, turns: Sequence[SpokenTurn]) -> Iterator[Event]:
    """What is said beside the turn, from its first word to its last."""
    spot, index = placement.spots[position], turns[position].turn.index
    for i, (start, _) in spot.asides:
        aside, said = shaped.shapes[position].asides[i], shaped.said[position][i]
        words = [(start + a, start + b) for a, b in aside.words]
        common = 0 if aside.in_pause else _common(words, _heard(spot))
        yield _event(
            aside.type,
            aside.side,
            (words[0][0], words[-1][1]),
            index,
            text=said.text,
            word=aside.word,
            marked=said.marked,
            overlap_s=_s(common),
        )


def _overlap(position: int, placement: Placement, turns: Sequence[SpokenTurn]) -> Iterator[Event]:
    """The next turn's early start, over this one's last words."""
    spot, turn = placement.spots[position], turns[position].turn
    if spot.overlap is not None:
        common = _common(_heard(placement.spots[position + 1]), _heard(spot))
        yield _event(EventType.OVERLAP, turn.speaker.other, spot.overlap, turn.index, overlap_s=_s(common))


def _cut(position: int, placement: Placement, shaped: Shaped, turns: Sequence[SpokenTurn]) -> Iterator[Event]:
    """The barge-in on the turn that it cuts, from its first sound to the cut; the agent's is an interruption.

    `position` is how much of the turn's words had begun; `partial_share` how much of the word under the cut was heard, None
    where the cut fell between words.
    """
    spot, turn = placement.spots[position], turns[position].turn
    if spot.barge_in is None:
        return
    kind = EventType.BARGE_IN if turn.speaker is Speaker.AGENT else EventType.AGENT_INTERRUPTION
    under = next(((spot.end - a) / (b - a) for a, b in spot.words if a < spot.end < b), None)
    word = next(i for i, (a, _) in enumerate(spot.words) if a == spot.barge_in)
    yield _event(
        kind,
        turn.speaker.other,
        (spot.barge_in, spot.end),
        turn.index,
        word=word,
        position=round(word / len(spot.words), 4),
        yield_s=_s(spot.end - spot.barge_in),
        cut=spot.cut,
        partial_share=None if under is None else round(under, 4),
        sampled=shaped.sampled[position],
        overlap_s=_s(_common(_heard(placement.spots[position + 1]), _heard(spot))),
    )


def _marked(position: int, placement: Placement, turns: Sequence[SpokenTurn]) -> Iterator[Event]:
    """The writer's disfluencies, and its cue sounds (whose length is the scene's to say), where their words are heard."""
    spot, turn = placement.spots[position], turns[position].turn
    heard = _heard(spot)
    for mark in turn.marks:
        if not 0 <= mark.word < len(heard):
            continue
        if mark.type is MarkType.SOUND:
            at = heard[mark.word][0]
            yield _event(EventType.SOUND, Speaker.USER, (at, at), turn.index, sound=mark.text, cue=True)
        elif mark.type in DISFLUENT:
            last = min(mark.word + max(len(mark.text.split()), 1), len(heard)) - 1
            span = (heard[mark.word][0], heard[last][1])
            yield _event(
                EventType.DISFLUENCY, turn.speaker, span, turn.index, kind=mark.type, text=mark.text, word=mark.word
            )


def _heard(spot: Spot) -> list[Span]:
    """The words that are heard, as long as they are."""
    return [(a, min(b, spot.end)) for a, b in spot.words if a < spot.end]


def _common(left: Sequence[Span], right: Sequence[Span]) -> int:
    """How many samples two speakers' words have in common."""
    if not left or not right:
        return 0
    left, right = [s for s in left if s[0] < right[-1][1]], [s for s in right if s[1] > left[0][0]]
    return sum(max(0, min(b, d) - max(a, c)) for a, b in left for c, d in right)
