"""Flite in process: voices made of recordings, on any CPU, in other people's pitch and formants by Praat.

Its voices awb, rms and slt are statistical models of an hour of one person's speech each (CMU ARCTIC), kal16 joins recorded diphones;
all at 16 kHz, so nothing lies above 8 kHz. Praat's `Change gender` makes several people of each.
"""

import importlib.metadata
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import ClassVar

import numpy as np

from datagen.engines.speakers import praat
from datagen.engines.speakers.delivery import Delivery, SpokenOptions, delivery
from datagen.engines.speakers.finished import timed_words, to_pcm16
from datagen.engines.speakers.flite_library import FliteLibrary, RawWords
from datagen.engines.speakers.respelling import OF_FLITE, respelled
from datagen.engines.speakers.sayable import refusal
from datagen.engines.speakers.voice_bank import voices_of
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from datagen.store.ids import digest

REVISION = 1
"""Raised when this file and its helpers give other samples or word times for the same request and Flite."""
LICENCE = "MIT-Festival"
OF_MARKS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "."})
OF_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "Æ": "Ae",
        "œ": "oe",
        "Œ": "Oe",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "ı": "i",
        "ð": "d",
        "þ": "th",
    }
)
"""What an ASCII synthesiser reads for signs and letters that do not come apart into a letter and an accent. Others are left out."""


class FliteOptions(SpokenOptions):
    """Knobs of the flite speaker."""


class FliteSpeaker:
    """Speech of Flite's voices, mono 24 kHz in steps of 1/32768, with a span a word; the same request gives the same samples."""

    kind: ClassVar[str] = "speaker"
    name: ClassVar[str] = "flite"
    Options: ClassVar[type[FliteOptions]] = FliteOptions

    def __init__(self, options: FliteOptions) -> None:
        self.options = options
        self._library = FliteLibrary()

    @cached_property
    def maker(self) -> Maker:
        return Maker(
            engine=self.name,
            model=f"flite {self._library.version()}",
            revision=f"{REVISION}+praat-parselmouth-{importlib.metadata.version('praat-parselmouth')}+{self._library.digest()}",
            licence=LICENCE,
            options=digest(self.options.output_options()),
            deterministic=True,
            note="Made of recordings of four people, three of them CMU ARCTIC's, whose licences ask for their notices.",
        )

    @property
    def renders(self) -> frozenset[Tag | Vocal]:
        """Every tag, by rate, pitch and level; no vocal sound: nobody laughs in its recordings."""
        return frozenset(Tag)

    def voices(self) -> tuple[Voice, ...]:
        """The voices of voices/*.toml whose engine is flite, sorted by id."""
        return voices_of(self.name)

    def speak(self, requests: Sequence[SpeakRequest]) -> list[Speech | Failure]:
        """A Speech a request, each from its own request alone. Failures: `unspeakable`, `too_long_text`, `unknown_voice`."""
        return [refusal(request, self.options.max_chars) or self._spoken(request) for request in requests]

    def _spoken(self, request: SpeakRequest) -> Speech | Failure:
        voice, said = request.voice, [in_ascii(respelled(s, OF_FLITE)) for s in request.spoken]
        if not all(any(c.isalnum() for c in s) for s in said):
            return Failure("unspeakable", f"{' '.join(request.spoken)[:60]!r} has a word without an English letter.")
        moved = delivery(request.tags, request.seed, self.options.jitter, request.rate)
        raw = self._library.say(
            " ".join(said), voice.base, 1 / (voice.transform.get("rate", 1) * moved.rate), request.seed
        )
        if raw is None:
            return Failure(
                "unknown_voice", f"voice {voice.id}: flite has no voice {voice.base!r}, or says nothing in it."
            )
        samples = np.frombuffer(raw.pcm, dtype=np.int16) / 32768
        gain = 10 ** ((voice.transform.get("gain_db", 0.0) + moved.gain_db) / 20)
        changed = (
            praat.change_gender(samples, raw.rate_hz, gender_of(voice, moved), request.seed, SAMPLE_RATE_HZ) * gain
        )
        words = timed_words(request, spans_of(said, raw), SAMPLE_RATE_HZ, raw.rate_hz, len(changed))
        return Speech(to_pcm16(changed), words, self.name, request.seed)


def in_ascii(spoken: str) -> str:
    """A spoken form in the letters that Flite reads: accents are taken off, and what has no letter below it is left out."""
    plain = unicodedata.normalize("NFKD", spoken.translate(OF_MARKS | OF_LETTERS))
    return "".join(c for c in plain if c.isascii() and c.isprintable())


def gender_of(voice: Voice, moved: Delivery) -> praat.Gender:
    """Praat's settings for a voice and a delivery."""
    settings = voice.transform
    return praat.Gender(
        formant_ratio=settings["formant_ratio"],
        pitch_median_hz=settings["pitch_median_hz"] * moved.pitch,
        pitch_range_ratio=settings["pitch_range_ratio"] * moved.range,
        duration_ratio=1.0,
        floor_hz=settings["floor_hz"],
        ceiling_hz=settings["ceiling_hz"],
    )


def spans_of(said: Sequence[str], raw: RawWords) -> list[tuple[int, int]]:
    """The span of every spoken form, in order, none overlapping, in samples of `raw`: from its first word's start to its last one's end.

    A form of which nothing was said has an empty span where the one before it ends.
    """
    ends = [end - 1 for end in accumulate(len(s) + 1 for s in said)]
    spans: list[tuple[int, int] | None] = [None] * len(said)
    for token_end, start, end in raw.words:
        form = min(bisect_left(ends, token_end - 1), len(said) - 1)
        held = spans[form]
        spans[form] = (held[0] if held else start, end)
    filled: list[tuple[int, int]] = []
    for span in spans:
        latest = filled[-1][1] if filled else 0
        filled.append(span or (latest, latest))
    return filled
