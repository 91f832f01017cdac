"""What an engine has to be: four small protocols. Each takes a list and answers a list of the same length.

A row that an engine cannot do comes back as a Failure, in its place; an exception means that the engine as a
whole failed (EngineError) and the batch may be tried again. Engines are built from their `Options` and hold no state
that changes a result: the same request gives the same answer whatever came before it (where `maker.deterministic`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DatagenError
from datagen.records.enums import Speaker as Side
from datagen.records.enums import Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan, Voice
from datagen.records.rendered import Codes
from datagen.records.reply import ReplyRecord
from datagen.records.speech import Audio, Speech, Word
from datagen.records.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an engine could not do one row: a short reason code and one line for a person."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A plan to write from. `seed` is the attempt's own; `attempt` counts from 0, so that a writer may be stricter in later ones.

    `description` is what the scenario is about in a writer's own words (one of a scenario's variants, see DescribeRequest); empty
    for writers that need none.
    """

    plan: DialogPlan
    seed: int
    attempt: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class DescribeRequest:
    """A scenario to be expanded once into a high-level description, from which many dialogues are written."""

    plan: DialogPlan
    variant: int
    seed: int


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """A text for one voice. `words` are the display words, `spoken` how each is said, one for one.

    `rate` is a factor on the voice's own speech rate: 1.1 is a tenth faster. `vocals` are laughs and sighs, each before the word of its
    index; of `tags` and `vocals` there are only those that the engine renders.
    """

    words: tuple[str, ...]
    spoken: tuple[str, ...]
    voice: Voice
    seed: int
    side: Side = Side.AGENT
    tags: tuple[Tag, ...] = ()
    rate: float = 1.0
    vocals: tuple[tuple[int, Vocal], ...] = ()

    @property
    def vocals_before(self) -> frozenset[int]:
        """The indices of the words that have a vocal sound before them."""
        return frozenset(place for place, _ in self.vocals)


@dataclass(frozen=True, slots=True)
class HearRequest:
    """Audio to be understood, mono float32 at 24 kHz. `spoken` is what it should say, `near` other texts of the same dialogue: a
    recogniser without a language model of its own makes one from both; others do not look at them."""

    audio: Audio
    spoken: tuple[str, ...]
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlignRequest:
    """Audio to find the words of, mono float32 at 24 kHz. `native` are the speaker's own word times, where it gave any."""

    audio: Audio
    words: tuple[str, ...]
    spoken: tuple[str, ...]
    native: tuple[Word, ...] = ()


class Engine(Protocol):
    """What all engines share. `kind` is `writer`, `judge`, `speaker`, `aligner`, `asr`, `embedder`, `mos` or `codec`."""

    kind: ClassVar[str]
    name: ClassVar[str]

    @property
    def maker(self) -> Maker: ...


class Writer(Engine, Protocol):
    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        """A transcript a plan, its signature left empty; gates are the stage's."""
        ...


class RemoteWriter(Writer, Protocol):
    """A writer that waits for servers: the build's own process keeps them busy with many dialogues at once.

    Its coroutines are called in one event loop and may be awaited in any number: how many requests are under way is its own
    affair. Nothing is started or connected before the first of them is awaited.
    """

    @property
    def at_once(self) -> int:
        """How many requests it would have under way now, over all servers: the runner has twice as many dialogues in hand."""
        ...

    def keep_replies(self, sink: Callable[[ReplyRecord], None]) -> None:
        """From now on every reply goes to `sink` as it came, where the option `keep_replies` is set; called in the event loop's thread."""
        ...

    async def write_one(self, request: WriteRequest) -> Transcript | Failure:
        """A transcript, its signature left empty, or why there is none; EngineError where no server can answer any more."""
        ...

    async def describe_one(self, request: DescribeRequest) -> str | Failure:
        """A scenario's description; asked for once a variant, and kept."""
        ...

    def preflight(self, requests: Sequence[WriteRequest]) -> list[DatagenError]:
        """What stands against writing these, [] for nothing: servers, model, context window, templates. Writes nothing. UserErrors are
        what the recipe or a file of the user's has wrong, EngineErrors what a server lacks."""
        ...

    async def close(self) -> None:
        """Ends connections and the servers that it started."""
        ...


class Judge(Engine, Protocol):
    """A language model that scores dialogues by rubrics, in the same event loop as a RemoteWriter."""

    @property
    def rubrics(self) -> tuple[str, ...]:
        """What it scores, by name."""
        ...

    async def judge_one(self, plan: DialogPlan, transcript: Transcript, seed: int) -> Mapping[str, float] | Failure:
        """A score a rubric, 1 (worst) to 5; a Failure where the reply could not be read."""
        ...

    def preflight(self) -> list[DatagenError]:
        """What stands against judging, likewise."""
        ...

    async def close(self) -> None: ...


class Speaker(Engine, Protocol):
    @property
    def renders(self) -> frozenset[Tag | Vocal]:
        """The tags and vocal sounds that this engine can make heard; others are left out of its requests, and counted."""
        ...

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


class Recogniser(Engine, Protocol):
    """Kind `asr`: what the round trip of the speech gates hears."""

    def hear(self, requests: Sequence[HearRequest]) -> list[str | Failure]:
        """The words that are heard a request, in small letters, without punctuation; "" for nothing."""
        ...


class Embedder(Engine, Protocol):
    """Kind `embedder`: how alike two clips' speakers are."""

    @property
    def same_from(self) -> float:
        """The similarity from which two clips count as of one speaker."""
        ...

    def embed(self, audios: Sequence[Audio]) -> NDArray[np.float32]:
        """A row of features a mono 24 kHz clip, [n, d]; a row of NaN for a clip too short or too silent to tell."""
        ...

    def similarity(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of every row of `one` to every row of `other`, [n_one, n_other], 1 for the same features and at most 1; NaN where a row is."""
        ...


class MosPredictor(Engine, Protocol):
    """Kind `mos`: how good a listener would call the sound."""

    def predict(self, audios: Sequence[Audio]) -> list[float | Failure]:
        """A mean opinion score a mono 24 kHz clip, 1 (bad) to 5 (excellent)."""
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
