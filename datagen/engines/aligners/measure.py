"""How far an aligner's word boundaries lie from those that espeak-ng gives with its own speech.

    python -m datagen.engines.aligners.measure --aligner sphinx --turns 240

espeak-ng knows the sample at which each word starts, so this is measured against truth, on its speech alone: people's is harder.
"""

import argparse
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.domains import loader
from datagen.engines import registry
from datagen.protocols import Aligner, AlignRequest, Failure, SpeakRequest, WriteRequest
from datagen.protocols import Speaker as SpeakerEngine
from datagen.records.enums import Kind, Speaker, Split
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from datagen.store.ids import rng
from datagen.text.say import spoken_words

SHARES = (0.8, 0.1, 0.1)
NEAR_S = 0.05


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Word boundaries of an aligner minus the speaker's own, in seconds, over `n_turns` turns of which `failed` could not be aligned.

    `starts_s` and `ends_s` have an entry a word. `times_real_time` is processor time by the audio's.
    """

    n_turns: int
    failed: tuple[Failure, ...]
    starts_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]
    times_real_time: float

    def lines(self) -> Iterator[str]:
        """What a person reads: a line on the turns, one on the starts, one on the ends."""
        yield (
            f"{self.n_turns} turns, {len(self.starts_s)} words, {len(self.failed)} turns not aligned;"
            f" {self.times_real_time:.4f} of real time"
        )
        for name, errors in (("starts", self.starts_s), ("ends", self.ends_s)):
            if len(errors):
                far = np.abs(errors)
                yield (
                    f"{name}: median {1000 * np.median(far):.0f} ms, 90th percentile {1000 * np.quantile(far, 0.9):.0f} ms,"
                    f" {np.mean(far <= NEAR_S):.1%} within {1000 * NEAR_S:.0f} ms, {np.mean(far <= 2 * NEAR_S):.1%} within"
                    f" {2000 * NEAR_S:.0f} ms, offset {1000 * np.median(errors):+.1f} ms"
                )


def requests(n_turns: int) -> list[AlignRequest]:
    """Turns of the agenda writer in espeak's voices, each with espeak's own word times as `native`: the same ones every time."""
    speaker: SpeakerEngine = _engine("speaker", "espeak", {})
    voices = speaker.voices()
    asked = []
    for n, (dialog, side, text) in enumerate(_turns(n_turns)):
        voice = voices[37 * (2 * dialog + (side is Speaker.USER)) % len(voices)]
        asked.append(SpeakRequest(tuple(text.split()), spoken_words(text), voice, n, side))
    spoken = zip(asked, speaker.speak(asked), strict=True)
    return [AlignRequest(s.audio, r.words, r.spoken, s.words) for r, s in spoken if isinstance(s, Speech)]


def measure(aligner: Aligner, given: Sequence[AlignRequest]) -> Accuracy:
    """The boundaries of `aligner` against the `native` ones of the requests."""
    began_s = time.process_time()
    answers = aligner.align(given)
    spent_s = time.process_time() - began_s
    pairs = [
        (found.start_s - true.start_s, found.end_s - true.end_s)
        for request, answer in zip(given, answers, strict=True)
        if not isinstance(answer, Failure)
        for found, true in zip(answer, request.native, strict=True)
    ]
    errors = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    audio_s = sum(len(r.audio) for r in given) / SAMPLE_RATE_HZ
    failed = tuple(a for a in answers if isinstance(a, Failure))
    return Accuracy(len(given), failed, errors[:, 0], errors[:, 1], spent_s / audio_s)


def _turns(n: int) -> Iterator[tuple[int, Speaker, str]]:
    """`n` turns over all service domains, with the number of their dialogue and who says them."""
    writer: Any = _engine("writer", "agenda", {})
    made = 0
    for index, plan in enumerate(_plans()):
        (transcript,) = writer.write([WriteRequest(plan, plan.seed)])
        for turn in () if isinstance(transcript, Failure) else transcript.turns:
            if made == n:
                return
            made += 1
            yield index, turn.speaker, turn.text


def _plans() -> Iterator[DialogPlan]:
    domains = [d for d in map(loader.load, loader.available()) if d.kind is Kind.SERVICE]
    index = 0
    while True:
        domain = domains[index % len(domains)]
        scenario = domain.scenarios[index // len(domains) % len(domain.scenarios)].name
        draw = rng("aligners", index)
        instance = domain.instance(scenario, Split.TRAIN, SHARES, draw)
        traits = domain.traits(scenario, draw)
        name = f"{domain.name}-{index:06d}"
        yield DialogPlan(
            index, name, domain.kind, domain.name, scenario, Split.TRAIN, index, Speaker.AGENT, "a", "b", instance, traits
        )  # fmt: skip
        index += 1


def _engine(kind: str, name: str, values: Mapping[str, Any]) -> Any:
    return registry.make(kind, name, registry.options_of(kind, name, values))


def main() -> None:
    """Measures one aligner and logs the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aligner", default="sphinx", choices=registry.names("aligner"))
    parser.add_argument("--turns", type=int, default=240)
    parser.add_argument("--model", help="aligner.model: a hub's id or a folder")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    aligner = _engine("aligner", given.aligner, {"model": given.model} if given.model else {})
    for line in measure(aligner, requests(given.turns)).lines():
        logging.info(line)


if __name__ == "__main__":
    main()
