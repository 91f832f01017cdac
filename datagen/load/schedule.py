"""Whose turn it is: sources by their shares, so evenly that after any number of samples each is within one of its due.

Whole-number arithmetic, no draw: earliest deadline first, where a source's next sample may come as soon as its due goes over
the samples that it has had, and has to come before its due is a whole sample ahead. A single queue of unit jobs that a fluid
schedule can serve is served in time by that rule (the proof is Hall's theorem), so no source is ever a whole sample off.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heappush
from itertools import accumulate, count, islice
from math import gcd, lcm

PARTS = 720_720
"""What shares are rounded to where they are no simple fractions: 1/720720, which every number up to 16 divides."""
NEVER = 1 << 62
"""A slot that does not come: the due of a source whose share has come to nothing."""


def parts(shares: Sequence[float]) -> tuple[int, ...]:
    """Shares that add up to 1, none negative, as whole parts; no share above zero is rounded to none.

    Exact where they are fractions of a common denominator up to PARTS (weights of 2, 1 and 1 are 2, 1 and 1 parts of 4), else
    each is within about 1/PARTS of its share: a source is then a sample off its exact share after some 700,000 samples.
    """
    simple = [Fraction(s).limit_denominator(PARTS) for s in shares]
    whole = lcm(*(f.denominator for f in simple))
    if whole <= PARTS and sum(simple) == 1 and all(abs(f - s) < 1e-12 for f, s in zip(simple, shares, strict=True)):
        return tuple(int(f * whole) for f in simple)
    rounded = in_parts(shares)
    common = gcd(*rounded)
    return tuple(p // common for p in rounded)


def in_parts(shares: Sequence[float]) -> tuple[int, ...]:
    """Shares as parts of PARTS, by largest remainder: they add up to PARTS, and none above zero is rounded to none."""
    floors = [max(int(s * PARTS), 1) if s > 0 else 0 for s in shares]
    by_rest = sorted((i for i, s in enumerate(shares) if s > 0), key=lambda i: (floors[i] - shares[i] * PARTS, i))
    missing = PARTS - sum(floors)
    if missing < 0:  # very small shares were raised to a part: the largest gives them
        floors[max(by_rest, key=lambda i: floors[i])] += missing
        return tuple(floors)
    for at in range(missing):
        floors[by_rest[at % len(by_rest)]] += 1
    return tuple(floors)


@dataclass(frozen=True)
class Span:
    """Samples over which the shares stand, or go in small pieces from one set to another, and that are counted by themselves.

    `shares` are (n_samples, parts) pieces, the parts of each adding up to the same number; the last piece goes on for ever.
    `priority` decides between sources that are due at once: the lower first.
    """

    pieces: tuple[tuple[int, tuple[int, ...]], ...]
    priority: tuple[int, ...]

    def turns(self, start: int = 0) -> Iterator[tuple[int, int]]:
        """(source, how many samples it has had before) of each sample of the span from number `start` on, without an end."""
        periods, skip = divmod(start, self.period) if self.period else (0, start)
        had = [periods * p for p in self.pieces[0][1]]
        for at, source in enumerate(self._sources()):
            if at >= skip:
                yield source, had[source]
            had[source] += 1

    def counts(self, n_samples: int) -> tuple[int, ...]:
        """How many of the first `n_samples` are each source's; they add up to `n_samples`."""
        periods, rest = divmod(n_samples, self.period) if self.period else (0, n_samples)
        had = [periods * p for p in self.pieces[0][1]]
        for source in islice(self._sources(), rest):
            had[source] += 1
        return tuple(had)

    def shares(self, at: int) -> tuple[float, ...]:
        """The shares at sample number `at` of the span."""
        ends = list(accumulate(n for n, _ in self.pieces[:-1]))
        parts = self.pieces[bisect_right(ends, at)][1]
        return tuple(p / sum(parts) for p in parts)

    @property
    def period(self) -> int:
        """After how many samples the order begins anew, 0 for never: where shares stand, every due is then a whole number."""
        return sum(self.pieces[0][1]) if len(self.pieces) == 1 else 0

    def _sources(self) -> Iterator[int]:
        jobs = [_Jobs(self.pieces, i) for i in range(len(self.priority))]
        waiting = [(job.release(), i) for i, job in enumerate(jobs) if any(p[i] for _, p in self.pieces)]
        ready: list[tuple[int, int, int]] = []
        heapify(waiting)
        for slot in count():
            while waiting and waiting[0][0] <= slot:
                source = heappop(waiting)[1]
                heappush(ready, (jobs[source].deadline(), self.priority[source], source))
            source = heappop(ready)[2]
            yield source
            jobs[source].done += 1
            heappush(waiting, (jobs[source].release(), source))


class _Jobs:
    """The samples of one source as jobs: the slot from which the next may come, and the one before which it must have."""

    def __init__(self, pieces: Sequence[tuple[int, tuple[int, ...]]], source: int) -> None:
        self.done = 0
        self._whole = sum(pieces[0][1])
        self._rates = [p[source] for _, p in pieces]
        ends = [(n, n * p[source]) for n, p in pieces[:-1]]
        self._slots = list(accumulate((n for n, _ in ends), initial=0))
        self._dues = list(accumulate((due for _, due in ends), initial=0))

    def release(self) -> int:
        return self._slots_until(self.done * self._whole + 1) - 1

    def deadline(self) -> int:
        return self._slots_until((self.done + 1) * self._whole)

    def _slots_until(self, due: int) -> int:
        """The first number of slots after which the source's due, in parts, is `due` or more."""
        piece = bisect_left(self._dues, due) - 1
        rate = self._rates[piece]
        return self._slots[piece] - (self._dues[piece] - due) // rate if rate else NEVER


class Course:
    """Spans one after the other, each counted from its own start; the last has no end."""

    def __init__(self, spans: Sequence[tuple[int, Span]], last: Span) -> None:
        """`spans` are (n_samples, span); `last` is what goes on after them."""
        self._spans = [span for _, span in spans] + [last]
        self._starts = list(accumulate((n for n, _ in spans), initial=0))

    def turns(self, start: int = 0) -> Iterator[tuple[int, int]]:
        """(source, how many samples it has had before) of each sample from number `start` on, without an end."""
        at = bisect_right(self._starts, start) - 1
        had = self.counts(self._starts[at])
        for i in range(at, len(self._spans)):
            span, first = self._spans[i], self._starts[i]
            end = self._starts[i + 1] if i + 1 < len(self._starts) else None
            n_left = None if end is None else end - max(start, first)
            for source, before in islice(span.turns(max(0, start - first)), n_left):
                yield source, had[source] + before
            if end is not None:
                had = tuple(a + b for a, b in zip(had, span.counts(end - first), strict=True))

    def shares(self, at: int) -> tuple[float, ...]:
        """Each source's share at sample number `at`."""
        i = bisect_right(self._starts, at) - 1
        return self._spans[i].shares(at - self._starts[i])

    def counts(self, n_samples: int) -> tuple[int, ...]:
        """How many of the first `n_samples` are each source's."""
        had = [0] * len(self._spans[0].priority)
        for i, span in enumerate(self._spans):
            end = self._starts[i + 1] if i + 1 < len(self._starts) else n_samples
            inside = min(end, n_samples) - self._starts[i]
            if inside > 0:
                had = [a + b for a, b in zip(had, span.counts(inside), strict=True)]
        return tuple(had)
