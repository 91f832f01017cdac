"""What an engine has to be: four small protocols. Each takes a list and answers a list of the same length.

A row that an engine cannot do comes back as a Failure, in its place; an exception means that the engine as a
whole failed (EngineError) and the batch may be tried again. Engines are built from their `Options` and hold no state
that changes a result: the same request gives the same answer whatever came before it (where `maker.deterministic`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from datagen.records.enums import Speaker as Side
from datagen.records.enums import Tag
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan, Voice
from datagen.records.rendered import Codes
from datagen.records.speech import Audio, Speech, Word
from datagen.records.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an engine could not do one row: a short reason code and one line for a person."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A plan to write from. `seed` is the attempt's own."""

    plan: DialogPlan
    seed: int


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """A text for one voice. `words` are the display words, `spoken` how each is said, one for one.

    `rate` is a factor on the voice's own speech rate: 1.1 is a tenth faster.
    """

    words: tuple[str, ...]
    spoken: tuple[str, ...]
    voice: Voice
    seed: int
    side: Side = Side.AGENT
    tags: tuple[Tag, ...] = ()
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class AlignRequest:
    """Audio to find the words of, mono float32 at 24 kHz. `native` are the speaker's own word times, where it gave any."""

    audio: Audio
    words: tuple[str, ...]
    spoken: tuple[str, ...]
    native: tuple[Word, ...] = ()


class Engine(Protocol):
    """What all engines share. `kind` is `writer`, `speaker`, `aligner` or `codec`."""

    kind: ClassVar[str]
    name: ClassVar[str]

    @property
    def maker(self) -> Maker: ...


class Writer(Engine, Protocol):
    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        """A transcript a plan, its signature left empty; gates are the stage's."""
        ...


class Speaker(Engine, Protocol):
    def voices(self) -> tuple[Voice, ...]:
        """Every voice that this engine can speak in, sorted by id; `split` is filled in by the plan stage."""
        ...

    def speak(self, requests: Sequence[SpeakRequest]) -> list[Speech | Failure]:
        """Mono 24 kHz audio a request, words with times where the engine knows them (else ())."""
        ...


class Aligner(Engine, Protocol):
    def align(self, requests: Sequence[AlignRequest]) -> list[tuple[Word, ...] | Failure]:
        """A word a display word, with times inside the audio, in order."""
        ...


class Codec(Engine, Protocol):
    n_books: int
    book_size: int

    @property
    def clips_at_once(self) -> int:
        """How many clips keep the engine busy: the runner gives as many at a time, where a shard has them. It changes no code."""
        ...

    def encode(self, audios: Sequence[Audio]) -> list[Codes]:
        """Codes int16 [n_books, ceil(n_samples / 1920)] a mono clip, each from a fresh state, the last frame zero-padded."""
        ...

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono float32 audio of 1920 samples a frame."""
        ...

    def constant_frames(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The codec's SILENCE and SINE frames (n_books codes each) that the hybrid system prompt repeats."""
        ...
