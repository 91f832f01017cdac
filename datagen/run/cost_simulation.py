"""A build on a cluster, event by event: workers that take shards in their order, and shards that wait for workers.

It knows nothing of the sums in datagen/run/cost.py, and is what they are held against.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from datagen.run.cost import Crew, Load, in_order
from datagen.store.ids import rng

LENGTH_SPREAD = 0.35
"""The spread of a dialogue's length over their mean: 0.33 to 0.37 over the default build's domains."""


def simulate(load: Load, crews: Sequence[Crew], workers: Mapping[str, float], publish_s: float) -> float:
    """The seconds from a build's start to its end: shards of drawn lengths, each group in whichever worker of its crew is free first."""
    route = in_order(crews)
    free = {c.name: [c.start_s] * max(1, int(workers[c.name])) for c in route}
    # A fraction of a GPU is one worker that takes its time.
    slower = {c.name: max(1.0, 1 / workers[c.name]) for c in route}
    waiting = {c.name: deque[int]() for c in route}
    lengths = _lengths(load.shards)
    events: list[tuple[float, int, int, int]] = []
    waiting[route[0].name].extend(range(len(load.shards)))
    now = last = 0.0
    serial = 0
    while True:
        for step, crew in enumerate(route):
            queue, idle = waiting[crew.name], free[crew.name]
            while queue and idle:
                ready = heapq.heappop(idle)
                shard = queue.popleft()
                end = max(now, ready) + crew.shard_s * lengths[shard] * slower[crew.name]
                serial += 1
                heapq.heappush(events, (end, serial, shard, step))
        if not events:
            return last + publish_s
        now, _, shard, step = heapq.heappop(events)
        last = max(last, now)
        heapq.heappush(free[route[step].name], now)
        if step + 1 < len(route):
            waiting[route[step + 1].name].append(shard)


def _lengths(shards: Sequence[int]) -> list[float]:
    """Each shard's length over that of the largest one at the mean, drawn: the sum of its dialogues' lengths."""
    draws, largest = rng("simulated cluster"), max(shards)
    sizes = np.array(shards, float)
    drawn = draws.normal(sizes, LENGTH_SPREAD * np.sqrt(sizes))
    found: list[float] = (np.maximum(drawn, 0.1 * sizes) / largest).tolist()
    return found
