"""The order of dialogues: every one once, whoever takes them, and the same whoever does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import UserError
from datagen.load.order import Order, Share, Uneven

SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=40)  # up to ten lanes
LITTLE = settings(max_examples=60, deadline=None)


@LITTLE
@given(SIZES, st.one_of(st.none(), st.integers(0, 9)), st.integers(1, 9), st.integers(1, 20), st.integers(0, 3))
def test_an_epoch_has_every_row_once(
    sizes: list[int], seed: int | None, batch_size: int, lanes: int, epoch: int
) -> None:
    order = Order(tuple(sizes), seed, batch_size, lanes)
    assert sorted(order.indices(epoch)) == list(range(sum(sizes)))


@LITTLE
@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 7), st.integers(1, 4), st.data())
def test_ranks_and_workers_take_every_row_once(
    n: int, batch_size: int, world_size: int, workers: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, n // batch_size))
    taken = []
    for rank in range(world_size):
        share = Share(n, batch_size, rank, world_size, start=start)
        numbers = sorted(k for w in range(workers) for k in of_worker(len(share), batch_size, w, workers))
        assert numbers == list(range(len(share)))
        taken += [share.place(k)[1] for k in numbers]
    assert sorted(taken) == list(range(start * batch_size, n))


def of_worker(n: int, batch_size: int, worker: int, workers: int) -> list[int]:
    """What a worker of `IterableDialogs` takes, said in another way: the batches whose number leaves `worker`."""
    return [k for k in range(n) if k // batch_size % workers == worker]


@LITTLE
@given(st.integers(30, 200), st.integers(1, 6), st.integers(1, 6), st.integers(0, 12), st.sampled_from(["drop", "pad"]))
def test_resumed_by_other_ranks_they_have_the_same_count_too(
    n: int, batch_size: int, world_size: int, start: int, uneven: Uneven
) -> None:
    """Or a distributed training would wait for a rank that has ended."""
    if n < batch_size * world_size:
        return
    shares = [Share(n, batch_size, r, world_size, uneven, start=start) for r in range(world_size)]
    assert len({len(s) for s in shares}) == 1
    assert len(shares[0]) % batch_size == 0
    left = set(range(min(start * batch_size, n), n))
    found = [s.place(k)[1] for s in shares for k in range(len(s))]
    if uneven == "pad":
        assert set(found) >= left
    else:
        assert len(left - set(found)) < batch_size * world_size
        assert len(found) == len(set(found))


@LITTLE
@given(st.integers(1, 200), st.integers(1, 6), st.integers(1, 6))
def test_dropped_or_padded_ranks_have_the_same_count_and_whole_batches(
    n: int, batch_size: int, world_size: int
) -> None:
    around = batch_size * world_size
    padded = [Share(n, batch_size, r, world_size, "pad") for r in range(world_size)]
    assert {len(s) for s in padded} == {-(-n // around) * batch_size}
    assert {s.place(k)[1] for s in padded for k in range(len(s))} == set(range(n))
    if n >= around:
        dropped = [Share(n, batch_size, r, world_size, "drop") for r in range(world_size)]
        assert {len(s) for s in dropped} == {n // around * batch_size}
        found = [s.place(k)[1] for s in dropped for k in range(len(s))]
        assert sorted(found) == list(range(n // around * around))


@LITTLE
@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 4))
def test_endless_goes_through_whole_epochs_without_a_seam(n: int, batch_size: int, world_size: int) -> None:
    shares = [Share(n, batch_size, r, world_size, endless=True) for r in range(world_size)]
    rounds = -(-3 * n // (batch_size * world_size))
    found = sorted(s.place(k) for s in shares for k in range(rounds * batch_size))
    assert found[: 3 * n] == [(e, p) for e in range(3) for p in range(n)]


def test_the_order_is_of_seed_and_epoch() -> None:
    order = Order((64,) * 9, 3)
    same = Order((64,) * 9, 3)
    assert same.indices(1).tolist() == order.indices(1).tolist()
    assert order.indices(0).tolist() != order.indices(1).tolist()
    assert Order((64,) * 9, 4).indices(0).tolist() != order.indices(0).tolist()
    assert Order((64,) * 9, None).indices(5).tolist() == list(range(576))


def test_a_batch_is_of_several_row_groups_and_the_next_of_others() -> None:
    order = Order((64,) * 128, 1, batch_size=16)
    groups = order.indices(0) // 64
    assert np.mean([len(set(groups[b : b + 16])) for b in range(0, len(groups), 16)]) > 3
    assert len(set(groups[: 16 * 16])) > 40  # 16 lanes of windows of 4


def test_neighbours_come_far_apart() -> None:
    order = Order((64,) * 128, 1)
    at = np.empty(order.n, np.int64)
    at[order.indices(0)] = np.arange(order.n)
    assert np.median(np.abs(np.diff(at))) > 500


def test_a_worker_reads_each_row_group_once_where_lanes_divide() -> None:
    sizes = (64,) * 64
    order = Order(sizes, 0, batch_size=4, lanes=8)
    share = Share(order.n, 4, rank=1, world_size=2)
    for worker in range(4):  # 2 ranks x 4 workers: a lane each
        numbers = [k for k in range(len(share)) if k // 4 % 4 == worker]
        groups = [order.index(0, share.place(k)[1]) // 64 for k in numbers]
        assert len(set(groups)) <= 64 // 8 + 8  # a lane's eighth, and the windows that it shares with its neighbours
        assert reads(groups, order.chunks_at_once(8)) == len(set(groups))


def reads(groups: list[int], kept: int) -> int:
    """How often row groups are read where the last `kept` stay at hand."""
    at_hand: dict[int, None] = {}
    n = 0
    for group in groups:
        n += group not in at_hand
        at_hand.pop(group, None)
        at_hand[group] = None
        if len(at_hand) > kept:
            del at_hand[next(iter(at_hand))]
    return n


@pytest.mark.parametrize("batch_size", [1, 8])
def test_one_taker_reads_each_row_group_once_but_for_those_in_two_lanes(batch_size: int) -> None:
    order = Order((64,) * 200, 0, batch_size)
    groups = (order.indices(0) // 64).tolist()
    assert 200 <= reads(groups, order.chunks_at_once()) <= 200 + 15 * 4  # 16 lanes meet within windows of 4
    assert order.chunks_at_once() == 72


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Order((3,), 0, 0), "batch_size=0, and it is at least 1"),
        (lambda: Order((3,), 0, lanes=0), "lanes=0, and it is at least 1"),
        (lambda: Share(9, rank=2, world_size=2), "ranks are 0 to 1"),
        (lambda: Share(9, world_size=0), "world_size=0"),
        (lambda: Share(9, uneven="some"), "one of keep, drop, pad"),
        (lambda: Share(9, 5, world_size=2, uneven="drop"), "leaves nothing of 9 dialogues"),
    ],
)
def test_what_cannot_be_met_is_one_line(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make()  # type: ignore[operator]
    assert "\n" not in str(caught.value)
