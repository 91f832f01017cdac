"""How strong a sound is over some spans, and how a stem is set to an SNR against the speech.

SNRs are ratios of powers (mean squares) over speech-active spans, as the literature's are, not of gated loudness: what an
SNR of 10 dB is does then not depend on a weighting.
"""

import math
from collections.abc import Sequence

import numpy as np

from datagen.records.speech import Audio
from datagen.stages.scene.effects import Span, Surroundings

NOMINAL_SPEECH_DB = -26.0
"""The speech level that SNRs count from where the user never speaks: the active level of ITU-T P.56 test material."""


def power(audio: Audio, spans: Sequence[Span]) -> float:
    """The mean square over the spans' samples; 0 where there are none."""
    total, count = 0.0, 0
    for start, end in spans:
        part = audio[start:end]
        # einsum and not dot: BLAS adds in an order that depends on its threads, and bytes must not.
        total += float(np.einsum("i,i->", part, part))
        count += len(part)
    return total / count if count else 0.0


def speech_power(user: Audio, around: Surroundings) -> float:
    """The power of the speech at the microphone over the user's words; the nominal one where those are silent."""
    return power(user, around.user_words) or float(10 ** (NOMINAL_SPEECH_DB / 10))


def set_snr(
    stem: Audio, snr_db: float, user: Audio, around: Surroundings, spans: Sequence[Span] | None = None
) -> Audio:
    """`stem`, scaled in place, so that the speech over the user's words is `snr_db` above it.

    The stem is measured over `spans`, by default the user's words; over the whole where it is silent there or the
    user is. A stem of zeros stays one.
    """
    speech = power(user, around.user_words)
    within = around.user_words if spans is None else spans
    now = power(stem, within) if speech or spans is not None else 0.0
    now = now or power(stem, [(0, len(stem))])
    if now > 0:
        wanted = speech_power(user, around) / 10 ** (snr_db / 10)
        stem *= np.float32(math.sqrt(wanted / now))
    return stem
