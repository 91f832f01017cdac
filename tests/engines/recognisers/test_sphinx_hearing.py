"""pocketsphinx as a recogniser and as an aligner, on espeak's speech: hears what is said, and the faults of speech that is wrong."""

import numpy as np
import pytest

pytest.importorskip("pocketsphinx")

from datagen.engines.aligners.measure import measure, requests
from datagen.engines.aligners.sphinx import SphinxAligner, SphinxOptions
from datagen.engines.asr.sphinx import SphinxOptions as AsrOptions
from datagen.engines.asr.sphinx import SphinxRecogniser
from datagen.engines.sphinx.decoder import pronunciations
from datagen.protocols import AlignRequest, Failure, HearRequest
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.text.wer import WordErrors, text_errors


@pytest.fixture(scope="module")
def turns() -> list[AlignRequest]:
    return [r for r in requests(16) if len(r.words) >= 5]


def _heard(turns: list[AlignRequest], audios: list[np.ndarray]) -> list[WordErrors]:
    near = tuple(" ".join(t.spoken) for t in turns)
    answers = SphinxRecogniser(AsrOptions()).hear(
        [HearRequest(a, t.spoken, near) for a, t in zip(audios, turns, strict=True)]
    )
    return [text_errors(" ".join(t.spoken), a) for t, a in zip(turns, answers, strict=True) if isinstance(a, str)]


@pytest.mark.slow
def test_speech_is_heard_and_its_faults_are_too(turns: list[AlignRequest]) -> None:
    right = _heard(turns, [t.audio for t in turns])
    assert sum(e.count for e in right) / sum(e.n for e in right) < 0.1
    repeated, cut = [], []
    for turn in turns:
        first, last = (round(t * SAMPLE_RATE_HZ) for t in (turn.native[1].start_s, turn.native[3].end_s))
        repeated.append(np.concatenate([turn.audio[:last], turn.audio[first:]]))
        cut.append(np.concatenate([turn.audio[:first], turn.audio[last:]]))
    more, fewer = _heard(turns, repeated), _heard(turns, cut)
    assert sum(e.insertions for e in more) > sum(e.insertions for e in right) + 2 * len(turns)
    assert sum(e.deletions for e in fewer) > sum(e.deletions for e in right) + 2 * len(turns)
    other = _heard(turns, [t.audio for t in turns[1:] + turns[:1]])
    assert sum(e.count for e in other) / sum(e.n for e in other) > 0.7


def test_boundaries_lie_where_espeak_put_them(turns: list[AlignRequest]) -> None:
    found = measure(SphinxAligner(SphinxOptions()), turns)
    assert not found.failed
    for errors in (found.starts_s, found.ends_s):
        assert np.median(np.abs(errors)) < 0.02
        assert np.mean(np.abs(errors) <= 0.05) > 0.85
    assert len(list(found.lines())) == 3


def test_a_request_is_heard_the_same_whatever_came_before(turns: list[AlignRequest]) -> None:
    asked = [HearRequest(t.audio, t.spoken, (" ".join(turns[0].spoken),)) for t in turns[:4]]
    together = SphinxRecogniser(AsrOptions()).hear(asked)
    for request, answer in zip(asked, together, strict=True):
        assert SphinxRecogniser(AsrOptions()).hear([request]) == [answer]


def test_words_outside_the_dictionary_get_their_sounds() -> None:
    assert pronunciations("rosetta's") == ["R OW Z EH T AH Z"]
    assert pronunciations("cloudberry") == ["K L AW D B EH R IY"]
    assert pronunciations("lindenfield") == ["L IH N D AH N F IY L D"]
    assert pronunciations("shazwip") == ["SH AE Z W IH P"]


def test_what_cannot_be_aligned_says_why() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE_HZ).astype(np.float32)
    words = (
        "there",
        "is",
        "far",
        "more",
        "to",
        "say",
        "here",
        "than",
        "one",
        "second",
        "of",
        "any",
        "sound",
        "can",
        "hold",
    )
    answers = SphinxAligner(SphinxOptions()).align(
        [AlignRequest(noise, words, words), AlignRequest(noise[:9], words, words), AlignRequest(noise, ("—",), ("…",))]
    )
    assert [a.reason for a in answers if isinstance(a, Failure)] == ["not_aligned", "no_audio", "unsayable"]
