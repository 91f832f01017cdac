"""How many requests one server gets at a time: the fewest that keep its throughput at the top.

vLLM never says that it has enough. It runs at most `max_num_seqs` requests (1024 by default on GPUs of 70 GiB and more other than
the A100, else 256: `get_batch_defaults` in vllm/engine/arg_utils.py), fewer where the KV cache is full, lets the others wait
without limit, and answers all of them, late; no 429. The latency of a token rises with the batch long before a queue forms, so rules
that keep the latency near that of an idle server (TCP Vegas; Netflix's concurrency-limits) stop far too low, and rules that
wait for errors (AIMD) never stop. What tells the two apart is throughput: by Little's law (1961) requests under way =
throughput x latency, so where more requests bring no more throughput, all that grows is the queue.

The rule is that of BBR (Cardwell et al. 2016, draft-ietf-ccwg-bbr), with requests for packets and tokens for bytes:

- Slow start. Each round doubles the limit while doubling it brought 10 % more tokens a second. Two rounds that did not end it: from the
  gain g of the last doubling of M follows the knee, g x M, and the limit becomes 5/4 of that, a queue of a quarter of the batch.
- Then probes. A round at 5/4 of the base, then a round at the base; the elasticity e of throughput between the two (0: a queue alone
  grows; 1: slots stand empty) says where the base goes: up to 5/4 above 0.15, down to 9/10 below 0.05. Latency that rises
  without gain is the latter. In between it stays. After that, 6 rounds at 11/10 of the base, as in BBR's cycle of 8, twice
  as many after each probe that did not go on upwards, to 48; at once where throughput changes by half.
- A push-back (429, 503, a timeout) takes the base to 0.7 (CUBIC's factor, RFC 9438), once for all requests sent before the
  cut; one during a probe upwards only ends that probe.

A round counts replies, not seconds: first as many as were under way when the limit changed, which tell of the limit before, then as
many as the limit, but 32 at least. Rounds in which the caller did not use the limit say nothing and begin anew
(RFC 7661). There is no clock in here: times are arguments.
"""

import math
from dataclasses import dataclass
from enum import Enum

GAIN = 1.1
"""What doubling the limit has to bring for another doubling."""
PROBE = 1.25
"""How far a probe goes above the base."""
HEADROOM = 1.1
"""The limit between probes over the base: a short queue, so that the server has a next request at hand while a reply travels."""
STEP_DOWN = 0.9
CHANGED = 1.5
"""A factor in throughput at one limit that says that the server is not what it was."""
GROWS, SHRINKS = 0.15, 0.05
"""Elasticities of throughput above which the base grows and below which it shrinks."""
CUT = 0.7
HOLD_ROUNDS, MAX_HOLD_ROUNDS = 6, 48
MIN_REPLIES = 32
WAITED_SHARE = 0.9
"""Share of a round's requests that have to have waited for room, or the limit was not what held them back."""


class Phase(Enum):
    """What a round is for."""

    START = "start"
    UP = "up"
    DOWN = "down"
    HOLD = "hold"


_LEVELS = {Phase.START: 1.0, Phase.UP: PROBE, Phase.DOWN: 1.0, Phase.HOLD: HEADROOM}


@dataclass(slots=True)
class _Round:
    """What is counted in a round. `skip` replies are still to come of the round before; then `begun_s` is set and counting begins."""

    phase: Phase
    wanted: int
    skip: int
    begun_s: float | None = None
    n_replies: int = 0
    n_tokens: int = 0
    n_taken: int = 0
    n_waited: int = 0


class Limiter:
    """The requests under way at one server and how many there may be; 1 to `most`, beginning with `start`."""

    def __init__(self, start: int, most: int) -> None:
        self._start, self._most = min(start, most), most
        self.in_flight = 0
        self.limit = self._start
        self._base = float(self._start)
        self._round = _Round(Phase.START, 0, 0)
        self._before: tuple[int, float] | None = None
        self._stalls = 0
        self._up = (0, 0.0)
        self._held, self._hold_rate = 0, 0.0
        self._hold_rounds = HOLD_ROUNDS // 2
        self._cut_at = -math.inf
        self.restart()

    def restart(self) -> None:
        """Forgets what was learnt: the server behind it is a fresh one."""
        self._base = float(self._start)
        self._before = None
        self._stalls = 0
        self._hold_rounds = HOLD_ROUNDS // 2
        self._begin(Phase.START)

    @property
    def load(self) -> float:
        """Requests under way over the limit; 1 and more: no room."""
        return self.in_flight / self.limit

    def take(self, waited: bool) -> None:
        """A request is sent; `waited` for room, which shows that the limit holds something back."""
        self.in_flight += 1
        self._round.n_taken += 1
        self._round.n_waited += waited

    def answered(self, now_s: float, tokens: int) -> None:
        """A request has ended with a reply of so many tokens, or (0) without one that says anything of the load."""
        self.in_flight -= 1
        counted = self._round
        if counted.skip > 0:
            counted.skip -= 1
            counted.begun_s = now_s
        elif counted.begun_s is None:  # a round that no other's replies delay begins with its first
            counted.begun_s = now_s
        else:
            counted.n_replies += 1
            counted.n_tokens += tokens
            if counted.n_replies >= counted.wanted:
                self._end_round(counted, now_s - counted.begun_s)

    def pushed_back(self, now_s: float, sent_s: float) -> bool:
        """A request sent at `sent_s` was refused for load, or timed out; whether that says more than push-backs before it did."""
        self.in_flight -= 1
        if sent_s < self._cut_at:
            return False
        self._cut_at = now_s
        if self._round.phase is not Phase.UP:
            level = self.limit if self._round.phase is Phase.START else self._base
            self._base = max(1.0, CUT * level)
            self._hold_rounds = HOLD_ROUNDS // 2
        self._hold()
        return True

    def _end_round(self, counted: _Round, took_s: float) -> None:
        if took_s <= 0 or counted.n_waited < WAITED_SHARE * counted.n_taken:
            self._begin(counted.phase)
            return
        rate = counted.n_tokens / took_s
        if counted.phase is Phase.START:
            self._started(rate)
        elif counted.phase is Phase.UP:
            self._up = (self.limit, rate)
            self._begin(Phase.DOWN)
        elif counted.phase is Phase.DOWN:
            self._probed(rate)
        else:
            self._held_still(rate)

    def _started(self, rate: float) -> None:
        """Another doubling, or the knee that the last one shows."""
        before, before_rate = self._before or (self.limit, 0.0)
        gain = rate / before_rate if before_rate > 0 else math.inf
        if gain >= GAIN:
            self._before, self._stalls = (self.limit, rate), 0
            if self.limit >= self._most:
                self._hold()
                return
            self._base = min(2.0 * self.limit, self._most)
            self._begin(Phase.START)
            return
        self._stalls += 1
        if self._stalls < 2:
            self._begin(Phase.START)
            return
        self._base = self._clamped(PROBE * gain * before)
        self._hold()

    def _held_still(self, rate: float) -> None:
        """Another round at the base, or a probe: after enough of them, or where the server is not what it was."""
        self._held += 1
        self._hold_rate = self._hold_rate or rate
        changed = not self._hold_rate / CHANGED <= rate <= self._hold_rate * CHANGED
        self._begin(Phase.UP if changed or self._held >= self._hold_rounds else Phase.HOLD)

    def _probed(self, low_rate: float) -> None:
        """Where the base goes after a round above it and one at it."""
        (high, high_rate), low = self._up, self.limit
        if high > low and high_rate > 0:
            elasticity = math.log(high_rate / low_rate) / math.log(high / low) if low_rate > 0 else 1.0
            if elasticity > GROWS:
                self._base = float(high)
                self._hold_rounds = HOLD_ROUNDS // 2
                self._begin(Phase.UP)
                return
            if elasticity < SHRINKS:
                self._base = self._clamped(STEP_DOWN * self._base)
        self._hold()

    def _hold(self) -> None:
        """Rounds at the base, twice as many as the last time: what stays where it is need not be probed often."""
        self._held, self._hold_rate = 0, 0.0
        self._hold_rounds = min(2 * self._hold_rounds, MAX_HOLD_ROUNDS)
        self._begin(Phase.HOLD)

    def _clamped(self, limit: float) -> float:
        return min(max(limit, 1.0), float(self._most))

    def _begin(self, phase: Phase) -> None:
        """A round of a phase, after the replies that are still to come of another limit's."""
        before = self.limit
        self.limit = round(self._clamped(self._base * _LEVELS[phase]))
        if phase is Phase.UP and self.limit <= self._base < self._most:
            self.limit += 1
        wanted = max(self.limit, MIN_REPLIES) * (2 if phase in (Phase.UP, Phase.DOWN) else 1)
        self._round = _Round(phase, wanted, self.in_flight if self.limit != before else 0)
