"""Where something may be said beside a turn: at which words, and in which order of preference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from datagen.records.enums import EventType, MarkType, Speaker
from datagen.records.speech import SpokenTurn
from datagen.records.transcript import Mark, Turn
from datagen.stages.stitch.keywords import clause_ends, is_formula, is_key, near_disfluency
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.shapes import Opening

FIRST_WORDS = 3
"""Words that a turn has under way before its speaker turns to somebody else."""


@dataclass(frozen=True, slots=True)
class Place:
    """A word at which something may be said; `mark` is the writer's, None where it is sampled. Lower ranks come first."""

    rank: float
    turn: int
    word: int
    mark: Mark | None = None


def in_order(place: Place) -> tuple[float, int, int]:
    """What places are sorted by."""
    return place.rank, place.turn, place.word


Openings = tuple[Opening, ...]


def openings(turn: Turn, options: StitchOptions) -> Openings:
    """The words of a turn at which the other may say "mhm" (its end), or try to cut in (its start; an agent's turn only); none
    in a turn for which a silence waits."""
    if any(m.type is MarkType.LONG_SILENCE for m in turn.marks):
        return ()
    found = [Opening(EventType.BACKCHANNEL, tuple(_backchannel_words(turn, options)), 1)]
    if turn.speaker is Speaker.AGENT:
        attempts = Opening(
            EventType.FAILED_BARGE_IN, tuple(_attempt_words(turn, options)), options.failed_barge_in.words_after
        )
        found.append(attempts)
    return tuple(o for o in found if o.words)


def _backchannel_words(turn: Turn, options: StitchOptions) -> list[int]:
    """Marked words and ends of clauses, never the last two words, nor where the speaker searches for a word."""
    first, quiet = options.backchannel.min_words - 1, near_disfluency(turn)
    marked = {m.word for m in turn.marks if m.type is MarkType.BACKCHANNEL and m.word not in quiet}
    return sorted(marked | {word for word in clause_ends(turn) if first <= word < len(turn.words) - 2})


def _attempt_words(turn: Turn, options: StitchOptions) -> list[int]:
    """Words with enough of them on either side, at no number or name, and not in a greeting or a closing."""
    wanted, words = options.failed_barge_in, turn.words
    if is_formula(turn):
        return []
    within = range(wanted.min_words, len(words) - wanted.words_after)
    return [word for word in within if not is_key(words, word) and not is_key(words, word - 1)]


def backchannel_places(
    turns: Sequence[SpokenTurn], found: Sequence[Openings], side: Speaker, rng: np.random.Generator
) -> Iterator[Place]:
    """Where `side` may say "mhm": at marked words first (rank 0…1), then at other ends of clauses (1…2)."""
    for position, turn in _heard_by(turns, side):
        marked = {m.word: m for m in turn.marks if m.type is MarkType.BACKCHANNEL}
        for word in _words(found[position], EventType.BACKCHANNEL):
            draw = float(rng.random())
            yield Place(draw if word in marked else 1 + draw, position, word, marked.get(word))


def failed_places(turns: Sequence[SpokenTurn], found: Sequence[Openings], rng: np.random.Generator) -> Iterator[Place]:
    """Where the user tries to cut in: where the writer marked it (rank 0), and where they may."""
    for position, turn in _heard_by(turns, Speaker.USER):
        for mark in turn.marks:
            if mark.type is MarkType.FAILED_BARGE_IN:
                yield Place(0.0, position, mark.word, mark)
        for word in _words(found[position], EventType.FAILED_BARGE_IN):
            yield Place(float(rng.random()), position, word)


def _words(found: Openings, kind: EventType) -> tuple[int, ...]:
    return next((o.words for o in found if o.type is kind), ())


def side_talk_places(turns: Sequence[SpokenTurn], options: StitchOptions, rng: np.random.Generator) -> Iterator[Place]:
    """Where the user may talk to somebody else over the agent: as a clause of the agent's begins."""
    for position, turn in _heard_by(turns, Speaker.USER):
        for word in clause_ends(turn):
            draw = float(rng.random())
            if word + 1 >= options.failed_barge_in.min_words:
                yield Place(draw, position, word + 1)


def own_places(turns: Sequence[SpokenTurn], options: StitchOptions) -> Iterator[Place]:
    """Where the user may turn to somebody else: between clauses of their own turns, out of reach of an answer that comes early,
    and not in a turn that cuts in on the agent."""
    for position, spoken in enumerate(turns):
        turn = spoken.turn
        if turn.speaker is not Speaker.USER or (position and _is_cut(turns[position - 1])):
            continue
        for word in clause_ends(turn):
            if FIRST_WORDS <= word + 1 < len(turn.words) - options.fto.max_overlap_words:
                yield Place(0.0, position, word + 1)


def _heard_by(turns: Sequence[SpokenTurn], side: Speaker) -> Iterator[tuple[int, Turn]]:
    """The other's turns, by position, in which `side` may make themselves heard: not those for which a silence waits."""
    for position, spoken in enumerate(turns):
        silent = any(m.type is MarkType.LONG_SILENCE for m in spoken.turn.marks)
        if spoken.turn.speaker is side.other and not silent:
            yield position, spoken.turn


def _is_cut(spoken: SpokenTurn) -> bool:
    return any(m.type is MarkType.BARGE_IN for m in spoken.turn.marks)
