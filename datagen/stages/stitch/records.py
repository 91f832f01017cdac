"""From places back to records: placed turns with their words and events, on the clock of the dialogue."""

from collections.abc import Sequence
from dataclasses import replace

from datagen.records.enums import EventType, Heard, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, SpokenTurn, Word
from datagen.records.timeline import Event, PlacedTurn, Timeline
from datagen.stages.stitch.shapes import Placement, Span, Spot
from datagen.stages.stitch.shaping import Shaped


def timeline(dialog_id: str, placement: Placement, shaped: Shaped, turns: Sequence[SpokenTurn]) -> Timeline:
    """The time line of the turns that fit; dropped marks and turns are counted on it."""
    kept = turns[: len(placement.spots)]
    placed = tuple(
        _placed_turn(spot, spoken, was_sampled)
        for spot, spoken, was_sampled in zip(placement.spots, kept, shaped.sampled, strict=False)
    )
    n_unheard = sum(len(t.asides) - len(s.heard_back) for s, t in zip(placement.spots, kept, strict=True))
    return Timeline(
        dialog_id=dialog_id,
        n_samples=placement.n_samples,
        turns=placed,
        aside_words=(
            _aside_words(placement, shaped, kept, Speaker.AGENT),
            _aside_words(placement, shaped, kept, Speaker.USER),
        ),
        n_turns_cut=placement.n_turns_cut,
        n_marks_dropped=sum(shaped.n_marks_dropped[: len(kept)]) + n_unheard,
    )


def _s(sample: int) -> float:
    return sample / SAMPLE_RATE_HZ


def _placed_turn(spot: Spot, spoken: SpokenTurn, was_sampled: bool) -> PlacedTurn:
    turn = spoken.turn
    words = tuple(_word(w, span, spot.end) for w, span in zip(spoken.speech.words, spot.words, strict=True))
    placed = PlacedTurn(
        index=turn.index,
        speaker=turn.speaker,
        type=turn.type,
        text=turn.text,
        heard_text=turn.text,
        unheard_text="",
        start_s=_s(spot.start),
        end_s=_s(spot.end),
        fto_s=None if spot.fto is None else _s(spot.fto),
        words=words,
        events=_events(spot, spoken, was_sampled),
        engine=spoken.speech.engine,
        seed=spoken.speech.seed,
    )
    if not spot.cut:
        return placed
    n_heard = len(placed.track_words())
    display = turn.words
    return replace(placed, heard_text=" ".join(display[:n_heard]), unheard_text=" ".join(display[n_heard:]))


def _word(word: Word, span: Span, end: int) -> Word:
    heard = Heard.NO if span[0] >= end else Heard.YES if span[1] <= end else Heard.PARTIAL
    return Word(word.word, word.spoken, _s(span[0]), _s(span[1]), heard)


def _events(spot: Spot, spoken: SpokenTurn, was_sampled: bool) -> tuple[Event, ...]:
    """What happens to this turn, by time. The channel is the one of whoever does it."""
    turn = spoken.turn
    own, other = turn.speaker.channel, turn.speaker.other.channel
    events = [
        Event(EventType.PAUSE, own, _s(a), _s(b), turn.index, {"word": word, "pause_s": _s(b - a)})
        for word, (a, b) in spot.pauses
    ]
    for index, (a, b) in spot.heard_back:
        mark = spoken.asides[index].mark
        events.append(
            Event(EventType.BACKCHANNEL, other, _s(a), _s(b), turn.index, {"text": mark.text, "word": mark.word})
        )
    if spot.overlap is not None:
        a, b = spot.overlap
        events.append(Event(EventType.OVERLAP, other, _s(a), _s(b), turn.index, {"overlap_s": _s(b - a)}))
    if spot.barge_in is not None:
        events.append(_barge_in(spot, spoken, spot.barge_in, was_sampled))
    return tuple(sorted(events, key=lambda e: (e.start_s, e.end_s, e.type)))


def _barge_in(spot: Spot, spoken: SpokenTurn, start: int, was_sampled: bool) -> Event:
    """The barge-in on the turn that it cuts, from its first sound to the cut. `partial_share` is how much of the word
    under the cut was heard, None where the cut fell between words; an agent that cuts in is an interruption."""
    side = spoken.turn.speaker
    kind = EventType.BARGE_IN if side is Speaker.AGENT else EventType.AGENT_INTERRUPTION
    under = next(((spot.end - a) / (b - a) for a, b in spot.words if a < spot.end < b), None)
    attrs = {
        "word": next(i for i, (a, _) in enumerate(spot.words) if a == start),
        "yield_s": _s(spot.end - start),
        "cut": spot.cut,
        "partial_share": None if under is None else round(under, 4),
        "sampled": was_sampled,
    }
    return Event(kind, side.other.channel, _s(start), _s(spot.end), spoken.turn.index, attrs)


def _aside_words(placement: Placement, shaped: Shaped, turns: Sequence[SpokenTurn], side: Speaker) -> tuple[Word, ...]:
    """What a speaker says inside the other's turns, word by word, by time."""
    words: list[Word] = []
    for spot, shape, spoken in zip(placement.spots, shaped.shapes, turns, strict=False):
        if shape.speaker is side:
            continue
        for index, (start, _) in spot.heard_back:
            said = spoken.asides[index].speech.words
            spans = [(start + a, start + b) for a, b in shape.listening[index].words]
            words += [_word(w, span, placement.n_samples) for w, span in zip(said, spans, strict=True)]
    return tuple(sorted(words, key=lambda w: (w.start_s, w.end_s)))
