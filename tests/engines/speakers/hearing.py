"""How well a voice is understood: pocketsphinx with a language model of the sentences said and over two hundred others.

    python tests/engines/speakers/hearing.py [espeak|flite] [K/N]

says the word error rate of every voice of an engine (or of every N-th from the K-th on, to share the work), as it hears them, then the
mean, and the ids of those over UNCLEAR: they belong into `unclear` of their family's [grid].
"""

import logging
import sys
from pathlib import Path

for folder in (Path(__file__).parents[2], Path(__file__).parents[1] / "codecs"):
    sys.path.insert(0, str(folder))

import asr  # noqa: E402
from spoken_sentences import sentences  # noqa: E402

from datagen.engines import registry  # noqa: E402
from datagen.protocols import Speaker, SpeakRequest  # noqa: E402
from datagen.records.plan import Voice  # noqa: E402
from datagen.records.speech import Speech  # noqa: E402
from datagen.store.ids import unit_hash  # noqa: E402

UNCLEAR = 0.1
"""Word error rate above which a voice is left out."""
N_SAID, N_MODELLED, A_VOICE = 40, 260, 4


class Ear:
    """Hears voices say four sentences each, drawn by the voice's id."""

    def __init__(self, engine: str = "espeak") -> None:
        self.said = sentences(N_MODELLED)[:N_SAID]
        self.listener = asr.Listener(sentences(N_MODELLED))
        self.speaker: Speaker = registry.make("speaker", engine, registry.options_of("speaker", engine, {}))

    def wer(self, voice: Voice) -> float:
        said = sorted(self.said, key=lambda s: unit_hash("heard", voice.id, s))[:A_VOICE]
        words = [tuple(s.split()) for s in said]
        spoken = self.speaker.speak([SpeakRequest(w, w, voice, n) for n, w in enumerate(words)])
        return asr.wer(said, [self.listener.hears(s.audio) for s in spoken if isinstance(s, Speech)])


def main(engine: str = "espeak", share: str = "1/1") -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    first, step = map(int, share.split("/"))
    ear, rates = Ear(engine), {}
    for voice in ear.speaker.voices()[first - 1 :: step]:
        rates[voice.id] = ear.wer(voice)
        logging.info("%s %.3f", voice.id, rates[voice.id])
    logging.info("%s: %d voices, word error rate %.3f", engine, len(rates), sum(rates.values()) / len(rates))
    logging.info("unclear: %s", sorted(name for name, rate in rates.items() if rate > UNCLEAR))


if __name__ == "__main__":
    main(*sys.argv[1:])
