"""Forced alignment on the processor: pocketsphinx's acoustic model over the sounds of the text's words."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from datagen.config import Options, knob
from datagen.engines.sphinx.decoder import FRAME_S, MARGIN_S, SphinxDecoder, hearable, maker_of
from datagen.protocols import AlignRequest, Failure
from datagen.records.maker import Maker
from datagen.records.speech import SAMPLE_RATE_HZ, Word
from datagen.store.ids import digest
from datagen.text.wer import words_of

REVISION = "1"
"""Raised when the same request and pocketsphinx give other times."""
_SILENCES = ("<s>", "</s>", "<sil>", "(NULL)")


class SphinxOptions(Options):
    """Knobs of pocketsphinx as an aligner."""

    early_s: float = knob(
        0.0,
        "by how much word starts and ends are moved earlier: a correction for speech that shows one",
        "s",
        ge=-0.2,
        le=0.2,
    )
    beam: float = knob(
        1e-80, "how improbable a way through the sounds may become before it is given up", "probability", gt=0, lt=1
    )


class SphinxAligner:
    """Word times to 10 ms. A Failure where the audio cannot hold the text, or pocketsphinx finds no way through it."""

    kind: ClassVar[str] = "aligner"
    name: ClassVar[str] = "sphinx"
    Options: ClassVar[type[SphinxOptions]] = SphinxOptions

    def __init__(self, options: SphinxOptions) -> None:
        self.options = options

    @cached_property
    def maker(self) -> Maker:
        return maker_of(self.name, REVISION, digest(self.options.output_options()))

    @cached_property
    def _decoder(self) -> SphinxDecoder:
        beam = self.options.beam
        # The search over the lattice of what was found dropped a short last word in one turn of forty.
        return SphinxDecoder(beam=beam, wbeam=beam, pbeam=beam, bestpath=False)

    def align(self, requests: Sequence[AlignRequest]) -> list[tuple[Word, ...] | Failure]:
        """A word a display word. Failures: `no_audio`, `unsayable`, `not_aligned`."""
        return [self._aligned(request) for request in requests]

    def _aligned(self, request: AlignRequest) -> tuple[Word, ...] | Failure:
        duration_s = len(request.audio) / SAMPLE_RATE_HZ
        if duration_s < 2 * FRAME_S:
            return Failure("no_audio", f"{duration_s:.2f} s of audio for {len(request.words)} words.")
        parts = [words_of(s) for s in request.spoken]
        for word, said in zip(request.words, parts, strict=True):
            if not said or not all(map(hearable, said)):
                return Failure(
                    "unsayable", f"{word!r} is said as {' '.join(said)!r}, which has no letters of English to align by."
                )
        said = [w for part in parts for w in part]
        spans = self._spans(request, said)
        if spans is None:
            return Failure(
                "not_aligned", f"pocketsphinx finds no way through {len(said)} words in {duration_s:.2f} s of audio."
            )
        words: list[Word] = []
        at, latest_s = 0, 0.0
        for word, spoken, part in zip(request.words, request.spoken, parts, strict=True):
            start_s = min(max(spans[at][0] - self.options.early_s, latest_s), duration_s)
            at += len(part)
            latest_s = min(max(spans[at - 1][1] - self.options.early_s, start_s), duration_s)
            words.append(Word(word, spoken, start_s, latest_s))
        return tuple(words)

    def _spans(self, request: AlignRequest, said: Sequence[str]) -> list[tuple[float, float]] | None:
        """Start and end of every word of `said` in seconds of the audio; None where not all are found, in order."""
        decoder = self._decoder
        with decoder.lock:
            decoder.learn(said)
            decoder.native.set_align_text(" ".join(said))
            decoder.hear(request.audio)
            found = [s for s in decoder.native.seg() or () if s.word not in _SILENCES and not s.word.startswith("[")]
            spans = [(s.start_frame * FRAME_S - MARGIN_S, (s.end_frame + 1) * FRAME_S - MARGIN_S) for s in found]
        heard = [s.word.partition("(")[0] for s in found]
        return spans if heard == list(said) else None
