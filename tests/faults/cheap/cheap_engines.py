"""Engines that cost next to no time, and fail as their options say: what the fault bench builds with.

A fault stands in a file that the environment names, and in no recipe: the build with it has the keys of the build without, and has to have
its bytes. It strikes one kind of engine from the `at`-th call on, `times` times in all, counted over processes in a file beside it.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datagen.config import Options, knob
from datagen.engines.writers.agenda import AgendaWriter
from datagen.protocols import Failure, SpeakRequest, WriteRequest
from datagen.records.enums import Split, Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import Voice
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ, Audio, Speech, Word, n_frames
from datagen.records.transcript import Transcript

N_VOICES = 96
S_PER_LETTER, S_PER_WORD = 0.065, 0.02
LEAK_BYTES = 64 * 2**20


class Fate:
    """Whether this call of an engine is one at which a fault strikes, as the file that `FAULT_FATE` names says it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._file = Path(os.environ["FAULT_FATE"])
        self.hoard: list[bytearray] = []

    def strikes(self) -> str:
        """The fault, where it strikes now; what kills or hangs the process does so here."""
        told = json.loads(self._file.read_bytes()) if self._file.exists() else {}
        if told.get("kind") != self._kind or not told["at"] <= (n := self._count()) < told["at"] + told["times"]:
            return ""
        fault = str(told["fault"])
        if fault == "hang":
            time.sleep(600)
        if fault == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if fault == "exit":
            os._exit(0)
        if fault == "leak":
            self.hoard.append(bytearray(os.urandom(1024) * (LEAK_BYTES // 1024)))
            return ""
        if fault == "raise":
            raise MemoryError(f"call {n}")
        return fault

    def _count(self) -> int:
        with self._file.with_suffix(".calls").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            n = len(file.read())
            file.write(".")
        return n


def spoiled(fault: str, answers: list[Any], nothing: Any) -> list[Any]:
    """The answers with one too few or too many, or with something else in the place of the first."""
    if fault == "short":
        return answers[:-1]
    if fault == "long":
        return [*answers, *answers[:1]]
    if fault == "wrong_type":
        return [nothing, *answers[1:]]
    return answers


class CheapSpeaker:
    """A sawtooth a word, as long as it has letters, at the voice's pitch."""

    kind: ClassVar[str] = "speaker"
    name: ClassVar[str] = "cheap"
    Options: ClassVar[type[Options]] = Options
    renders: ClassVar[frozenset[Tag | Vocal]] = frozenset(Tag)

    def __init__(self, options: Options) -> None:
        self.options = options
        self._fate = Fate(self.kind)

    @property
    def maker(self) -> Maker:
        return Maker("cheap", "saw", "1", "Apache-2.0")

    def voices(self) -> tuple[Voice, ...]:
        """Pitches a step apart, women and men in turn."""
        return tuple(
            Voice(
                f"saw-{i:02d}", "cheap", "saw", {}, ("female", "male")[i % 2], 90.0 + 2 * i, (500.0 + 4 * i, 1500.0, 2500.0),
                "Apache-2.0", "saw", Split.TRAIN, place=(4.0 * i,),
            )
            for i in range(N_VOICES)
        )  # fmt: skip

    def speak(self, requests: Sequence[SpeakRequest]) -> list[Speech | Failure]:
        fault = self._fate.strikes() if requests else ""
        answers: list[Any] = [self._spoken(r) for r in requests]
        if fault in ("nan", "infinite"):
            answers[0].audio[100:200] = np.nan if fault == "nan" else np.inf
        return spoiled(fault, answers, None)

    def _spoken(self, request: SpeakRequest) -> Speech:
        saw = np.linspace(0.3, -0.3, round(SAMPLE_RATE_HZ / request.voice.f0_hz), dtype=np.float32)
        pieces, words, at = [], [], 0
        for display, spoken in zip(request.words, request.spoken, strict=True):
            n_letters = sum(c.isalnum() for c in spoken)
            n = int((n_letters * S_PER_LETTER + S_PER_WORD) * SAMPLE_RATE_HZ / request.rate)
            pieces.append(np.resize(saw, n))
            words.append(Word(display, spoken, at / SAMPLE_RATE_HZ, (at + n) / SAMPLE_RATE_HZ))
            at += n
        return Speech(np.concatenate(pieces), tuple(words), self.name, request.seed)


class CheapCodec:
    """Eight codes a frame, of the frame's own samples alone."""

    kind: ClassVar[str] = "codec"
    name: ClassVar[str] = "cheap"
    Options: ClassVar[type[Options]] = Options
    n_books, book_size, clips_at_once = 8, 2048, 1

    def __init__(self, options: Options) -> None:
        self.options = options
        self._fate = Fate(self.kind)

    @property
    def maker(self) -> Maker:
        return Maker("cheap", "sums", "1", "Apache-2.0")

    def encode(self, audios: Sequence[Audio]) -> list[Codes]:
        fault = self._fate.strikes() if audios else ""
        answers: list[Any] = [self._encoded(a) for a in audios]
        if fault == "nan":
            answers[0] = np.full(answers[0].shape, np.nan, np.float32)
        if fault == "infinite":
            answers[0] = np.full_like(answers[0], 32_000)
        if fault == "shape":
            answers[0] = answers[0][:, :-1]
        return spoiled(fault, answers, None)

    def _encoded(self, audio: Audio) -> Codes:
        frames = np.zeros((n_frames(len(audio)), FRAME_SAMPLES), np.float64)
        frames.reshape(-1)[: len(audio)] = audio
        parts = np.abs(frames.reshape(len(frames), self.n_books, -1)).sum(2)
        return np.ascontiguousarray((parts.T * 97).astype(np.int64) % self.book_size, dtype=np.int16)

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        return [np.zeros(c.shape[1] * FRAME_SAMPLES, np.float32) for c in codes]

    def constant_frames(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (0,) * 8, (1,) * 8


class WriterOptions(Options):
    bad_from: int = knob(0, "dialogues from this index …")
    bad_to: int = knob(0, "… up to this one fail in every attempt")


class CheapWriter:
    """The agenda writer, but for the dialogues that it has to fail."""

    kind: ClassVar[str] = "writer"
    name: ClassVar[str] = "cheap"
    Options: ClassVar[type[WriterOptions]] = WriterOptions

    def __init__(self, options: WriterOptions) -> None:
        self.options = options
        self._fate = Fate(self.kind)
        self._agenda = AgendaWriter(AgendaWriter.Options())

    @property
    def maker(self) -> Maker:
        return Maker("cheap", "agenda", "1", "Apache-2.0", str(self.options.output_options()))

    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        fault = self._fate.strikes() if requests else ""
        bad = range(self.options.bad_from, self.options.bad_to)
        good = iter(self._agenda.write([r for r in requests if r.plan.index not in bad]))
        answers: list[Any] = [
            Failure("not_written", f"{r.plan.dialog_id}: refused on request.") if r.plan.index in bad else next(good)
            for r in requests
        ]
        return spoiled(fault, answers, None)
