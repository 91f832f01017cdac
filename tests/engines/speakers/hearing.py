"""How well a voice is understood: pocketsphinx with a language model of the sentences said and over two hundred others.

    python tests/engines/speakers/hearing.py [espeak|flite …]

says the word error rate of each engine's voices, and lists those over UNCLEAR: their ids belong into `unclear` of their family's [grid].
"""

import logging
import sys
import tempfile
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

    def __init__(self, folder: Path, engine: str = "espeak") -> None:
        self.said = sentences(N_MODELLED)[:N_SAID]
        self.lm = asr.write_lm(folder / "calls.arpa", sentences(N_MODELLED))
        self.speaker: Speaker = registry.make("speaker", engine, registry.options_of("speaker", engine, {}))

    def wer(self, voice: Voice) -> float:
        said = sorted(self.said, key=lambda s: unit_hash("heard", voice.id, s))[:A_VOICE]
        words = [tuple(s.split()) for s in said]
        spoken = self.speaker.speak([SpeakRequest(w, w, voice, n) for n, w in enumerate(words)])
        return asr.wer(said, [asr.transcribe(s.audio, self.lm) for s in spoken if isinstance(s, Speech)])


def heard(engine: str) -> dict[str, float]:
    """The word error rate of every voice of an engine."""
    with tempfile.TemporaryDirectory() as folder:
        ear = Ear(Path(folder), engine)
        return {v.id: ear.wer(v) for v in ear.speaker.voices()}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for engine in sys.argv[1:] or ["espeak"]:
        rates = heard(engine)
        logging.info("%s: %d voices, word error rate %.3f", engine, len(rates), sum(rates.values()) / len(rates))
        for name, rate in rates.items():
            if rate > UNCLEAR:
                logging.info("  %s %.2f", name, rate)
