"""From places back to records: placed turns with their words and events, on the clock of the dialogue."""

from collections.abc import Sequence
from dataclasses import replace

from datagen.records.enums import EventType, Heard, MarkType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ, SpokenTurn, Word
from datagen.records.timeline import PlacedTurn, Room, Timeline
from datagen.stages.stitch.events import events_of
from datagen.stages.stitch.shapes import Placement, Span
from datagen.stages.stitch.shaping import Shaped
from datagen.stages.stitch.tool_times import results_s


def timeline(dialog_id: str, placement: Placement, shaped: Shaped, turns: Sequence[SpokenTurn]) -> Timeline:
    """The time line of the turns that fit; dropped marks and turns are counted on it."""
    kept = turns[: len(placement.spots)]
    placed = tuple(_placed_turn(i, placement, shaped, kept) for i in range(len(kept)))
    lost = sum(
        shape.wanted and index not in {i for i, _ in spot.asides}
        for spot, one in zip(placement.spots, shaped.shapes, strict=False)
        for index, shape in enumerate(one.asides)
    )
    # A silence that nothing comes before, or that a cut leaves no room for.
    lost += sum(
        spot.silence is None and any(m.type is MarkType.LONG_SILENCE for m in spoken.turn.marks)
        for spot, spoken in zip(placement.spots, kept, strict=True)
    )
    return Timeline(
        dialog_id=dialog_id,
        n_samples=placement.n_samples,
        turns=placed,
        aside_words=(_aside_words(placement, shaped, Speaker.AGENT), _aside_words(placement, shaped, Speaker.USER)),
        n_turns_cut=placement.n_turns_cut,
        n_marks_dropped=sum(shaped.n_marks_dropped[: len(kept)]) + lost,
        agent_latency_s=round(shaped.agent_latency_s, 6),
        room=Room(
            user_backchannel_s=_s(placement.room.get((EventType.BACKCHANNEL, Speaker.USER), 0)),
            agent_backchannel_s=_s(placement.room.get((EventType.BACKCHANNEL, Speaker.AGENT), 0)),
            failed_barge_in_s=_s(placement.room.get((EventType.FAILED_BARGE_IN, Speaker.USER), 0)),
        ),
    )


def _s(sample: int) -> float:
    return sample / SAMPLE_RATE_HZ


def _placed_turn(position: int, placement: Placement, shaped: Shaped, turns: Sequence[SpokenTurn]) -> PlacedTurn:
    spot, spoken = placement.spots[position], turns[position]
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
        events=events_of(position, placement, shaped, turns),
        engine=spoken.speech.engine,
        seed=spoken.speech.seed,
        results_s=results_s(position, placement, shaped.shapes, turns) if turn.calls else (),
        attempt=spoken.speech.attempt,
        scores=spoken.speech.scores,
        watermarked=spoken.speech.watermarked,
    )
    if not spot.cut:
        return placed
    n_heard = len(placed.track_words())
    display = turn.words
    return replace(placed, heard_text=" ".join(display[:n_heard]), unheard_text=" ".join(display[n_heard:]))


def _word(word: Word, span: Span, end: int) -> Word:
    heard = Heard.NO if span[0] >= end else Heard.YES if span[1] <= end else Heard.PARTIAL
    return Word(word.word, word.spoken, _s(span[0]), _s(span[1]), heard)


def _aside_words(placement: Placement, shaped: Shaped, side: Speaker) -> tuple[Word, ...]:
    """What a speaker says beside the turns, word by word, by time."""
    words: list[Word] = []
    for spot, shape, said in zip(placement.spots, shaped.shapes, shaped.said, strict=False):
        for index, (start, _) in spot.asides:
            aside = shape.asides[index]
            if aside.side is side:
                spans = [(start + a, start + b) for a, b in aside.words]
                words += [
                    _word(w, span, placement.n_samples) for w, span in zip(said[index].speech.words, spans, strict=True)
                ]
    return tuple(sorted(words, key=lambda w: (w.start_s, w.end_s)))
