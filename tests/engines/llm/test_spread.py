"""Which server gets a request, and what is made of those that fail: pure states with times as arguments."""

import random

import pytest

from datagen.engines.llm.limiter import Limiter
from datagen.engines.llm.spread import MAX_PROBE_S, PAUSE_S, PROBE_S, WORKING_S, Server, Spread


def spread_of(*limits: int, give_up_s: float = 60.0) -> tuple[Spread, tuple[Server, ...]]:
    servers = [Server(f"http://s{n}/v1", f"http://s{n}/v1", Limiter(limit, 1000)) for n, limit in enumerate(limits)]
    spread = Spread(servers, give_up_s, random.Random(0))
    return spread, spread.servers


def send(spread: Spread, server: Server, now_s: float) -> int:
    return spread.send(server, now_s, waited=False)


def fault(spread: Spread, server: Server, now_s: float, **more: bool) -> None:
    number = send(spread, server, now_s)
    spread.faulted(server, number, now_s, "HTTP 500", more.get("refused", False), more.get("late", False))


def test_the_least_load_relative_to_the_limit() -> None:
    spread, (small, large) = spread_of(2, 8)
    got = []
    while server := spread.pick(0.0):
        got.append(server)
        send(spread, server, 0.0)
    assert (got.count(small), got.count(large)) == (2, 8)
    assert got[:3] == [small, large, large]


def test_three_faults_in_a_row_after_a_quiet_second_take_a_server_down() -> None:
    spread, (a, b) = spread_of(4, 4)
    spread.replied(a, send(spread, a, 0.0), 0.0, 1)
    for now_s in (0.1, 0.2, 0.3):
        fault(spread, a, now_s)
    assert a.up, "it replied a moment ago: some of many requests fail"
    fault(spread, a, 1.5)
    assert not a.up
    assert spread.pick(1.5) is b
    assert b.up


def test_a_reply_between_faults_keeps_it_up() -> None:
    spread, (a,) = spread_of(4)
    for n in range(20):
        fault(spread, a, 10.0 * n)
        if n % 2:
            spread.replied(a, send(spread, a, 10.0 * n), 10.0 * n, 1)
    assert a.up


def test_a_refused_connection_takes_it_down_at_once_and_probes_bring_it_back() -> None:
    spread, (a,) = spread_of(4)
    fault(spread, a, 5.0, refused=True)
    assert not a.up
    assert spread.due(5.0) == []
    assert spread.due(5.0 + 2 * PROBE_S) == [a]
    assert spread.due(5.0 + 2 * PROBE_S) == [], "one probe at a time"
    spread.probed(a, 6.0, "refused")
    assert spread.due(6.0 + PROBE_S) == []
    assert spread.due(6.0 + 4 * PROBE_S) == [a]
    spread.probed(a, 9.0, "")
    assert spread.pick(9.0) is a
    assert not spread.settled(9.0), "it lists its models, but has not replied yet"
    spread.replied(a, send(spread, a, 9.1), 9.2, 1)
    assert spread.settled(9.2)


def test_probes_grow_rarer_to_a_bound() -> None:
    spread, (a,) = spread_of(4)
    fault(spread, a, 0.0, refused=True)
    now_s, waits = 0.0, []
    for _ in range(12):
        waits.append(a.probe_s - now_s)
        now_s = a.probe_s
        assert spread.due(now_s) == [a]
        spread.probed(a, now_s, "refused")
    assert waits[0] < 2 * PROBE_S
    assert max(waits) <= 1.25 * MAX_PROBE_S
    assert waits[-1] >= 0.75 * MAX_PROBE_S


def test_a_push_back_pauses_the_server_and_no_other() -> None:
    spread, (a, b) = spread_of(4, 4)
    spread.pushed_back(a, send(spread, a, 0.0), 0.5, "HTTP 429", retry_after_s=20.0)
    assert spread.pick(20.4) is b
    assert spread.pick(20.6) is a
    assert not spread.settled(10.0)


def test_many_push_backs_at_once_are_one_pause() -> None:
    spread, (a,) = spread_of(8)
    numbers = [send(spread, a, 0.0) for _ in range(8)]
    for number in numbers:
        spread.pushed_back(a, number, 1.0, "HTTP 429", None)
    assert 1.0 + 0.75 * PAUSE_S <= a.paused_s <= 1.0 + 1.25 * PAUSE_S
    spread.pushed_back(a, send(spread, a, 3.0), 3.0, "HTTP 429", None)
    assert a.paused_s >= 3.0 + 1.5 * PAUSE_S, "a second one in a row is twice as long"


def test_gone_is_when_all_are_silent_for_long_and_none_is_at_work() -> None:
    spread, (a, b) = spread_of(4, 4, give_up_s=60.0)
    fault(spread, a, 0.0, refused=True)
    fault(spread, b, 30.0, refused=True)
    assert not spread.gone(89.0)
    assert spread.gone(90.0)
    number = send(spread, b, 85.0)
    assert spread.gone(90.0)
    assert not spread.gone(85.0 + WORKING_S), "a request that old is being worked on"
    spread.replied(b, number, 100.0, 1)
    assert not spread.gone(1000.0)


@pytest.mark.parametrize("late", [True, False])
def test_a_late_reply_is_a_push_back_for_the_limiter_and_a_lost_one_is_not(late: bool) -> None:
    spread, (a,) = spread_of(100)
    fault(spread, a, 0.0, late=late)
    assert (a.limiter.limit < 100) == late
    assert a.limiter.in_flight == 0
    assert a.sent == {}
