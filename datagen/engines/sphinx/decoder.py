"""pocketsphinx's decoder in process: words get their sounds, audio its samples; one text at a time, the same answer every time."""

import importlib.metadata
import re
import tempfile
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from datagen.engines.speech_models import MODEL_RATE_HZ, at_16_khz, digest_of
from datagen.engines.sphinx.letters import sounds_of
from datagen.errors import EngineError
from datagen.records.maker import Maker
from datagen.records.speech import Audio

LICENCE = "BSD-2-Clause"
HISS = 0.001
"""-60 dB of noise under all that is heard. A microphone is never quite still: pauses of zeros shift the means that pocketsphinx takes
off its features, and clean speech came out at 0.18 errors a word instead of 0.08."""
MARGIN_S = 0.25
"""Silence put before and after a text: the model wants some at both ends, and trimmed speech has none."""
FRAME_S = 0.01
LETTER_NAMES = {"eh": "EY"}
"""The spoken forms write the letter A so (`datagen.text.say`)."""
_HEARABLE = re.compile(r"[a-z']*[a-z][a-z']*")
_SEARCH = "texts"


def hearable(word: str) -> bool:
    """Whether a word, as `datagen.text.wer.words_of` writes it, is one of English letters."""
    return _HEARABLE.fullmatch(word) is not None


class SphinxDecoder:
    """One decoder with the English model of pocketsphinx's own wheel. `lock` is held by whoever decodes with it.

    It knows only the words that it was taught: to be given a language model takes pocketsphinx 2 s with its whole dictionary, and 10 ms
    with some hundred words.
    """

    def __init__(self, **settings: Any) -> None:
        """`settings` are pocketsphinx's own. An EngineError where its model is not beside it."""
        import pocketsphinx

        self.lock = threading.Lock()
        try:
            with tempfile.TemporaryDirectory(prefix="datagen-sphinx-") as room:
                path = Path(room, "first.dict")
                path.write_text("a AH\na(2) EY\n", encoding="ascii")
                self.native = pocketsphinx.Decoder(
                    lm=None, dict=str(path), samprate=MODEL_RATE_HZ, loglevel="FATAL", **settings
                )
        except RuntimeError as error:
            raise EngineError(
                f"pocketsphinx did not start with its English model in {pocketsphinx.get_model_path('en-us')} ({error})."
                " Run: pip install --force-reinstall pocketsphinx"
            ) from None

    def learn(self, words: Iterable[str]) -> None:
        """Teaches it the words, each with all of its pronunciations."""
        for word in sorted(set(words)):
            if self.native.lookup_word(word) is None:
                for n, sounds in enumerate(pronunciations(word), 1):
                    self.native.add_word(word if n == 1 else f"{word}({n})", sounds, False)

    def expect(self, language: str) -> None:
        """Makes `language`, an ARPA file's text, what it expects to be said; its words have to be learned before."""
        import pocketsphinx

        with tempfile.TemporaryDirectory(prefix="datagen-sphinx-") as room:
            path = Path(room, "texts.lm")
            path.write_text(language, encoding="ascii")
            model = pocketsphinx.NGramModel(self.native.config, self.native.logmath, str(path))
        self.native.add_lm(_SEARCH, model)
        self.native.activate_search(_SEARCH)

    def hear(self, audio: Audio) -> None:
        """Decodes mono 24 kHz audio whole, with silence and a little noise around it."""
        heard = np.pad(at_16_khz(audio), round(MARGIN_S * MODEL_RATE_HZ))
        noisy = heard + np.random.default_rng(0).normal(0, HISS, len(heard))
        self.native.start_utt()
        self.native.process_raw(
            np.clip(np.rint(noisy * 32_767), -32_768, 32_767).astype("<i2").tobytes(), full_utt=True
        )
        self.native.end_utt()


@cache
def dictionary() -> dict[str, list[str]]:
    """The pronunciations of every word of pocketsphinx's English dictionary, the usual one first."""
    import pocketsphinx

    found: dict[str, list[str]] = {}
    with Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).open(encoding="utf-8") as lines:
        for line in lines:
            word, _, sounds = line.rstrip().partition(" ")
            found.setdefault(word.partition("(")[0], []).append(sounds)
    return found


def pronunciations(word: str) -> list[str]:
    """How a word is said, in ARPAbet: as the dictionary has it, as its parts there are, or else as its letters tell."""
    known = dictionary()
    if word in LETTER_NAMES:
        return [LETTER_NAMES[word]]
    if word in known:
        return known[word]
    stem, _, ending = word.partition("'")
    if ending == "s" or (word.endswith("s") and word[:-1] in known):
        return [f"{s} {_plural(s)}" for s in pronunciations(stem if ending else word[:-1])]
    for cut in range(len(word) - 3, 2, -1):
        if word[:cut] in known and word[cut:] in known:
            return [f"{known[word[:cut]][0]} {known[word[cut:]][0]}"]
    return [sounds_of(word.replace("'", ""))]


def _plural(sounds: str) -> str:
    last = sounds.rsplit(" ", 1)[-1]
    if last in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return "IH Z"
    return "S" if last in ("P", "T", "K", "F", "TH") else "Z"


@cache
def identity() -> tuple[str, str]:
    """The wheel's version, and a digest of its acoustic model and dictionary (16 hex digits)."""
    import pocketsphinx

    folder = Path(pocketsphinx.get_model_path("en-us"))
    parts = ("mdef", "means", "variances", "sendump", "transition_matrices", "feat.params", "noisedict")
    return importlib.metadata.version("pocketsphinx"), digest_of(
        folder, ("cmudict-en-us.dict", *(f"en-us/{p}" for p in parts))
    )[:16]


def maker_of(name: str, revision: str, options: str) -> Maker:
    """The identity of an engine that runs pocketsphinx; `revision` is its own."""
    version, model = identity()
    return Maker(
        name, "pocketsphinx en-us", f"{revision}+pocketsphinx-{version}+{model}", LICENCE, options, deterministic=True
    )
