"""What the runner asks engines, and what it takes for an answer: one a request, of the right kind, made of numbers.

A list of another length than the requests' is the engine's failure as a whole. A row that is none (no speech, not a number in it) is
asked for once more, the same way: where a passing fault made it, the answer is the one that it would have been.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from datagen.build import Build
from datagen.errors import EngineError
from datagen.protocols import AlignRequest, Codec, Failure, SpeakRequest
from datagen.records.rendered import Codes
from datagen.records.speech import Audio, Speech, Word
from datagen.stages.encode.unit import fault_of

AnswerT = TypeVar("AnswerT")
RequestT = TypeVar("RequestT")


def counted(kind: str, name: str, n_asked: int, answers: Sequence[AnswerT]) -> Sequence[AnswerT]:
    """The answers, if there is one a request; an EngineError with both numbers if not."""
    if len(answers) != n_asked:
        raise EngineError(
            f"{kind} {name}: {len(answers)} answers to {n_asked} requests, so nobody knows which is whose. "
            "What was done is kept: run the same command again."
        )
    return answers


def spoken(build: Build, requests: Sequence[SpeakRequest]) -> list[Speech | Failure]:
    """A Speech of finite samples a request, or a Failure; `not_finite` where the speaker gives no such thing twice."""
    engine = build.engine("speaker")
    return _answers(
        "speaker", engine.name, requests, engine.speak,
        lambda request, answer: None if isinstance(answer, Failure) else _fault("not_finite", engine.name, _no_speech(answer)),
    )  # fmt: skip


def aligned(build: Build, requests: Sequence[AlignRequest]) -> list[tuple[Word, ...] | Failure]:
    """The words of each request at finite times, or a Failure; `word_times` where the aligner gives no such thing twice."""
    engine = build.engine("aligner")
    return _answers(
        "aligner", engine.name, requests, engine.align,
        lambda request, answer: None if isinstance(answer, Failure) else _fault("word_times", engine.name, _no_words(answer)),
    )  # fmt: skip


def encoded(codec: Codec, clips: Sequence[Audio]) -> list[Codes | Failure]:
    """Codes of each clip as the encode stage wants them, or the Failure that it has for them, where the codec gives no others twice."""

    def fault(clip: Audio, answer: Any) -> Failure | None:
        if not isinstance(answer, np.ndarray):
            return Failure("encode_type", f"codec {codec.name} gave {_type(answer)} for codes.")
        return fault_of(answer, len(clip), codec)

    return _answers("codec", codec.name, clips, codec.encode, fault)


def _answers(
    kind: str, name: str, requests: Sequence[RequestT], ask: Callable[[Sequence[RequestT]], Sequence[Any]],
    fault: Callable[[RequestT, Any], Failure | None],
) -> list[Any]:  # fmt: skip
    answers = list(counted(kind, name, len(requests), ask(requests)))
    wrong = [i for i, (r, a) in enumerate(zip(requests, answers, strict=True)) if fault(r, a)]
    if wrong:
        again = counted(kind, name, len(wrong), ask([requests[i] for i in wrong]))
        for i, answer in zip(wrong, again, strict=True):
            answers[i] = fault(requests[i], answer) or answer
    return answers


def _fault(reason: str, name: str, said: str) -> Failure | None:
    return Failure(reason, f"engine {name}: {said}") if said else None


def _no_speech(answer: Any) -> str:
    if not isinstance(answer, Speech):
        return f"it gave {_type(answer)} for speech."
    audio = answer.audio
    if not isinstance(audio, np.ndarray) or audio.ndim != 1:
        return f"it gave {_type(audio)} of shape {getattr(audio, 'shape', '?')} for mono samples."
    if not np.isfinite(audio.sum(dtype=np.float64)):  # one number to look at, where all are finite
        bad = int(audio.size - np.isfinite(audio).sum())
        return f"{bad} of {audio.size} samples are no finite numbers."
    return _no_words(answer.words) if answer.words else ""


def _no_words(answer: Any) -> str:
    if not isinstance(answer, Sequence) or not all(isinstance(w, Word) for w in answer):
        return f"it gave {_type(answer)} for words."
    bad = [w for w in answer if not (np.isfinite(w.start_s) and np.isfinite(w.end_s))]
    return f"the times of {len(bad)} of {len(answer)} words are no finite numbers." if bad else ""


def _type(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
