"""Engines of kind writer, speaker and codec that make nothing worth keeping and cost no time: what a build's own work is measured with.

They are not listed among the engines. What they make passes every gate of the default recipe, so the whole path is walked:
plan, gates, ledger, rejects, near-duplicates, manifests, publishing.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import ClassVar

import numpy as np

from datagen.config import Options, knob
from datagen.engines.speakers.voice_bank import voices_of
from datagen.protocols import Failure, SpeakRequest, WriteRequest
from datagen.records.enums import Kind, Speaker, Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan, Voice
from datagen.records.rendered import Codes
from datagen.records.speech import SAMPLE_RATE_HZ, Audio, Speech, Word, n_frames
from datagen.records.transcript import Transcript, Turn
from datagen.store.ids import digest, rng, unit_hash

NAME = "blank"
N_BOOKS, BOOK_SIZE = 8, 2048
_WORDS = tuple(f"{a}{b}{c}u" for a in "bdfgklmnprstv" for b in "aeiou" for c in "bdgklmnprt")
"""650 words of four letters that mean nothing: a text of them is near no other one, and states no fact."""
_ROLES = {
    Kind.SERVICE: "You work for the desk and your name is Sam.",
    Kind.PROBE: "You work for the desk and your name is Sam.",
    Kind.CASUAL: "You enjoy having a good conversation.",
}
_LONGEST_S = 40.0


class BlankWriterOptions(Options):
    """How much it writes, and how much of it is bad."""

    turns: int = knob(2, "turns of a dialogue", "turns", ge=2, le=100)
    words: int = knob(4, "words of a turn", "words", ge=1, le=60)
    bad_share: float = knob(0.0, "share of dialogues of which every attempt fails", "share", ge=0, le=1)
    twin_share: float = knob(0.0, "share of dialogues with the words of one of sixteen others", "share", ge=0, le=1)


class BlankWriter:
    """A transcript a plan, of words without meaning; a Failure `blank` for the share that is to be bad."""

    kind: ClassVar[str] = "writer"
    name: ClassVar[str] = NAME
    Options: ClassVar[type[BlankWriterOptions]] = BlankWriterOptions

    def __init__(self, options: BlankWriterOptions) -> None:
        self.options = options

    @property
    def maker(self) -> Maker:
        return _maker(self.options)

    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        return [self._one(request.plan) for request in requests]

    def _one(self, plan: DialogPlan) -> Transcript | Failure:
        id_, options = plan.dialog_id, self.options
        if unit_hash("bad", id_) < options.bad_share:
            return Failure("blank", f"{id_}: bad by writer.bad_share.")
        if plan.kind not in _ROLES:
            return Failure("blank", f"{id_}: {NAME} writes no dialogue of kind {plan.kind}.")
        same = unit_hash("twin", id_) < options.twin_share
        draws = rng("blank", int(unit_hash("which", id_) * 16) if same else id_)
        drawn = draws.integers(len(_WORDS), size=(options.turns, options.words)).tolist()
        first, second = plan.first_speaker, next(s for s in Speaker if s is not plan.first_speaker)
        turns = tuple(
            Turn(i, second if i % 2 else first, " ".join(_WORDS[w] for w in row) + ".") for i, row in enumerate(drawn)
        )
        return Transcript(id_, _ROLES[plan.kind], turns, self.maker)


class BlankSpeakerOptions(Options):
    """How long a word is."""

    letter_s: float = knob(0.06, "length of a letter", "s", ge=0.005, le=0.5)


class BlankSpeaker:
    """A tone for every text, its words of one length, in espeak's voices."""

    kind: ClassVar[str] = "speaker"
    name: ClassVar[str] = NAME
    Options: ClassVar[type[BlankSpeakerOptions]] = BlankSpeakerOptions

    def __init__(self, options: BlankSpeakerOptions) -> None:
        self.options = options

    @property
    def maker(self) -> Maker:
        return _maker(self.options)

    @property
    def renders(self) -> frozenset[Tag | Vocal]:
        return frozenset()

    def voices(self) -> tuple[Voice, ...]:
        return voices_of("espeak")

    def speak(self, requests: Sequence[SpeakRequest]) -> list[Speech | Failure]:
        return [self._one(request) for request in requests]

    def _one(self, request: SpeakRequest) -> Speech | Failure:
        sizes = [max(sum(map(str.isalnum, said)), 1) * self.options.letter_s for said in request.spoken]
        ends = [round(at * SAMPLE_RATE_HZ) for at in accumulate(sizes)]
        if ends[-1] > _LONGEST_S * SAMPLE_RATE_HZ:
            return Failure("too_long_text", f"{len(ends)} words: more than {_LONGEST_S:g} s.")
        at = [end / SAMPLE_RATE_HZ for end in (0, *ends)]
        said = zip(request.words, request.spoken, at[:-1], at[1:], strict=True)
        return Speech(_tone()[: ends[-1]], tuple(Word(*each) for each in said), NAME, request.seed)


class BlankCodecOptions(Options):
    """There are none."""


class BlankCodec:
    """The same codes for every clip, in Mimi's geometry; what it decodes to is silence."""

    kind: ClassVar[str] = "codec"
    name: ClassVar[str] = NAME
    Options: ClassVar[type[BlankCodecOptions]] = BlankCodecOptions
    clips_at_once: ClassVar[int] = 1
    n_books, book_size = N_BOOKS, BOOK_SIZE

    def __init__(self, options: BlankCodecOptions) -> None:
        self.options = options

    @property
    def maker(self) -> Maker:
        return _maker(self.options)

    def encode(self, audios: Sequence[Audio]) -> list[Codes]:
        return [_codes(n_frames(len(audio))) for audio in audios]

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        return [np.zeros(one.shape[1] * SAMPLE_RATE_HZ * 2 // 25, np.float32) for one in codes]

    def constant_frames(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (0,) * N_BOOKS, (1,) * N_BOOKS


def _maker(options: Options) -> Maker:
    return Maker(NAME, NAME, "1", "Apache-2.0", digest(options.output_options()), note="no speech: for measuring")


@lru_cache(maxsize=1)
def _tone() -> Audio:
    """A voice's spectrum and nothing else: a pulse train of 150 Hz, at -20 dB of full scale."""
    phase = np.arange(round(_LONGEST_S * SAMPLE_RATE_HZ)) * (150 / SAMPLE_RATE_HZ) % 1
    audio: Audio = ((phase - 0.5) * (0.1 * 12**0.5)).astype(np.float32)
    audio.flags.writeable = False
    return audio


@lru_cache(maxsize=2048)
def _codes(frames: int) -> Codes:
    """Codes that differ along time and books, as a table of zeros would pack into nothing."""
    codes: Codes = rng("blank codes").integers(BOOK_SIZE, size=(N_BOOKS, frames)).astype(np.int16)
    codes.flags.writeable = False
    return codes
