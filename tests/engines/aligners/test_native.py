import numpy as np
import pytest

from datagen.engines.aligners.native import NativeAligner, NativeOptions
from datagen.protocols import AlignRequest, Failure
from datagen.records.speech import Word

AUDIO = np.zeros(24_000, dtype=np.float32)
GOOD = (Word("a", "a", 0.0, 0.2), Word("b", "b", 0.2, 0.2), Word("c", "c", 0.5, 1.0))


def align(native: tuple[Word, ...]) -> tuple[Word, ...] | Failure:
    (result,) = NativeAligner(NativeOptions()).align([AlignRequest(AUDIO, ("a", "b", "c"), ("a", "b", "c"), native)])
    return result


def test_the_speakers_own_words_come_back() -> None:
    assert align(GOOD) == GOOD


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ((), "no_words"),
        (GOOD[:2], "word_mismatch"),
        ((*GOOD[:2], Word("d", "d", 0.5, 1.0)), "word_mismatch"),
        ((*GOOD[:2], Word("c", "c", 0.5, 1.01)), "word_times"),
        ((*GOOD[:2], Word("c", "c", 0.19, 0.4)), "word_times"),
        ((Word("a", "a", -0.1, 0.2), *GOOD[1:]), "word_times"),
        ((Word("a", "a", 0.1, 0.05), *GOOD[1:]), "word_times"),
        ((Word("a", "a", float("nan"), 0.2), *GOOD[1:]), "word_times"),
    ],
)
def test_times_that_cannot_be_are_a_failure(native: tuple[Word, ...], reason: str) -> None:
    result = align(native)
    assert isinstance(result, Failure)
    assert result.reason == reason
