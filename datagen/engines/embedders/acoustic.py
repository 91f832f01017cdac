"""The embedded embedder: the documented acoustic distance of voices, as a similarity. No model, no weights, no GPU.

It measures what the voices of the bank were chosen by (datagen/audio/speaker_distance.py: pitch, formants, long-term spectrum). What
one voice varies from clip to clip falls with the voiced time that a clip has, so a distance is taken in units of what one voice varies
between clips of those two lengths; a turn of two seconds and a prompt of ten are then judged by the same threshold.

Wrong verdicts at `same_from`, on 48 voices of espeak's saying held-out texts, a cut of one text against ten seconds of another:

| seconds | one voice taken for two | two voices taken for one | too little voiced to tell |
|---|---|---|---|
| 0.7 | 0.0 % | 11.0 % | 76 % |
| 1 | 0.6 % | 10.7 % | 19 % |
| 1.5 | 1.1 % | 6.9 % | 2 % |
| 2 | 0.0 % | 4.9 % | 0 % |
| 3 | 0.5 % | 2.7 % | 0 % |
| 4 | 0.0 % | 2.1 % | 0 % |
| 6 | 0.0 % | 1.4 % | 0 % |
| 10 | 0.0 % | 1.1 % | 0 % |

On 599 turns of 1.5 s and more that a build of 36 dialogues would have, against the prompts of its 47 voices: 0.7 % and 2.0 %.
Those voices were chosen to lie apart by this distance: of people that nobody chose, more are taken for one another.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen import resources
from datagen.audio.formants import FORMANT_CEILING_HZ, formants_of
from datagen.audio.pitch import STEP_S, pitch_of
from datagen.audio.speaker_distance import (
    HOP,
    LEAST_FRAMES,
    N_FEATURES,
    N_FFT,
    Distance,
    distances,
    features_of,
    long_term_cepstrum,
    read_distance,
)
from datagen.config import Options
from datagen.records.maker import Maker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.ids import digest

VERSION = "1"
CALIBRATED_S, EXPONENT = 6.2, 1.1
"""One voice's variance between clips of `t` voiced seconds is (CALIBRATED_S / t) ** EXPONENT of that at ten seconds of speech, which
have 6.2 voiced ones. Fitted on clips of 0.7 to 10 s of the calibration's texts."""
DELIVERY = 1.35
"""What a turn's own sentence, rate and delivery add to that, in the same unit: the mean of what 135 turns of a build lay farther from
their voice's prompt than clips of the calibration's texts do. It was the same for turns of 2 s and of 10 s."""
_CEILINGS = tuple(FORMANT_CEILING_HZ)
N_COLUMNS = len(_CEILINGS) * N_FEATURES + 1


class AcousticOptions(Options):
    """The acoustic embedder has no knobs."""


class AcousticEmbedder:
    """Features and similarities by the acoustic distance. An Embedder (datagen/protocols.py).

    The similarity is 1 / (1 + (d / threshold)²), d being the distance over what one voice varies and `threshold` the calibrated one:
    1 for the same features, 0.5 at the threshold, towards 0 beyond. Turns lie at about 0.73 to their own voice's prompt, and at 0.05
    (ten seconds) to 0.2 (one) to others'. `same_from` leaves in all but about one turn of a build in a hundred.
    """

    kind: ClassVar[str] = "embedder"
    name: ClassVar[str] = "acoustic"
    Options: ClassVar[type[AcousticOptions]] = AcousticOptions
    same_from: ClassVar[float] = 0.4

    def __init__(self, options: AcousticOptions) -> None:
        self.options = options

    @cached_property
    def maker(self) -> Maker:
        """The revision names this file's version and the digest of the calibrated distance."""
        matrix = self._distance.matrix.astype("<f8").tobytes()
        calibrated = hashlib.sha256(matrix + str(self._distance.threshold).encode()).hexdigest()[:12]
        return Maker(
            self.name,
            "pitch, formants and long-term spectrum, by Praat",
            f"{VERSION}+{calibrated}",
            "GPL-3.0-or-later",
            digest(self.options.output_options()),
        )

    @cached_property
    def _distance(self) -> Distance:
        return read_distance(resources.voices() / "distance.toml")

    def embed(self, audios: Sequence[Audio]) -> NDArray[np.float32]:
        """Features [n, 35] of mono 24 kHz clips: 17 with the formants' ceiling of a man, 17 with a woman's, and the voiced seconds.

        A row of NaN where less than half a second is voiced, which one second of speech in four has not.
        """
        rows = [_features(audio) for audio in audios]
        return np.stack(rows).astype(np.float32) if rows else np.empty((0, N_COLUMNS), np.float32)

    def similarity(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of every row of `one` to every row of `other`, [n_one, n_other], above 0 and at most 1; NaN where a row is.

        Both clips are compared with the same ceiling, the one that brings them nearer: which of them suits a voice is not known.
        """
        a, b = one.astype(np.float64), other.astype(np.float64)
        halves = [slice(n * N_FEATURES, (n + 1) * N_FEATURES) for n in range(len(_CEILINGS))]
        apart = np.stack([distances(a[:, h], b[:, h], self._distance.matrix) for h in halves]).min(axis=0)
        varies = np.sqrt((_variance(a[:, -1])[:, None] + _variance(b[:, -1])) / 2 + DELIVERY)
        return np.asarray(1 / (1 + (apart / varies / self._distance.threshold) ** 2), dtype=np.float32)


def _variance(voiced_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """What one voice varies between clips of so many voiced seconds, over what it does at ten seconds of speech; never less than that."""
    return np.asarray(np.maximum((CALIBRATED_S / voiced_s) ** EXPONENT, 1.0))


def _features(audio: Audio) -> NDArray[np.float64]:
    row = np.full(N_COLUMNS, np.nan)
    if len(audio) < N_FFT + HOP or not audio.any():
        return row
    hz = pitch_of(audio, SAMPLE_RATE_HZ)
    if len(hz) < LEAST_FRAMES:
        return row
    cepstrum = long_term_cepstrum(audio)
    formants = [formants_of(audio, SAMPLE_RATE_HZ, sex) for sex in _CEILINGS]
    if min(len(f) for f in formants) >= LEAST_FRAMES:
        row[:-1] = np.concatenate([features_of(hz, f, cepstrum) for f in formants])
        row[-1] = len(hz) * STEP_S
    return row
