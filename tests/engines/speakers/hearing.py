"""How well a voice is understood: pocketsphinx with a language model of the sentences said and over two hundred others.

    python tests/engines/speakers/hearing.py

lists the voices of voices/*.toml whose word error rate is over UNCLEAR: their ids belong into `unclear` of their family's [grid].
"""

import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

for folder in (Path(__file__).parents[2], Path(__file__).parents[1] / "codecs"):
    sys.path.insert(0, str(folder))

import asr  # noqa: E402
from spoken_sentences import sentences  # noqa: E402

from datagen.engines.speakers.espeak import EspeakOptions, EspeakSpeaker  # noqa: E402
from datagen.protocols import SpeakRequest  # noqa: E402
from datagen.records.plan import Voice  # noqa: E402
from datagen.records.speech import Speech  # noqa: E402
from datagen.store.ids import unit_hash  # noqa: E402

UNCLEAR = 0.4
"""Word error rate above which a voice is left out."""
N_SAID, N_MODELLED, A_VOICE = 40, 260, 3


class Ear:
    """Hears voices say three sentences each, drawn by the voice's id."""

    def __init__(self, folder: Path) -> None:
        self.said = sentences(N_MODELLED)[:N_SAID]
        self.lm = asr.write_lm(folder / "calls.arpa", sentences(N_MODELLED))
        self.speaker = EspeakSpeaker(EspeakOptions())

    def wer(self, voice: Voice) -> float:
        said = sorted(self.said, key=lambda s: unit_hash("heard", voice.id, s))[:A_VOICE]
        words = [tuple(s.split()) for s in said]
        spoken = self.speaker.speak([SpeakRequest(w, w, voice, n) for n, w in enumerate(words)])
        return asr.wer(said, [asr.transcribe(s.audio, self.lm) for s in spoken if isinstance(s, Speech)])


def unclear(voices: Sequence[Voice]) -> dict[str, float]:
    """The voices over the limit, with their word error rates."""
    with tempfile.TemporaryDirectory() as folder:
        ear = Ear(Path(folder))
        rates = {v.id: ear.wer(v) for v in voices}
    return {name: rate for name, rate in rates.items() if rate > UNCLEAR}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name, rate in unclear(EspeakSpeaker(EspeakOptions()).voices()).items():
        logging.getLogger().info("%s %.2f", name, rate)
