"""A small recogniser for the processor: pocketsphinx, with a language model of the texts of the dialogue."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from datagen.config import Options, knob
from datagen.engines.sphinx.decoder import SphinxDecoder, hearable, maker_of
from datagen.engines.sphinx.language import COMMON, arpa
from datagen.protocols import Failure, HearRequest
from datagen.records.maker import Maker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.store.ids import digest
from datagen.text.wer import words_of

REVISION = "1"
"""Raised when the same request and pocketsphinx give another text."""


class SphinxOptions(Options):
    """Knobs of pocketsphinx as a recogniser."""

    language_weight: float = knob(
        9.0, "how much the language model counts beside the sound; more hears what it expects", "", gt=0, le=30
    )
    trust: int = knob(
        3,
        "how often each of the dialogue's texts counts in the language model; more hears what it expects",
        "",
        ge=1,
        le=100,
    )
    min_s: float = knob(0.1, "shorter audio is not listened to", "s", gt=0, le=5)
    max_s: float = knob(120.0, "nor longer", "s", gt=0, le=3_600)


class SphinxRecogniser:
    """What pocketsphinx hears, in words of the request's texts and the commonest ones of English; every request by itself."""

    kind: ClassVar[str] = "asr"
    name: ClassVar[str] = "sphinx"
    Options: ClassVar[type[SphinxOptions]] = SphinxOptions

    def __init__(self, options: SphinxOptions) -> None:
        self.options = options

    @cached_property
    def maker(self) -> Maker:
        return maker_of(self.name, REVISION, digest(self.options.output_options()))

    @cached_property
    def _decoder(self) -> SphinxDecoder:
        return SphinxDecoder(lw=self.options.language_weight)

    def hear(self, requests: Sequence[HearRequest]) -> list[str | Failure]:
        """The words heard a request. Failures: `too_short`, `too_long`."""
        return [self._refusal(r) or self._heard(r) for r in requests]

    def _refusal(self, request: HearRequest) -> Failure | None:
        duration_s = len(request.audio) / SAMPLE_RATE_HZ
        if duration_s < self.options.min_s:
            return Failure(
                "too_short", f"{duration_s:.2f} s of audio to listen to (at least {self.options.min_s:g}, asr.min_s)."
            )
        if duration_s > self.options.max_s:
            return Failure(
                "too_long", f"{duration_s:.1f} s of audio to listen to (at most {self.options.max_s:g}, asr.max_s)."
            )
        return None

    def _heard(self, request: HearRequest) -> str:
        texts = [t for t in (_words(" ".join(request.spoken)), *map(_words, request.near)) if t]
        decoder = self._decoder
        with decoder.lock:
            decoder.learn({*COMMON, *(w for t in texts for w in t)})
            decoder.expect(arpa(texts, COMMON, self.options.trust))
            decoder.hear(request.audio)
            found = decoder.native.hyp()
        return found.hypstr if found else ""


def _words(text: str) -> list[str]:
    return [w for w in words_of(text) if hearable(w)]
