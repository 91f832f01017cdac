"""The embedded codec: Mimi's geometry on log-mel patches, numpy alone. Its tokens are not Mimi's: it is for trying, testing, looking."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from datagen.config import Options, knob
from datagen.engines.codecs.codebooks import BOOK_SIZE, N_BOOKS, Codebooks, bundled
from datagen.engines.codecs.inversion import audio_of
from datagen.engines.codecs.patches import BLOCK, PAST, log_mels, windows
from datagen.engines.codecs.training_audio import tone
from datagen.errors import DataError
from datagen.records.maker import Maker
from datagen.records.rendered import Codes
from datagen.records.speech import Audio

SINE_HZ = 440.0
"""PersonaPlex feeds a 440 Hz tone as the user's side of the prefix."""
SINE_S = 2.0
SINE_PEAK = 0.5


class MelRvqOptions(Options):
    """The knobs of the embedded codec. None of them changes a code."""

    griffin_lim_rounds: int = knob(
        32,
        "rounds of phase estimation when codes are decoded to be heard",
        "rounds",
        changes_output=False,
        ge=1,
        le=500,
    )


class MelRvqCodec:
    """Codes int16 [8, n_frames], each 0…2047, a frame of 80 ms at 24 kHz; a codec by the protocol in datagen.protocols."""

    kind: ClassVar[str] = "codec"
    name: ClassVar[str] = "melrvq"
    Options: ClassVar[type[MelRvqOptions]] = MelRvqOptions
    clips_at_once: ClassVar[int] = 1

    def __init__(self, options: MelRvqOptions, books: Codebooks | None = None) -> None:
        self.options = options
        self.books = books or bundled()
        self.n_books = N_BOOKS
        self.book_size = BOOK_SIZE

    @property
    def maker(self) -> Maker:
        """The identity that content keys and cards hold: the revision is the hash of the tables."""
        return Maker(
            engine=self.name,
            model="melrvq-1",
            revision=self.books.revision,
            licence="Apache-2.0",
            note="not Mimi's tokens: for trying, testing and looking",
        )

    def encode(self, audios: Sequence[Audio]) -> list[Codes]:
        """Codes [8, ceil(n_samples / 1920)] a mono clip, the same whatever else is in the list; a DataError for NaN or stereo."""
        return [self._encode(audio) for audio in audios]

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono float32 audio, 1920 samples a frame; a DataError for codes outside 0…2047 or not 8 books."""
        return [self._decode(one) for one in codes]

    def constant_frames(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """SILENCE, the frame of digital silence, and SINE, a frame of a steady 440 Hz tone at half of full scale."""
        return self._silence, self._sine

    @cached_property
    def _silence(self) -> tuple[int, ...]:
        return self._frame(np.zeros(1, np.float32), 0)

    @cached_property
    def _sine(self) -> tuple[int, ...]:
        audio = tone(SINE_HZ, SINE_S) * np.float32(SINE_PEAK)
        return self._frame(audio, -2)

    def _frame(self, audio: Audio, at: int) -> tuple[int, ...]:
        view = windows(audio)
        codes = self.books.quantise(self.books.points(log_mels(view[at : at + 1])))
        return tuple(int(code) for code in codes[:, 0])

    def _encode(self, audio: Audio) -> Codes:
        view = windows(audio)
        codes = np.empty((self.n_books, len(view)), np.int16)
        codes[:] = np.array(self._silence, np.int16)[:, None]
        busy = _busy(view)
        for start in range(0, len(busy), BLOCK):
            rows = busy[start : start + BLOCK]
            codes[:, rows] = self.books.quantise(self.books.points(log_mels(view[rows])))
        return codes

    def _decode(self, codes: Codes) -> Audio:
        if codes.ndim != 2 or codes.shape[0] != self.n_books:
            raise DataError(f"codec: codes of shape {codes.shape}; melrvq decodes [{self.n_books}, n_frames].")
        if codes.size and not (int(codes.min()) >= 0 and int(codes.max()) < self.book_size):
            raise DataError(
                f"codec: codes from {codes.min()} to {codes.max()}; melrvq's are 0 to {self.book_size - 1}."
            )
        return audio_of(self.books.patches_of(codes), self.options.griffin_lim_rounds)


def _busy(view: np.ndarray) -> np.ndarray:
    """The rows of `windows` that hold a sample other than zero; the rest is digital silence, most of a dialogue's channel."""
    own = view[:, PAST:].any(axis=1)
    past = view[:, :PAST].any(axis=1)
    return np.flatnonzero(own | past)
