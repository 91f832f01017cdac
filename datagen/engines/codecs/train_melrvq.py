"""Makes melrvq's tables from the embedded voices: `python -m datagen.engines.codecs.train_melrvq`, seeded, minutes on one core.

The speech is drawn words of prompts/ in drawn voices of the bank: it need not make sense to hold every sound.
"""

import argparse
import io
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen import resources
from datagen.engines import registry
from datagen.engines.codecs.codebooks import FILE, load, save
from datagen.engines.codecs.kmeans import train
from datagen.engines.codecs.patches import patches
from datagen.engines.codecs.training_audio import copies
from datagen.errors import DataError
from datagen.protocols import Failure, Speaker, SpeakRequest
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.ids import rng, seed_of

WORD = re.compile(r"[A-Za-z][a-z']+")
LEAST_WORDS = 500
SENTENCE_WORDS = (4, 11)
BATCH = 16


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the tables to `--out`; a DataError where the embedded speaker or its texts are too few to train on."""
    parser = argparse.ArgumentParser(prog="train_melrvq", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="speech to train on, before its copies")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / FILE)
    chosen = parser.parse_args(arguments)
    clips = list(speech(chosen.minutes, chosen.seed))
    _say(f"{len(clips)} clips, {sum(map(len, clips)) / SAMPLE_RATE_HZ / 60:.1f} min of speech")
    tables = train(training_patches(clips, chosen.seed), chosen.seed, report=_say)
    buffer = io.BytesIO()
    save(buffer, tables)
    beside = chosen.out.with_name(chosen.out.name + ".part")
    beside.write_bytes(buffer.getvalue())
    beside.replace(chosen.out)
    _say(f"{chosen.out}: {len(buffer.getvalue()) / 1e6:.2f} MB, revision {load(buffer.getvalue()).revision}")


def speech(minutes: float, seed: int) -> Iterator[Audio]:
    """Clips of the embedded speaker until they last `minutes`: drawn words in drawn voices."""
    speaker: Speaker = registry.make("speaker", "espeak", registry.options_of("speaker", "espeak", {}))
    voices, words = speaker.voices(), vocabulary(resources.prompts())
    if not voices:
        raise DataError("melrvq: the voice bank has no voice of espeak's to train on. Look into voices/.")
    wanted, number = minutes * 60 * SAMPLE_RATE_HZ, 0
    while wanted > 0:
        batch = [_request(voices, words, seed, number + i) for i in range(BATCH)]
        for spoken in speaker.speak(batch):
            if isinstance(spoken, Failure):
                raise DataError(f"melrvq: the speaker could not say a training text: {spoken.detail}")
            yield spoken.audio
            wanted -= len(spoken.audio)
        number += BATCH


def vocabulary(folder: Path) -> list[str]:
    """The English words in a folder's TOML files and templates, sorted; a DataError below 500, too few to hold every sound."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        if path.suffix in (".toml", ".j2"):
            found.update(word.lower() for word in WORD.findall(path.read_text(encoding="utf-8")))
    if len(found) < LEAST_WORDS:
        raise DataError(f"melrvq: {len(found)} words in {folder.name}/; at least {LEAST_WORDS} are needed to train on.")
    return sorted(found)


def training_patches(clips: Sequence[Audio], seed: int) -> NDArray[np.int16]:
    """The log-mel patches [n, 640] of all the copies of the clips."""
    return np.concatenate([patches(copy).astype(np.int16) for copy in copies(clips, rng(seed, "melrvq", "copies"))])


def _request(voices: Sequence[Voice], words: Sequence[str], seed: int, number: int) -> SpeakRequest:
    generator = rng(seed, "melrvq", "text", number)
    said = [words[i] for i in generator.integers(len(words), size=generator.integers(*SENTENCE_WORDS))]
    said[-1] += str(generator.choice([".", "?", ","]))
    voice = voices[int(generator.integers(len(voices)))]
    return SpeakRequest(tuple(said), tuple(said), voice, seed_of(seed, "melrvq", "voice", number))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
