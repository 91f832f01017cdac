"""Whisper as a recogniser, batched, on a GPU or a processor: what it writes, in spoken words."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from datagen.config import knob
from datagen.engines.speech_models import (
    OfFiles,
    SpeechModelOptions,
    at_16_khz,
    by_length,
)
from datagen.engines.whisper_model import FILES, LICENCE, MODEL, MOST_S, REVISION, WhisperModel
from datagen.protocols import Failure, HearRequest
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.text.say import spoken_words
from datagen.text.wer import words_of

VERSION = "1"
"""Raised when the same request and model give another text."""


class WhisperOptions(SpeechModelOptions):
    """The knobs of Whisper as a recogniser."""

    model: str = knob(
        MODEL,
        "folder of a Whisper model, or a hub's id",
        changes_output=False,  # the digest of the files is in the engine's revision
    )
    revision: str = knob(REVISION, "the hub's commit, 40 hex digits", changes_output=False)
    half: bool = knob(True, "half precision on a GPU")
    batch: int = knob(8, "texts at once", "texts", changes_output=False, ge=1, le=256)
    min_s: float = knob(0.1, "shorter audio is not listened to", "s", gt=0, le=5)


class WhisperRecogniser(OfFiles):
    """What Whisper hears, numbers and signs written as they are said. It does not look at the request's texts.

    Raises EngineError where the model's folder lacks a file or is of another kind, UserError where there is no such device.
    """

    kind: ClassVar[str] = "asr"
    name: ClassVar[str] = "whisper"
    Options: ClassVar[type[WhisperOptions]] = WhisperOptions
    version: ClassVar[str] = VERSION
    files: ClassVar[tuple[str, ...]] = FILES
    default: ClassVar[tuple[str, str]] = (MODEL, LICENCE)

    def __init__(self, options: WhisperOptions) -> None:
        self.options: WhisperOptions = options

    @cached_property
    def _model(self) -> WhisperModel:
        return WhisperModel(self._folder, self._device, self.options.half, self.kind)

    def hear(self, requests: Sequence[HearRequest]) -> list[str | Failure]:
        """The words heard a request. Failures: `too_short`, `too_long`."""
        found: list[str | Failure] = [self._refusal(r) or "" for r in requests]
        good = [i for i, refused in enumerate(found) if not isinstance(refused, Failure)]
        clips = [at_16_khz(requests[i].audio) for i in good]
        for batch in by_length(clips, self.options.batch):
            for place, text in zip(batch, self._model.texts([clips[i] for i in batch]), strict=True):
                found[good[place]] = " ".join(words_of(" ".join(spoken_words(text))))
        return found

    def _refusal(self, request: HearRequest) -> Failure | None:
        duration_s = len(request.audio) / SAMPLE_RATE_HZ
        if duration_s < self.options.min_s:
            limit = f"at least {self.options.min_s:g}, asr.min_s"
            return Failure("too_short", f"{duration_s:.2f} s of audio to listen to ({limit}).")
        if duration_s > MOST_S:
            return Failure("too_long", f"{duration_s:.1f} s of audio; Whisper hears {MOST_S:g} s at once.")
        return None
