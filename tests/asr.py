"""Hearing for tests: pocketsphinx with a language model of the sentences that may be said, and word error rates.

The model is a trigram of many sentences, not of the reference alone, which would hear what it expects. Words outside
pocketsphinx's dictionary would be heard by sounds guessed from their letters, so tests choose sentences inside it (`known`).
"""

from collections.abc import Sequence

from datagen.engines.sphinx.decoder import SphinxDecoder, dictionary
from datagen.engines.sphinx.language import arpa
from datagen.records.speech import Audio
from datagen.text.wer import text_errors, words_of


def known(sentence: str) -> bool:
    """Whether there are words in a sentence and pocketsphinx has all of them."""
    words = words_of(sentence)
    return bool(words) and all(word in dictionary() for word in words)


class Listener:
    """pocketsphinx, expecting some sentences and what is like them. A ValueError names words that it has not."""

    def __init__(self, sentences: Sequence[str]) -> None:
        texts = [words_of(s) for s in sentences]
        words = {w for t in texts for w in t}
        strange = sorted(words - dictionary().keys())
        if strange:
            raise ValueError(f"not in pocketsphinx's dictionary: {', '.join(strange[:10])}")
        self._decoder = SphinxDecoder()
        self._decoder.learn(words)
        self._decoder.expect(arpa(texts, ()))

    def hears(self, audio: Audio) -> str:
        """What is said in mono audio at 24 kHz, as lower-case words."""
        self._decoder.hear(audio)
        found = self._decoder.native.hyp()
        return found.hypstr if found else ""


def wer(ref: str | Sequence[str], hyp: str | Sequence[str]) -> float:
    """Word errors by words of the reference; of two lists of texts, all errors by all words."""
    refs, hyps = ([ref], [hyp]) if isinstance(ref, str) and isinstance(hyp, str) else (ref, hyp)
    found = [text_errors(r, h) for r, h in zip(refs, hyps, strict=True)]
    return sum(f.count for f in found) / sum(f.n for f in found)
