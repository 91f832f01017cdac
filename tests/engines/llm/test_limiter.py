"""The limiter against simulated servers: where it settles, and how much of the server's best throughput it gets. No clock, no network."""

from collections import deque

import numpy as np
import pytest

from datagen.engines.llm.limiter import CUT, MIN_REPLIES, Limiter


class SimulatedServer:
    """A continuous batch as vLLM's: `slots` requests at most, the others wait; a step gives each a token and takes `step_s + row_s` x rows.

    Above `fits` rows the KV cache is full, and what is thrown out is computed again: steps take longer than they give. With
    `refuses_over`, requests beyond so many are refused.
    """

    def __init__(
        self,
        slots: int,
        step_s: float,
        row_s: float,
        *,
        fits: int = 10**9,
        refuses_over: int = 10**9,
        spread: float = 80,
    ) -> None:
        self.slots, self.step_s, self.row_s, self.fits, self.refuses_over = slots, step_s, row_s, fits, refuses_over
        self.spread = spread
        self.now_s = 0.0
        self.starved_s = self.half_s = 0.0
        self.n_tokens = 0
        self.limits: list[int] = []
        self._left = np.zeros(slots, dtype=int)
        self._tokens = np.zeros(slots, dtype=int)
        self._waiting: deque[int] = deque()
        self._rng = np.random.default_rng(0)

    def best(self) -> float:
        """The highest throughput there is, tokens a second."""
        rows = np.arange(1, self.slots + 1)
        return float(np.max(rows / self._step(rows)))

    def run(self, limiter: Limiter, n_steps: int, offered: int = 10**9) -> float:
        """So many steps with a caller who always has `offered` requests to send; tokens a second in the second half of them."""
        half_tokens = 0
        for step in range(n_steps):
            if step == n_steps // 2:
                self.half_s, half_tokens, self.starved_s = self.now_s, self.n_tokens, 0.0
            self._send(limiter, offered)
            self._step_once(limiter)
            self.limits.append(limiter.limit)
        return (self.n_tokens - half_tokens) / (self.now_s - self.half_s)

    def _send(self, limiter: Limiter, offered: int) -> None:
        while limiter.in_flight < min(limiter.limit, offered):
            limiter.take(waited=offered > limiter.limit)
            if limiter.in_flight > self.refuses_over:
                limiter.pushed_back(self.now_s, self.now_s)
                return
            self._waiting.append(max(5, int(self._rng.normal(200, self.spread))))

    def _step_once(self, limiter: Limiter) -> None:
        for slot in np.flatnonzero(self._left <= 0):
            if not self._waiting:
                break
            self._left[slot] = self._tokens[slot] = self._waiting.popleft()
        n = int(np.sum(self._left > 0))
        took_s = float(self._step(np.array([n]))[0])
        self.now_s += took_s
        self.starved_s += took_s * (not self._waiting and n < self.slots)
        running = self._left > 0
        self._left[running] -= 1
        for slot in np.flatnonzero(running & (self._left == 0)):
            self.n_tokens += int(self._tokens[slot])
            limiter.answered(self.now_s, int(self._tokens[slot]))

    def _step(self, rows: np.ndarray) -> np.ndarray:
        return (self.step_s + self.row_s * rows) * np.maximum(1.0, (rows / self.fits) ** 2)


@pytest.mark.parametrize(
    ("slots", "step_s", "row_s", "share"),
    [
        (256, 0.02, 0.0, 0.95),
        (256, 0.01, 0.0001, 0.97),
        (64, 0.01, 0.0001, 0.97),
        (8, 0.01, 0.0001, 0.97),
        (1024, 0.01, 1e-5, 0.95),
    ],
)
def test_the_plateau_is_found_and_kept(slots: int, step_s: float, row_s: float, share: float) -> None:
    server, limiter = SimulatedServer(slots, step_s, row_s), Limiter(32, 2048)
    rate = server.run(limiter, 12_000)
    assert rate >= share * server.best()
    late = server.limits[len(server.limits) // 2 :]
    assert np.mean(late) <= max(2.2 * slots, 2 * MIN_REPLIES), "the queue must not grow without end"
    assert max(late) < 2048


def test_the_queue_is_not_empty_while_slots_are_free() -> None:
    server, limiter = SimulatedServer(64, 0.01, 0.0001), Limiter(32, 1024)
    server.run(limiter, 20_000)
    assert server.starved_s / (server.now_s - server.half_s) < 0.1


def test_latency_that_rises_with_the_batch_does_not_stop_the_growth() -> None:
    """A row costs a quarter of a step: at 64 rows a token takes 17 times as long as alone, and the server gives four times as much."""
    server, limiter = SimulatedServer(512, 0.01, 0.0025), Limiter(4, 1024)
    rate = server.run(limiter, 6_000)
    assert rate >= 0.85 * server.best()
    assert limiter.limit >= 20


def test_a_full_cache_makes_it_smaller() -> None:
    """Beyond 150 rows more requests bring less: the limiter goes back to where throughput is best."""
    server, limiter = SimulatedServer(256, 0.01, 0.0001, fits=150), Limiter(32, 1024)
    rate = server.run(limiter, 30_000)
    assert rate >= 0.85 * server.best()
    assert np.mean(server.limits[-10_000:]) < 200


def test_push_backs_hold_it_below_what_the_server_takes() -> None:
    server, limiter = SimulatedServer(256, 0.02, 0.0, refuses_over=100), Limiter(32, 1024)
    rate = server.run(limiter, 20_000)
    assert rate >= 0.7 * 100 / 0.02
    assert np.mean(server.limits[-5_000:]) <= 110


def test_requests_of_one_length_come_back_together() -> None:
    server, limiter = SimulatedServer(128, 0.02, 0.0, spread=0), Limiter(32, 2048)
    assert server.run(limiter, 12_000) >= 0.95 * server.best()
    assert np.mean(server.limits[-6_000:]) < 4 * 128


def test_a_caller_with_few_requests_leaves_it_where_it_is() -> None:
    server, limiter = SimulatedServer(256, 0.01, 0.0001), Limiter(32, 1024)
    server.run(limiter, 6_000, offered=40)
    assert limiter.limit <= 64


def test_many_push_backs_at_once_cut_once() -> None:
    limiter = Limiter(100, 1000)
    for _ in range(100):
        limiter.take(waited=True)
    cuts = [limiter.pushed_back(5.0, sent_s=1.0) for _ in range(50)]
    assert cuts == [True] + [False] * 49
    assert limiter.limit == round(CUT * 100 * 1.1)
    limiter.take(waited=True)
    assert limiter.pushed_back(7.0, sent_s=6.0), "one sent after the cut says something new"
    assert limiter.limit < 60
    assert limiter.in_flight == 50


def test_it_never_falls_below_one_and_starts_afresh() -> None:
    limiter = Limiter(8, 16)
    for n in range(50):
        limiter.take(waited=True)
        limiter.pushed_back(float(n), float(n))
    assert limiter.limit == 1
    limiter.restart()
    assert limiter.limit == 8
    assert Limiter(64, 16).limit == 16


def test_the_same_replies_give_the_same_limits() -> None:
    runs = []
    for _ in range(2):
        server, limiter = SimulatedServer(64, 0.01, 0.0001), Limiter(32, 1024)
        server.run(limiter, 4_000)
        runs.append(server.limits)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 3
