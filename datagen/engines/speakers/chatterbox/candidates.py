"""Which of several tries at a short text is taken: Chatterbox says "Yes." as anything from a click to a sentence."""

import math
from collections.abc import Sequence

from datagen.engines.speakers.chatterbox.joining import loud_span
from datagen.protocols import SpeakRequest
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

S_PER_LETTER, EDGE_S = 0.075, 0.12
"""Expected length of a short text's speech: about 13 letters a second, and a lengthened last syllable."""


def expected_s(n_letters: int, rate: float = 1.0) -> float:
    """How long a text of so many letters takes to say, in seconds."""
    return (EDGE_S + S_PER_LETTER * n_letters) / rate


def most_plausible(request: SpeakRequest, tries: Sequence[Audio]) -> int:
    """The index of the try whose speech, without silence at its ends, is nearest in length to what its letters take.

    Silence and a click are infinitely far; of equal ones, the first.
    """
    wanted_s = expected_s(sum(c.isalnum() for spoken in request.spoken for c in spoken))
    return min(range(len(tries)), key=lambda n: (_distance(tries[n], wanted_s), n))


def _distance(sound: Audio, wanted_s: float) -> float:
    first, end = loud_span(sound)
    return abs(math.log((end - first) / SAMPLE_RATE_HZ / wanted_s)) if end > first else math.inf
