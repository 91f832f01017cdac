"""Decoded speech is understood nearly as well as the original, by an ear that does not just hear what it expects.

The ear is pocketsphinx with a language model of the sentences said and over 200 others.
"""

import asr
import numpy as np
import pytest
from spoken_sentences import sentences, with_wrong_words

from datagen.engines.codecs.melrvq import MelRvqCodec, MelRvqOptions
from datagen.engines.speakers.espeak import EspeakOptions, EspeakSpeaker
from datagen.engines.sphinx.language import arpa
from datagen.protocols import SpeakRequest
from datagen.records.plan import Voice

OTHERS = 220
LIMIT = 0.06
CLEAR = ("edward", "f2", "klatt3", "benjamin", "f5")
"""Variants of espeak-ng that pocketsphinx understands; of an unclear voice the codec could not be judged."""


@pytest.fixture(scope="module")
def said() -> list[str]:
    return sentences(OTHERS + 40)[:40]


@pytest.fixture(scope="module")
def ear() -> asr.Listener:
    texts = sentences(OTHERS + 40)
    assert all(asr.known(text) for text in texts)
    return asr.Listener(texts)


@pytest.fixture(scope="module")
def codec() -> MelRvqCodec:
    return MelRvqCodec(MelRvqOptions())


@pytest.fixture(scope="module")
def speaker() -> EspeakSpeaker:
    return EspeakSpeaker(EspeakOptions(jitter=0.0))


def speak(speaker: EspeakSpeaker, texts: list[str], base: str) -> list[np.ndarray]:
    settings = {"shift_up": 160.0, "shift_down": 147.0, "pitch": 50.0, "range": 50.0, "rate_wpm": 165.0}
    voice = Voice("test", "espeak", f"en-us+{base}", settings, "male", 100.0, (500.0, 1500.0, 2500.0), "", "")
    words = [tuple(text.split()) for text in texts]
    return [speech.audio for speech in speaker.speak([SpeakRequest(w, w, voice, i) for i, w in enumerate(words)])]


def heard(clips: list[np.ndarray], ear: asr.Listener) -> list[str]:
    return [ear.hears(clip) for clip in clips]


def compare(codec, speaker, ear, texts: list[str], bases: tuple[str, ...]) -> tuple[float, float]:
    """Word error rates of the original and of what its codes decode to, over all voices."""
    originals = [clip for base in bases for clip in speak(speaker, texts, base)]
    decoded = codec.decode(codec.encode(originals))
    refs = texts * len(bases)
    return asr.wer(refs, heard(originals, ear)), asr.wer(refs, heard(decoded, ear))


@pytest.mark.slow
def test_decoded_speech_is_understood(codec, speaker, ear, said):
    original, decoded = compare(codec, speaker, ear, said[:8], CLEAR[:2])
    assert original < 0.1
    assert decoded - original <= LIMIT


@pytest.mark.full
def test_decoded_speech_is_understood_in_every_clear_voice(codec, speaker, ear, said):
    for base in CLEAR:
        original, decoded = compare(codec, speaker, ear, said[:20], (base,))
        assert original < 0.1, base
        assert decoded - original <= LIMIT, base


@pytest.mark.full
def test_wrong_words_are_heard_as_wrong(codec, speaker, ear, said):
    """Of about a fifth of the words, seeded, others are said: the error rate against what was meant rises by about their share."""
    vocabulary = sorted({word for text in said for word in text.split()})
    rng = np.random.default_rng(7)
    said = said[:24]
    swapped = [with_wrong_words(text, 0.2, vocabulary, rng) for text in said]
    share = asr.wer(said, swapped)
    assert 0.12 < share < 0.25
    right = asr.wer(said, heard(codec.decode(codec.encode(speak(speaker, said, "edward"))), ear))
    wrong = asr.wer(said, heard(codec.decode(codec.encode(speak(speaker, swapped, "edward"))), ear))
    assert share * 0.8 <= wrong - right <= share + 0.12


def test_error_rates_of_known_texts():
    assert asr.wer("one two three four", "one two three four") == 0
    assert asr.wer("one two three four", "one too three") == 0.5
    assert asr.wer(["one two", "three"], ["one two", "three four"]) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("others", "trust"), [((), 1), (("bank", "card", "tea"), 3)])
def test_language_model_sums_to_one(others, trust):
    """Of every history, the chances of all words that may follow, given by the file's own back-off rule, sum to 1."""
    texts = [t.split() for t in ("close my account", "close the account please", "my card please")]
    chances, back_off = {}, {}
    for line in arpa(texts, others, trust).splitlines():
        parts = line.split()
        if line[:1].isdigit() or line[:1] == "-":
            width = sum(not part.replace(".", "").lstrip("-").isdigit() for part in parts)
            gram = tuple(parts[1 : 1 + width])
            chances[gram] = 10 ** float(parts[0])
            back_off[gram] = 10 ** float(parts[1 + width]) if len(parts) > 1 + width else 1.0

    def chance(gram):
        if gram in chances:
            return chances[gram]
        return back_off.get(gram[:-1], 1.0) * chance(gram[1:])

    words = [gram[0] for gram in chances if len(gram) == 1 and gram != ("<s>",)]
    for history in [(), ("<s>",), ("close",), ("<s>", "my"), ("my", "account"), ("please", "please")]:
        assert sum(chance((*history, word)) for word in words) == pytest.approx(1, abs=1e-3)


def test_words_that_cannot_be_heard_are_refused():
    assert not asr.known("a zxqv of tea")
    with pytest.raises(ValueError, match="zxqv"):
        asr.Listener(["a zxqv of tea"])
