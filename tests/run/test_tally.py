"""The alarm: exact at the end, patient before it."""

import pytest

from datagen.errors import DataError
from datagen.records.enums import Split, Stage
from datagen.records.maker import Reject
from datagen.run.job import Outcome
from datagen.run.tally import Tally
from datagen.stages.plan.shards import Shard


def shard(number: int, rejected: int, n: int = 64) -> Outcome:
    rejects = tuple(
        Reject(f"bank-{i:06d}", Stage.SPEAK, "too_long", f"bank-{i:06d}: long.", 3) for i in range(rejected)
    )
    return Outcome("speech", Shard(Split.TRAIN, number, tuple(range(n))), "", n, n - rejected, rejects, 0.0, True)


def test_one_unlucky_shard_does_not_stop_a_build_whose_rate_is_within_the_limit() -> None:
    tally = Tally(0.2)
    tally.take([shard(0, 18)])  # 28 % of the first shard, 11 % in the end
    for number in range(1, 5):
        tally.take([shard(number, 4)])
    tally.check()


def test_a_rate_above_the_limit_stops_it_at_the_end() -> None:
    tally = Tally(0.2)
    for number in range(3):
        tally.take([shard(number, 14)])
    with pytest.raises(DataError, match=r"speak: 42 of 192 .*\(22%, limit 20%\); 42 for too_long"):
        tally.check()


def test_a_rate_far_above_the_limit_stops_it_at_once() -> None:
    with pytest.raises(DataError, match="64 of 64"):
        Tally(0.2).take([shard(0, 64)])


def test_where_nothing_may_be_rejected_a_few_stop_it() -> None:
    with pytest.raises(DataError, match="5 of 64"):
        Tally(0.0).take([shard(0, 5)])
