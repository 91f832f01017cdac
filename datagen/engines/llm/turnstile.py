"""Where requests wait for room at a server, first come, first served; those that are tried again go first."""

import asyncio
from collections import deque
from collections.abc import Callable

from datagen.engines.llm.spread import Server, Spread

Admission = tuple[Server, int]
"""A server and the number of the request that it was let in for."""


class Turnstile:
    """Lets requests to servers as these have room. `clock` gives seconds that only grow."""

    def __init__(self, spread: Spread, clock: Callable[[], float]) -> None:
        self._spread = spread
        self._clock = clock
        self._waiting: deque[asyncio.Future[Admission]] = deque()

    async def enter(self, first: bool) -> Admission:
        """Room at a server; `first` goes before those that wait. What `fail` was given is raised."""
        now_s = self._clock()
        if not self._waiting and (server := self._spread.pick(now_s)):
            return server, self._spread.send(server, now_s, waited=False)
        place: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()
        if first:
            self._waiting.appendleft(place)
        else:
            self._waiting.append(place)
        self.admit()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._spread.abandoned(*place.result(), self._clock())
                self.admit()
            raise

    def admit(self) -> None:
        """Lets in as many as there is room for; to be called after anything that makes room."""
        while self._waiting:
            if self._waiting[0].done():  # cancelled while it waited
                self._waiting.popleft()
                continue
            now_s = self._clock()
            server = self._spread.pick(now_s)
            if server is None:
                return
            self._waiting.popleft().set_result((server, self._spread.send(server, now_s, waited=True)))

    def fail(self, make: Callable[[], Exception]) -> None:
        """Ends the waiting of all that wait, each with an exception of its own."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(make())

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)
