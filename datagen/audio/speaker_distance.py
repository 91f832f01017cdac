"""How far apart two voices sound: pitch, formants and long-term spectrum, in units of what one voice varies between texts.

A clip becomes 17 numbers: the logarithms of F0's median and of its spread (90th over 10th percentile), of the mean F1, F2 and F3, and
the long-term mel cepstrum c1 to c12 of its loud frames. They are whitened by the covariance within a voice, from clips of one voice
saying different texts, so that 1 is the root mean square distance of two such clips.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.audio.formants import formants_of
from datagen.audio.mel import mel_filters
from datagen.audio.pitch import pitch_of
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

N_FFT, HOP, N_MELS, N_CEPSTRA = 1024, 240, 26, 12
LOW_HZ, HIGH_HZ = 100.0, 8_000.0
LOUD_DB = -35.0
"""Frames this far below the loudest do not count towards the long-term spectrum."""
N_FEATURES = 5 + N_CEPSTRA
LEAST_FRAMES = 50
"""Voiced frames, and loud ones, of 10 ms, under which a clip tells too little of its voice."""


@dataclass(frozen=True, slots=True)
class VoiceMeasures:
    """What was measured of a clip; `features` is what `distances` takes."""

    f0_hz: float
    f0_spread: float
    formants_hz: tuple[float, float, float]
    features: NDArray[np.float64]


def measure(audio: Audio, sex: str) -> VoiceMeasures | None:
    """The measures of a 24 kHz clip of some ten seconds; None where too little of it is voiced to tell (under half a second)."""
    hz = pitch_of(audio, SAMPLE_RATE_HZ)
    formants = formants_of(audio, SAMPLE_RATE_HZ, sex)
    if min(len(hz), len(formants)) < LEAST_FRAMES:
        return None
    low, middle, high = np.percentile(hz, (10, 50, 90))
    f1, f2, f3 = (float(f) for f in formants.mean(axis=0))
    features = features_of(hz, formants, long_term_cepstrum(audio))
    return VoiceMeasures(float(middle), float(high / low), (f1, f2, f3), features)


def features_of(
    hz: NDArray[np.float64], formants_hz: NDArray[np.float64], cepstrum: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The 17 numbers of a clip by its voiced frames' pitch [n], its loud frames' formants [m, 3] and its cepstrum [12]."""
    low, middle, high = np.percentile(hz, (10, 50, 90))
    return np.concatenate([np.log([middle, high / low, *formants_hz.mean(axis=0)]), cepstrum])


def long_term_cepstrum(audio: Audio) -> NDArray[np.float64]:
    """c1 to c12 of the mean log mel spectrum (26 bands, 100 to 8000 Hz) over the loud frames; level drops out with c0."""
    n = 1 + (len(audio) - N_FFT) // HOP
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), N_FFT)[::HOP][:n]
    level = np.square(frames).mean(axis=1)
    loud = frames[level > level.max() * 10 ** (LOUD_DB / 10)]
    spectra = np.abs(np.fft.rfft(loud * np.hanning(N_FFT), axis=1))
    mels = np.log(spectra @ mel_filters(N_MELS, N_FFT, SAMPLE_RATE_HZ, LOW_HZ, HIGH_HZ).T + 1e-7).mean(axis=0)
    order = np.arange(1, N_CEPSTRA + 1)[:, None]
    basis = np.cos(np.pi * order * (np.arange(N_MELS) + 0.5) / N_MELS) * np.sqrt(2 / N_MELS)
    return np.asarray(basis @ mels)


def whitening(groups: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The matrix [n_features, n_features] that makes the spread within a voice unit: `features @ matrix` is white.

    `groups` holds a voice's clips each, [n_texts, n_features]. The covariance is shrunk by a tenth towards its diagonal, since
    the clips are few beside the features.
    """
    centred = np.concatenate([g - g.mean(axis=0) for g in groups])
    covariance = centred.T @ centred / (len(centred) - len(groups))
    shrunk = 0.9 * covariance + 0.1 * np.diag(np.diag(covariance))
    values, vectors = np.linalg.eigh(shrunk)
    return np.asarray(vectors / np.sqrt(values) / np.sqrt(2 * len(values)))


def distances(one: NDArray[np.float64], other: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of every row of `one` to every row of `other`, [n_one, n_other]."""
    a, b = one @ matrix, other @ matrix
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


@dataclass(frozen=True, slots=True)
class Distance:
    """The speaker distance as calibrated: two clips farther apart than `threshold` count as two people.

    `one_taken_for_two` and `two_taken_for_one` are the shares of wrong verdicts on texts that set neither the threshold nor the choice.
    """

    threshold: float
    one_taken_for_two: float
    two_taken_for_one: float
    n_calibration_voices: int
    n_held_out_voices: int
    matrix: NDArray[np.float64] = field(repr=False)


def read_distance(path: Path) -> Distance:
    """The distance that a file in voices/ holds."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    return Distance(
        values["threshold"],
        values["one_taken_for_two"],
        values["two_taken_for_one"],
        values["n_calibration_voices"],
        values["n_held_out_voices"],
        np.array(values["matrix"], dtype=np.float64),
    )
