"""What the runner takes for an answer of an engine: one a request, of numbers; what is none is asked for once more."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from datagen.errors import EngineError
from datagen.protocols import Failure
from datagen.records.speech import Speech, Word
from datagen.run import asking

GOOD = Speech(np.zeros(10, np.float32), (Word("a", "a", 0.0, 0.1),), "fake", 1)
BAD = {
    "nothing": None,
    "nan": Speech(np.full(10, np.nan, np.float32), GOOD.words, "fake", 1),
    "infinite": Speech(np.array([0, np.inf], np.float32), GOOD.words, "fake", 1),
    "stereo": Speech(np.zeros((2, 10), np.float32), GOOD.words, "fake", 1),
    "times": Speech(GOOD.audio, (Word("a", "a", 0.0, float("nan")),), "fake", 1),
}


class Speaker:
    """Answers from a list, call by call; remembers how much it was asked for."""

    name = "fake"

    def __init__(self, *calls: Sequence[Any]) -> None:
        self._calls, self.asked = list(calls), list[int]()

    def speak(self, requests: Sequence[Any]) -> list[Any]:
        self.asked.append(len(requests))
        return list(self._calls.pop(0))


def build_with(speaker: Speaker) -> Any:
    return SimpleNamespace(engine=lambda kind: speaker)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_is_no_speech_is_asked_for_once_more(bad: Any) -> None:
    speaker = Speaker([GOOD, bad, GOOD], [GOOD])
    assert asking.spoken(build_with(speaker), ["a", "b", "c"]) == [GOOD] * 3  # type: ignore[list-item]
    assert speaker.asked == [3, 1]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_is_no_speech_twice_is_a_failure_in_its_place(bad: Any) -> None:
    first, second = asking.spoken(build_with(Speaker([bad, GOOD], [bad])), ["a", "b"])  # type: ignore[list-item]
    assert isinstance(first, Failure)
    assert first.reason == "not_finite"
    assert second is GOOD


def test_a_failure_is_an_answer() -> None:
    speaker = Speaker([Failure("unspeakable", "no.")])
    assert asking.spoken(build_with(speaker), ["a"]) == [Failure("unspeakable", "no.")]  # type: ignore[list-item]
    assert speaker.asked == [1]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_answers_of_another_number_than_the_requests_are_the_engines_failure(n: int) -> None:
    with pytest.raises(EngineError, match=f"speaker fake: {n} answers to 2 requests"):
        asking.spoken(build_with(Speaker([GOOD] * n)), ["a", "b"])  # type: ignore[list-item]


class Codec:
    """Gives bad codes, which sort by the length of a clip in frames."""

    name, n_books, book_size = "fake", 8, 2048

    def encode(self, clips: Sequence[Any]) -> list[Any]:
        bad = {1: np.zeros((8, 3), np.int16), 2: np.full((8, 2), 5000, np.int16), 3: None}
        return [bad[len(clip) // 1920] for clip in clips]


def test_codes_that_are_none_twice_are_a_failure_with_the_stages_reason() -> None:
    clips = [np.zeros(1920 * n, np.float32) for n in (1, 2, 3)]
    failures = asking.encoded(Codec(), clips)  # type: ignore[arg-type]
    assert [f.reason for f in failures if isinstance(f, Failure)] == ["encode_shape", "encode_range", "encode_type"]
