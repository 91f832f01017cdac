"""Who is speaking for how long: from the words on the clean channels, not from energy."""

from collections.abc import Iterable

from datagen.records.enums import Heard, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import Activity, Timeline

Span = tuple[float, float]


def activity(timeline: Timeline) -> Activity:
    """Seconds of each speaker's heard words (turns and backchannels), of both at once, and of neither."""
    agent, user = (spans_of(timeline, side) for side in (Speaker.AGENT, Speaker.USER))
    agent_s, user_s, overlap_s = _length(agent), _length(user), _length(_common(agent, user))
    total_s = timeline.n_samples / SAMPLE_RATE_HZ
    return Activity(agent_s, user_s, overlap_s, max(0.0, total_s - (agent_s + user_s - overlap_s)))


def spans_of(timeline: Timeline, side: Speaker) -> list[Span]:
    """The union of one speaker's heard word spans, by start; a word that the cut shortens ends with its turn."""
    spans = [
        (w.start_s, min(w.end_s, turn.end_s))
        for turn in timeline.turns
        if turn.speaker is side
        for w in turn.words
        if w.heard is not Heard.NO
    ]
    spans += [(w.start_s, w.end_s) for w in timeline.aside_words[side.channel]]
    return _union(spans)


def _union(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _common(left: list[Span], right: list[Span]) -> list[Span]:
    common, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            common.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


def _length(spans: list[Span]) -> float:
    return sum(end - start for start, end in spans)
