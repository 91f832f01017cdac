"""What placing works on: turns as whole numbers of samples, and where they came to lie. No audio, no text, no chance."""

from dataclasses import dataclass

from datagen.records.enums import Speaker

Span = tuple[int, int]
"""First sample, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A backchannel to place: after which word, how long after its end, how long it is. `words` count from its own start."""

    word: int
    delay: int
    length: int
    words: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnShape:
    """One turn before it has a place. All lengths are samples; `words` count from the start of the turn's audio.

    `u` is the turn's quantile among FTOs and `shift` what is added to the FTO; `pause_before` is what separates it
    from a turn of the same speaker. `key_word` is the last word that nobody talks over before most of it is said (an
    amount, a time). `cut_word` is the word at whose start the next turn barges in; this turn then
    yields after `yield_after`, or at the end of the word under way if `finish_word`. `pauses` are (word, length) in
    order of the words.
    """

    speaker: Speaker
    length: int
    words: tuple[Span, ...]
    u: float = 0.5
    shift: int = 0
    pause_before: int = 0
    is_question: bool = False
    key_word: int | None = None
    cut_word: int | None = None
    yield_after: int = 0
    finish_word: bool = False
    pauses: tuple[tuple[int, int], ...] = ()
    listening: tuple[Listening, ...] = ()


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
    turn that cut in (None without one), `cut` whether anything was lost by it. `pauses` are (word, span). `heard_back`
    are the backchannels that found room: (index among the shape's, span).
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
    heard_back: tuple[tuple[int, Span], ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """The turns that fit, in order, the samples of the whole, and how many turns at the end were left out."""

    spots: tuple[Spot, ...]
    n_samples: int
    n_turns_cut: int
