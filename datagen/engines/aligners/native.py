"""The embedded aligner: the speaker's own word times, checked against the audio."""

from collections.abc import Sequence
from typing import ClassVar

from datagen.config import Options
from datagen.protocols import AlignRequest, Failure
from datagen.records.maker import Maker
from datagen.records.speech import SAMPLE_RATE_HZ, Word
from datagen.store.ids import digest


class NativeOptions(Options):
    """The native aligner has no knobs."""


class NativeAligner:
    """The words that the speaker gave with its audio. A Failure where it gave none, other ones, or times that cannot be."""

    kind: ClassVar[str] = "aligner"
    name: ClassVar[str] = "native"
    Options: ClassVar[type[NativeOptions]] = NativeOptions

    def __init__(self, options: NativeOptions) -> None:
        self.options = options

    @property
    def maker(self) -> Maker:
        return Maker(self.name, "the speaker's word events", "1", "Apache-2.0", digest(self.options.output_options()))

    def align(self, requests: Sequence[AlignRequest]) -> list[tuple[Word, ...] | Failure]:
        """The `native` words of each request. Failures: `no_words`, `word_mismatch`, `word_times`."""
        return [_checked(request) for request in requests]


def _checked(request: AlignRequest) -> tuple[Word, ...] | Failure:
    words = request.native
    if not words:
        return Failure("no_words", "the speaker gave no word times; choose another aligner (aligner.engine).")
    if tuple(w.word for w in words) != request.words:
        return Failure(
            "word_mismatch", f"the speaker timed {len(words)} words, other than the {len(request.words)} of the text."
        )
    end_s = len(request.audio) / SAMPLE_RATE_HZ
    latest_s = 0.0
    for n, word in enumerate(words):
        if not latest_s <= word.start_s <= word.end_s <= end_s:
            return Failure(
                "word_times",
                f"word {n} {word.word!r} is at {word.start_s:.3f} to {word.end_s:.3f} s: not after the word before it ({latest_s:.3f} s)"
                f" and inside {end_s:.3f} s of audio.",
            )
        latest_s = word.end_s
    return words
