"""The actors of a build: started where there is room, watched until they are up, replaced when they or their node are gone."""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen import __version__
from datagen.errors import EngineError, UserError, one_line
from datagen.run.job import Job
from datagen.run.pool import ONE_THREAD
from datagen.run.ray.connection import cluster
from datagen.run.ray.crews import CPU, GPU, Crew, Node, place
from datagen.run.ray.worker import Here, Worker

SCAN_S = 2.0
"""How often the cluster is looked at: a node that joins has work that much later."""
_SEEN_S = 3.0
"""After this long what an actor holds is in the cluster's own count of what is free."""


@dataclass(slots=True, eq=False)
class Hand:
    """One actor. `waiting` is what was asked of it last and is not answered: a reference, or a stream of them.

    `silent_s` is how long nothing was heard of it since.
    """

    number: int
    actor: Any
    crew: Crew
    node_id: str
    node: str
    waiting: Any
    since_s: float
    up: bool = False
    shard: str = ""
    silent_s: float = 0.0

    @property
    def idle(self) -> bool:
        return self.up and self.waiting is None


class Staff:
    """The actors of `crews`. `token` is a file in the work folder; a node that does not see it cannot take part."""

    def __init__(self, crews: Sequence[Crew], listener: Any, token: Path, wait_s: float) -> None:
        import ray

        self._crews = crews
        self._new = ray.remote(Worker)
        self._listener = listener
        self._token = token
        self._wait_s = wait_s
        self._hands: list[Hand] = []
        self._scanned_s = 0.0
        self._nodes: set[str] = set()
        self._numbers = itertools.count()

    def __iter__(self) -> Iterator[Hand]:
        return iter(tuple(self._hands))

    def up(self, crew: Crew) -> int:
        """How many of the crew's actors can be given work."""
        return sum(1 for hand in self._hands if hand.crew is crew and hand.up)

    def alive(self, node_id: str) -> bool:
        """Whether a node was there when the cluster was last looked at."""
        return node_id in self._nodes

    def heard(self, number: int) -> None:
        """Notes that an actor has told something."""
        for hand in self._hands:
            if hand.number == number:
                hand.silent_s = 0.0

    def scan(self, wanted: Callable[[Crew], bool], at_once: bool = False) -> None:
        """Starts the actors that there is room for, of crews that are `wanted`, and ends those of crews that are not."""
        now = time.monotonic()
        if not at_once and now - self._scanned_s < SCAN_S:
            return
        self._scanned_s = now
        found = cluster()
        self._nodes = {node.id for node in found.nodes}
        for hand in self:
            if (hand.idle and not wanted(hand.crew)) or (not hand.up and now - hand.since_s > self._wait_s):
                self.end(hand)
        nodes = {node.id: node for node in found.nodes}
        have = dict.fromkeys(self._crews, 0)
        for hand in self._hands:
            have[hand.crew] += 1
            if hand.node_id in nodes:
                nodes[hand.node_id].actors += 1
                if not hand.up or now - hand.since_s < _SEEN_S:
                    nodes[hand.node_id].take(hand.crew.needs)
        for crew, node in place([c for c in self._crews if wanted(c)], have, found):
            self._start(crew, node)

    def _start(self, crew: Crew, node: Node) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        number, needs = next(self._numbers), dict(crew.needs)
        actor = self._new.options(
            num_cpus=needs.pop(CPU), num_gpus=needs.pop(GPU), resources=needs, max_restarts=0, max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            runtime_env={"env_vars": {name: os.environ.get(name, "1") for name in ONE_THREAD}},
        ).remote(number, self._listener, os.getcwd())  # fmt: skip
        asked = actor.here.remote(str(self._token))
        self._hands.append(Hand(number, actor, crew, node.id, node.name, asked, time.monotonic()))

    def welcome(self, hand: Hand, here: Here) -> None:
        """Marks an actor that has answered as up; UserError where its node cannot take part in the build."""
        if here.version != __version__:
            raise UserError(
                f"node {hand.node}: it has datagen {here.version}, and the build is of {__version__}. Install the same everywhere."
            )
        if not here.sees_work:
            raise UserError(
                f"node {hand.node}: it does not see {self._token.parent}. The work folder has to be on storage that every node "
                "has under the same path."
            )
        hand.up, hand.waiting, hand.since_s = True, None, time.monotonic()

    def give(self, hand: Hand, job: Job, group: str) -> None:
        """Hands a group of a shard to an actor that is idle."""
        beside = sum(1 for other in self._hands if other.node_id == hand.node_id)
        hand.waiting, hand.shard, hand.silent_s = hand.actor.group.remote(job, group, beside), job.shard.name, 0.0

    def give_all(self, hand: Hand, jobs: Sequence[Job]) -> None:
        """Hands the writing of all jobs to an actor that is idle."""
        hand.waiting = hand.actor.write.options(num_returns="streaming").remote(jobs)

    def end(self, hand: Hand) -> None:
        """Ends an actor at once: what it was making is under a temporary name."""
        import ray

        if hand in self._hands:
            self._hands.remove(hand)
            ray.kill(hand.actor, no_restart=True)

    def end_all(self, limit_s: float) -> bool:
        """Ends every actor, and waits until they are gone, at most so long; whether one of them was at work."""
        import ray

        hands = tuple(self._hands)
        for hand in hands:
            self.end(hand)
        # A call of an actor that is gone is answered with an error, and no sooner.
        asked = [hand.actor.here.remote("") for hand in hands]
        if asked:
            ray.wait(asked, num_returns=len(asked), timeout=limit_s)
        return any(hand.waiting is not None for hand in hands)


def why(error: Exception) -> str:
    """Why an actor is gone, in some words."""
    cause = getattr(error, "cause", None) or getattr(error, "error_msg", None)
    return one_line(cause if isinstance(cause, BaseException) else Exception(cause or error))


def broken(hand: Hand, error: Exception) -> EngineError | None:
    """The error of an actor that could not be made at all on its node, where it was that: another try would end alike."""
    if not getattr(error, "actor_init_failed", False):
        return None
    lines = [line for line in str(error).splitlines() if line.strip()]
    return EngineError(
        f"node {hand.node}: a worker cannot start there: {lines[-1].strip() if lines else 'no reason given'}"
    )
