"""Which server gets the next request: the one with the least load of those that answer.

A server is *down* after a refused connection, or three faults in a row (5xx, a cut body, a lost connection, a timeout) with no reply
for a second. A server that is down is asked for its models, at growing intervals, and gets requests again once it lists
them. It is *silent* from its first fault until its next reply, whatever it lists; servers that have all been silent for
`give_up_s` are gone. No clock in here: times are arguments.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from datagen.engines.llm.limiter import Limiter

DOWN_FAULTS = 3
QUIET_S = 1.0
"""How long a server has to have given no reply before faults in a row mean that it is down: of many requests a few may fail."""
WORKING_S = 10.0
"""A request older than this is being worked on: a server with one is not gone."""
PROBE_S, MAX_PROBE_S = 0.5, 10.0
PAUSE_S, MAX_PAUSE_S = 0.5, 30.0
"""The pause of a server that pushes back without saying for how long: first, and after many times in a row."""


@dataclass(eq=False)
class Server:
    """What is known of one server. `base` ends with /v1; `name` is it without credentials, for messages."""

    base: str
    name: str
    limiter: Limiter
    proxy: str | None = None
    up: bool = True
    faults: int = 0
    pushes: int = 0
    probes: int = 0
    replied_s: float = float("-inf")
    silent_s: float | None = None
    paused_s: float = float("-inf")
    probe_s: float = float("inf")
    said: str = ""
    sent: dict[int, float] = field(default_factory=dict)
    """When each request under way was sent, oldest first."""


class Spread:
    """The servers and what is known of each."""

    def __init__(self, servers: Sequence[Server], give_up_s: float, jitter: random.Random) -> None:
        self.servers = tuple(servers)
        self._give_up_s = give_up_s
        self._jitter = jitter
        self._n_sent = 0

    def pick(self, now_s: float) -> Server | None:
        """The server with the least load that is up, not paused and has room; of equals the first."""
        best, least = None, 1.0
        for server in self.servers:
            if server.up and server.limiter.load < least and server.paused_s <= now_s:
                best, least = server, server.limiter.load
        return best

    def send(self, server: Server, now_s: float, waited: bool) -> int:
        """The number of a request that goes to this server now."""
        self._n_sent += 1
        server.limiter.take(waited)
        server.sent[self._n_sent] = now_s
        return self._n_sent

    def replied(self, server: Server, number: int, now_s: float, tokens: int) -> None:
        """The server answered, be it that this request cannot be met: it works."""
        del server.sent[number]
        server.faults = server.pushes = server.probes = 0
        server.silent_s, server.replied_s, server.up = None, now_s, True
        server.limiter.answered(now_s, tokens)

    def abandoned(self, server: Server, number: int, now_s: float) -> None:
        """The caller gave the request up; nothing is learnt of the server."""
        del server.sent[number]
        server.limiter.answered(now_s, 0)

    def faulted(self, server: Server, number: int, now_s: float, said: str, refused: bool, late: bool) -> None:
        """A try came to nothing. `late` ones count as push-backs with the limiter, since a queue is what makes a reply late."""
        sent_s = server.sent.pop(number)
        if late:
            server.limiter.pushed_back(now_s, sent_s)
        else:
            server.limiter.answered(now_s, 0)
        self._silent(server, now_s, said)
        server.faults += 1
        if server.up and (refused or (server.faults >= DOWN_FAULTS and now_s - server.replied_s >= QUIET_S)):
            server.up = False
            server.limiter.restart()
            self._probe_later(server, now_s)

    def pushed_back(self, server: Server, number: int, now_s: float, said: str, retry_after_s: float | None) -> None:
        """The server has too much to do: it gets fewer requests, and none for a while."""
        sent_s = server.sent.pop(number)
        self._silent(server, now_s, said)
        if server.limiter.pushed_back(now_s, sent_s):
            server.pushes += 1
        if retry_after_s is not None:
            server.paused_s = max(server.paused_s, now_s + retry_after_s)
        elif sent_s >= server.paused_s:  # not one of many that were under way when the pause began
            pause_s = min(PAUSE_S * 2.0 ** (max(server.pushes, 1) - 1), MAX_PAUSE_S)
            server.paused_s = now_s + self._shaken(pause_s)

    def due(self, now_s: float) -> list[Server]:
        """The servers to be probed now; each is due again only after `probed`."""
        found = [s for s in self.servers if not s.up and s.probe_s <= now_s]
        for server in found:
            server.probe_s = float("inf")
        return found

    def probed(self, server: Server, now_s: float, said: str) -> None:
        """A probe's outcome: `said` is empty where the server listed its models."""
        if said:
            server.said = said
            self._probe_later(server, now_s)
        else:
            server.up, server.faults = True, 0

    def gone(self, now_s: float) -> bool:
        """Whether every server has been silent for too long, and none has a request that it may still be working on."""
        return all(
            s.silent_s is not None
            and now_s - s.silent_s >= self._give_up_s
            and all(now_s - sent_s < WORKING_S for sent_s in list(s.sent.values())[:1])
            for s in self.servers
        )

    def settled(self, now_s: float) -> bool:
        """Whether nothing has to be watched: no server is silent, down or paused."""
        return all(s.up and s.silent_s is None and s.paused_s <= now_s for s in self.servers)

    def _silent(self, server: Server, now_s: float, said: str) -> None:
        server.said = said
        if server.silent_s is None:
            server.silent_s = now_s

    def _probe_later(self, server: Server, now_s: float) -> None:
        server.probe_s = now_s + self._shaken(min(PROBE_S * 2.0**server.probes, MAX_PROBE_S))
        server.probes += 1

    def _shaken(self, seconds: float) -> float:
        return seconds * self._jitter.uniform(0.75, 1.25)
