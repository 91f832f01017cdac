"""What placing works on: turns as whole numbers of samples, and where they came to lie. No audio, no text, no chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from datagen.records.enums import EventType, Speaker

Span = tuple[int, int]
"""First sample, and the one after the last."""


@dataclass(frozen=True, slots=True)
class AsideShape:
    """Something to say beside the turn that bears it, by `side`: over the other's turn, or in a pause of one's own.

    A backchannel begins `delay` after the end of `word`; everything else `delay` after its start, or, `in_pause`, after the
    start of the pause before it. `words` count from its own start. At least `words_after` words of the turn begin after
    it. What is `wanted` is placed wherever there is room; the rest by `rank`, lowest first, until its rate is met.
    """

    type: EventType
    side: Speaker
    word: int
    delay: int
    length: int
    words: tuple[Span, ...] = ()
    rank: float = 0.0
    wanted: bool = False
    in_pause: bool = False
    words_after: int = 1


@dataclass(frozen=True, slots=True)
class Opening:
    """The words of a turn at which the other side may say something of a sort; `words_after` words begin after it."""

    type: EventType
    words: tuple[int, ...]
    words_after: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """A tool's result that a turn speaks: it was called as `word` of turn `turn` (a position) ended, and is there `latency` later; the
    turn begins `reaction` after that at the earliest."""

    turn: int
    word: int
    latency: int
    reaction: int


Rate = tuple[float, float]
"""How many events of a sort a dialogue gets: so many a sample of those of the other side's turns that have room for one, and a
number in 0…1 that decides whether the fraction counts as one more."""
Rates = Mapping[tuple[EventType, Speaker], Rate]
"""By the sort of event and who does it."""


@dataclass(frozen=True, slots=True)
class TurnShape:
    """One turn before it has a place. All lengths are samples; `words` count from the start of the turn's audio.

    `u` is the turn's quantile among FTOs and `shift` what is added to the FTO; `pause_before` is what separates it
    from a turn of the same speaker. `silence`, where it is not 0, is the long silence before the turn, in place of both.
    `key_word` is the last word that nobody talks over before most of it is said (an amount, a time),
    `name_word` the last name. `cut_word` is the word at whose start the next turn barges in; this turn then
    yields after `yield_after`, or at the end of the word under way if `finish_word`. `pauses` are (word, length) in
    order of the words. `awaited` are the tools' results that the turn speaks: it waits for them, whatever its quantile.
    """

    speaker: Speaker
    length: int
    words: tuple[Span, ...]
    u: float = 0.5
    shift: int = 0
    pause_before: int = 0
    silence: int = 0
    is_question: bool = False
    key_word: int | None = None
    name_word: int | None = None
    cut_word: int | None = None
    yield_after: int = 0
    finish_word: bool = False
    pauses: tuple[tuple[int, int], ...] = ()
    openings: tuple[Opening, ...] = ()
    asides: tuple[AsideShape, ...] = ()
    awaited: tuple[Awaited, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples `source` of a turn's audio, heard from `at` on. `cut` where it ends because the turn was cut."""

    source: Span
    at: int
    cut: bool = False

    @property
    def end(self) -> int:
        return self.at + self.source[1] - self.source[0]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a turn came to lie, in samples from the dialogue's start.

    `words` are all words, those after `end` at the times that they would have had. `barge_in` is the start of the
    turn that cut in (None without one), `cut` whether anything was lost by it. `overlap` is what the next turn's words
    have in common with the time of this one's. `silence` is the long silence before the turn. `pauses` are (word, span).
    `asides` are those that found room: (index among the shape's, span).
    """

    start: int
    end: int
    words: tuple[Span, ...]
    pieces: tuple[Piece, ...]
    fto: int | None
    pauses: tuple[tuple[int, Span], ...] = ()
    barge_in: int | None = None
    cut: bool = False
    overlap: Span | None = None
    silence: Span | None = None
    asides: tuple[tuple[int, Span], ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """The turns that fit, in order, the samples of the whole, and how many turns at the end were left out. `room` is how many
    samples the turns last that have room for an event of each sort, by who would do it."""

    spots: tuple[Spot, ...]
    n_samples: int
    n_turns_cut: int
    room: Mapping[tuple[EventType, Speaker], int] = field(default_factory=dict)
