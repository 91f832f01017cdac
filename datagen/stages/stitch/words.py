"""Words in samples."""

from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from datagen.stages.stitch.shapes import Span

SLACK_S = 0.002
"""How far a word may reach beyond its audio before it counts as wrong: aligners round."""


def samples(seconds: float) -> int:
    """Seconds as a whole number of samples at 24 kHz."""
    return round(seconds * SAMPLE_RATE_HZ)


def word_spans(speech: Speech) -> tuple[Span, ...] | None:
    """The words' spans in samples, in order and inside the audio; None where the times are not.

    What two neighbours share is taken from the first of them.
    """
    length, slack = len(speech.audio), samples(SLACK_S)
    spans: list[Span] = []
    for word in speech.words:
        start, end = samples(word.start_s), samples(word.end_s)
        if start < -slack or end > length + slack or end < start or (spans and start < spans[-1][0]):
            return None
        start, end = min(max(start, 0), length), min(max(end, 0), length)
        if spans and spans[-1][1] > start:
            spans[-1] = (spans[-1][0], start)
        spans.append((start, end))
    return tuple(spans)
