"""Word edges brought to where sound begins and ends: a CTC model and Whisper's attention tell where a word is, not how far it goes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datagen.records.speech import SAMPLE_RATE_HZ, Audio

Span = tuple[float, float]
"""Start and end in seconds."""
HOP_S = 0.01
QUIET_DB = 35.0
"""So far below the loudest 10 ms nothing is heard that belongs to a word."""


def grown(audio: Audio, spans: Sequence[Span], reach_s: float) -> list[Span]:
    """The spans of words, in order, each grown over sound around it: to silence, to the quietest place between two words, at most by
    `reach_s`. They stay in order and inside the audio."""
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    n = len(audio) // hop
    if not n or not spans:
        return list(spans)
    power = np.square(audio[: n * hop].reshape(n, hop), dtype=np.float64).mean(axis=1)
    loud = power > power.max() * 10 ** (-QUIET_DB / 10)
    edges = [(_frame(a, n), _frame(b, n)) for a, b in spans]
    reach = round(reach_s / HOP_S)
    ends, starts = [e for _, e in edges], [s for s, _ in edges]
    bounds = [max(0, starts[0] - reach), *(_meeting(power, a, b) for a, b in zip(ends, starts[1:], strict=False))]
    bounds.append(min(n, ends[-1] + reach))
    result = []
    for i, (start, end) in enumerate(edges):
        first = _walk(loud, start, max(bounds[i], start - reach), -1)
        last = _walk(loud, end, min(bounds[i + 1], end + reach), 1)
        result.append((min(spans[i][0], first * HOP_S), max(spans[i][1], last * HOP_S)))
    return _ordered(result, len(audio) / SAMPLE_RATE_HZ)


def trimmed(audio: Audio, spans: Sequence[Span]) -> list[Span]:
    """The spans of words, in order, without the silence at either end of each; one that is all silent stays."""
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    n = len(audio) // hop
    power = np.square(audio[: n * hop].reshape(n, hop), dtype=np.float64).mean(axis=1) if n else np.zeros(0)
    loud = power > power.max(initial=0) * 10 ** (-QUIET_DB / 10)
    result = []
    for start_s, end_s in spans:
        first, last = _frame(start_s, n), _frame(end_s, n)
        inside = np.flatnonzero(loud[first:last])
        if len(inside):
            start_s = max(start_s, (first + int(inside[0])) * HOP_S)
            end_s = min(end_s, (first + int(inside[-1]) + 1) * HOP_S)
        result.append((start_s, end_s))
    return _ordered(result, len(audio) / SAMPLE_RATE_HZ)


def _frame(time_s: float, n: int) -> int:
    return min(max(round(time_s / HOP_S), 0), n)


def _meeting(power: NDArray[np.float64], end: int, start: int) -> int:
    """The quietest frame between the end of a word and the start of the next."""
    return end + int(power[end:start].argmin()) if start > end else end


def _walk(loud: NDArray[np.bool_], at: int, limit: int, step: int) -> int:
    """From `at` towards `limit` as long as there is sound."""
    while at != limit and loud[at if step > 0 else at - 1] and (limit - at) * step > 0:
        at += step
    return at


def _ordered(spans: Sequence[Span], duration_s: float) -> list[Span]:
    found: list[Span] = []
    latest_s = 0.0
    for start, end in spans:
        start_s = min(max(start, latest_s), duration_s)
        latest_s = min(max(end, start_s), duration_s)
        found.append((start_s, latest_s))
    return found
