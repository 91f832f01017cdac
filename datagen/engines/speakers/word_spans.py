"""Where each display word lies in what espeak-ng spoke: its word events, mapped back through the text that it was given."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from datagen.engines.speakers.espeak_library import RATE_HZ, RawSpeech

Span = tuple[int, int]
"""First sample and the one after the last."""

QUIET_DB = -45.0
"""Below the loudest 5 ms of the text, what ends a word's span is a pause and not the word."""
HOP = RATE_HZ // 200


def text_of(spoken: Sequence[str]) -> str:
    """What espeak-ng is given: the spoken forms, a space between."""
    return " ".join(spoken)


def word_spans(spoken: Sequence[str], raw: RawSpeech) -> list[Span]:
    """A span a spoken form, in order, none overlapping, in samples of `raw`.

    A form runs from its first event to the next form's first, less the pause at its end; the pauses inside a form of several
    words ("W three, five six oh nine") are its own. espeak-ng says some pairs as one ("of the", "to be") and gives one event
    for both: such a span is divided by the words' lengths, at the start of a sound where there is one near.
    """
    starts = _starts(spoken, raw.words)
    if starts[0] is None:
        starts[0] = 0
    bounds = [s for s in starts if s is not None] + [raw.n_samples]
    loud = _loudness(raw)
    spans: list[Span] = []
    first = 0
    for group in range(len(bounds) - 1):
        last = first + 1
        while last < len(spoken) and starts[last] is None:
            last += 1
        begin, stop = bounds[group], max(bounds[group + 1], bounds[group])
        stop = _loud_end(loud, begin, stop)
        spans += _divided(spoken[first:last], begin, stop, raw.sounds)
        first = last
    return spans


def _starts(spoken: Sequence[str], events: Sequence[tuple[int, int]]) -> list[int | None]:
    """The first event of each spoken form, in samples; None where it has none of its own, or one that goes back."""
    offsets = list(accumulate((len(s) + 1 for s in spoken), initial=0))
    starts: list[int | None] = [None] * len(spoken)
    positions = np.searchsorted(offsets, [c for c, _ in events], side="right") - 1
    reached, latest = -1, 0
    for word, (_, sample) in zip(positions.tolist(), events, strict=True):
        if reached < word < len(spoken) and sample >= latest:
            reached = word
            starts[word] = latest = sample
    return starts


def _divided(words: Sequence[str], begin: int, stop: int, sounds: Sequence[int]) -> list[Span]:
    total = sum(map(len, words))
    inner = [s for s in sounds if begin < s < stop]
    cuts = [begin]
    letters = 0
    for word in words[:-1]:
        letters += len(word)
        wanted = begin + (stop - begin) * letters // total
        near = min(inner, key=lambda s: abs(s - wanted), default=wanted)
        cuts.append(max(near if abs(near - wanted) < 0.06 * RATE_HZ else wanted, cuts[-1]))
    return list(zip(cuts, [*cuts[1:], stop], strict=True))


def _loudness(raw: RawSpeech) -> NDArray[np.bool_]:
    """Which 5 ms of the text are loud enough to be speech."""
    samples = np.frombuffer(raw.pcm, dtype=np.int16).astype(np.float64)
    padded = np.zeros(-(-len(samples) // HOP) * HOP)
    padded[: len(samples)] = samples
    power = np.square(padded.reshape(-1, HOP)).mean(axis=1)
    return np.asarray(power > power.max(initial=0.0) * 10 ** (QUIET_DB / 10))


def _loud_end(loud: NDArray[np.bool_], begin: int, stop: int) -> int:
    """The end of the last loud 5 ms between two samples; `stop` where all are quiet, or the last before it is loud.

    The 5 ms that `stop` falls into are left out: the next word may start in them.
    """
    first, last = begin // HOP, stop // HOP
    found = np.flatnonzero(loud[first:last])
    if len(found) == 0 or first + int(found[-1]) == last - 1:
        return stop
    return (first + int(found[-1]) + 1) * HOP
