"""The calls of a build: which groups of which shards are still to be handed out, and which of them comes next. No Ray in here."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from datagen.run.job import GROUPS, Job, Outcome
from datagen.run.ray.crews import Crew


@dataclass(slots=True, eq=False)
class Call:
    """One group of a shard, whoever waits for it, and the nodes on which an actor has died under it."""

    job: Job
    group: str
    future: "Future[Outcome]"
    died_on: list[str] = field(default_factory=list)


class Calls:
    """What waits, by group. A group rests while `ahead` shards an actor wait for the next one, where others do that."""

    def __init__(self, crews: Sequence[Crew], n_shards: int, ahead: int) -> None:
        self._crew_of = {group: crew for crew in crews for group in crew.groups}
        self._ahead = ahead
        self._waiting: dict[str, deque[Call]] = {group: deque() for group in GROUPS}
        self._left = Counter(dict.fromkeys(GROUPS, n_shards))

    def add(self, call: Call) -> None:
        self._waiting[call.group].append(call)

    def again(self, call: Call) -> None:
        """Puts a call back in front: its actor has died."""
        self._waiting[call.group].appendleft(call)

    def done(self, group: str) -> None:
        """Counts a group of a shard as done."""
        self._left[group] -= 1

    def wanted(self, crew: Crew) -> bool:
        """Whether a crew has work, or will have."""
        return any(self._left[group] > 0 or self._waiting[group] for group in crew.groups)

    def waits(self, crew: Crew) -> bool:
        """Whether there is work for a crew now."""
        return any(self._waiting[group] for group in crew.groups)

    def next(self, crew: Crew, shard: str, up: Callable[[Crew], int]) -> Call | None:
        """What an actor of the crew should do: the last group first, so that shards end, and of that its own shard's.

        `shard` is the one that the actor had last: what it has made itself it need not verify.
        """
        for group in reversed(crew.groups):
            waiting = self._waiting[group]
            if waiting and self._may_go(group, up):
                own = (
                    next((call for call in waiting if call.job.shard.name == shard), None)
                    if group != GROUPS[0]
                    else None
                )
                call = own or waiting[0]
                waiting.remove(call)
                return call
        return None

    def _may_go(self, group: str, up: Callable[[Crew], int]) -> bool:
        following = GROUPS[GROUPS.index(group) + 1 :][:1]
        if not following or self._crew_of[following[0]] is self._crew_of[group]:
            return True
        crew = self._crew_of[following[0]]
        return len(self._waiting[following[0]]) < self._ahead * max(1, up(crew))

    def take_all(self, crew: Crew | None = None) -> list[Call]:
        """All that waits, of a crew or of everybody; nothing of it waits any more."""
        groups = GROUPS if crew is None else crew.groups
        taken = [call for group in groups for call in self._waiting[group]]
        for group in groups:
            self._waiting[group].clear()
        return taken
