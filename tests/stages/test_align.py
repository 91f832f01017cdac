from dataclasses import replace

import numpy as np
import pytest

from datagen.protocols import Failure
from datagen.records.speech import Speech, Word
from datagen.stages.align.unit import AlignOptions, finish, request

WORDS = (Word("a", "eh", 0.0, 0.3), Word("b", "b", 0.3, 0.6), Word("c", "c", 0.65, 1.0))
SPEECH = Speech(np.full(24_000, 0.1, dtype=np.float32), WORDS, "test", 1)


def test_the_request_holds_the_trimmed_audio_and_the_speakers_times() -> None:
    asked = request(["a", "b", "c"], ["eh", "b", "c"], SPEECH)
    assert asked.audio is SPEECH.audio
    assert (asked.words, asked.spoken, asked.native) == (("a", "b", "c"), ("eh", "b", "c"), WORDS)


def test_good_words_are_kept_as_they_are() -> None:
    kept = finish(replace(SPEECH, words=()), WORDS, AlignOptions())
    assert isinstance(kept, Speech)
    assert kept.words == SPEECH.words
    assert kept.audio is SPEECH.audio


def test_a_small_share_of_the_sound_may_lie_in_no_word_and_silence_is_no_loss() -> None:
    assert isinstance(finish(SPEECH, WORDS, AlignOptions(max_lost_share=0.051)), Speech)
    assert isinstance(finish(SPEECH, WORDS, AlignOptions(max_lost_share=0.049)), Failure)
    quiet = SPEECH.audio.copy()
    quiet[7_200:] = 0.0
    spaced = replace(SPEECH, audio=quiet)
    assert isinstance(finish(spaced, (WORDS[0], replace(WORDS[1], end_s=0.31)), AlignOptions()), Speech)
    assert isinstance(finish(replace(SPEECH, audio=0 * quiet), WORDS, AlignOptions()), Speech)


def test_a_sound_that_was_asked_for_is_not_lost() -> None:
    late = tuple(replace(w, start_s=w.start_s + 0.2, end_s=min(w.end_s + 0.2, 1.0)) for w in WORDS)
    assert isinstance(finish(SPEECH, late, AlignOptions()), Failure)
    assert isinstance(finish(SPEECH, late, AlignOptions(), sound_before={0}), Speech)
    gap = (WORDS[0], replace(WORDS[1], start_s=0.5), WORDS[2])
    assert isinstance(finish(SPEECH, gap, AlignOptions(), sound_before={1}), Speech)
    assert isinstance(finish(SPEECH, gap, AlignOptions(), sound_before={2, 3}), Failure)


def test_a_small_overlap_is_closed() -> None:
    result = finish(SPEECH, (WORDS[0], replace(WORDS[1], start_s=0.285), WORDS[2]), AlignOptions())
    assert isinstance(result, Speech)
    assert result.words[1].start_s == 0.3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "word_times"),
        ((WORDS[0], replace(WORDS[1], start_s=0.2), WORDS[2]), "word_times"),
        ((WORDS[0], replace(WORDS[1], end_s=0.29), WORDS[2]), "word_times"),
        ((*WORDS[:2], replace(WORDS[2], end_s=1.1)), "word_times"),
        ((WORDS[0], replace(WORDS[1], end_s=0.5), WORDS[2]), "lost_sound"),
        ((replace(WORDS[0], end_s=0.1), replace(WORDS[1], end_s=0.4), replace(WORDS[2], end_s=0.8)), "lost_sound"),
    ],
)
def test_what_an_aligner_got_wrong_is_said_with_its_place(words: tuple[Word, ...], reason: str) -> None:
    result = finish(SPEECH, words, AlignOptions(), "bank-000412 turn 7")
    assert isinstance(result, Failure)
    assert result.reason == reason
    assert result.detail.startswith("bank-000412 turn 7: ")
