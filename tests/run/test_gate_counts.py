"""The alarm of a reason that fails too many attempts, and the table of them all."""

import pytest

from datagen.errors import DataError
from datagen.records.build import GateCount
from datagen.records.enums import Split, Stage
from datagen.records.maker import Reject
from datagen.run.gate_counts import GateCounts, gate_table
from datagen.run.job import Outcome
from datagen.run.tally import EARLY_SIGMAS, Tally
from datagen.stages.plan.shards import Shard


def counts(n: int, failed: int) -> GateCounts:
    found = GateCounts(0.5)
    found.add(n, {"long_turn": failed, "leak_think": 1}, {"long_turn": "bank-000001 turn 3: 71 words."})
    return found


def written(attempts: int, gates: dict[str, int], rejects: tuple[Reject, ...] = ()) -> Outcome:
    n = attempts - sum(gates.values()) + len(rejects)
    examples = {reason: f"an example of {reason}." for reason in gates}
    return Outcome(
        "write",
        Shard(Split.TRAIN, 0, tuple(range(n))),
        "",
        n,
        n - len(rejects),
        rejects,
        0.0,
        True,
        attempts,
        gates,
        examples,
    )


def test_the_limit_holds_from_twenty_attempts_on() -> None:
    counts(19, 18).check()
    counts(20, 10).check()
    with pytest.raises(
        DataError, match=r"11 of 20 attempts failed for long_turn \(55%, limit 50%\), e\.g\. bank-000001 turn 3"
    ):
        counts(20, 11).check()


def test_under_way_it_is_patient() -> None:
    counts(20, 18).check(EARLY_SIGMAS)
    with pytest.raises(DataError, match="19 of 20"):
        counts(20, 19).check(EARLY_SIGMAS)


def test_a_tally_stops_a_build_whose_attempts_fail_though_its_dialogues_are_kept() -> None:
    tally = Tally(0.2, 0.5)
    for _ in range(3):
        tally.take([written(40, {"not_json": 25})])
    with pytest.raises(DataError, match=r"75 of 120 attempts failed for not_json .* write\.max_gate_share"):
        tally.check()


def test_the_table_has_near_duplicates_too_the_commonest_first() -> None:
    lost = Reject("bank-000001", Stage.WRITE, "long_turn", "long.", 3)
    twin = Reject("bank-000007", Stage.WRITE, "near_duplicate", "alike.")
    spoken = Reject("bank-000008", Stage.SPEAK, "too_long", "long.")
    outcomes = [written(30, {"long_turn": 3}, (lost,)), written(10, {"leak_think": 1, "long_turn": 2})]
    assert gate_table(outcomes, [lost, twin, spoken]) == (
        40,
        {"long_turn": GateCount(5, 1), "leak_think": GateCount(1, 0), "near_duplicate": GateCount(1, 1)},
    )
    assert next(iter(gate_table(outcomes, [lost, twin, spoken])[1])) == "long_turn"
