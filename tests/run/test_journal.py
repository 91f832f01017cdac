"""The journal of half-written shards: whole lines alone, by content, wherever a dialogue has gone."""

from pathlib import Path

import factories

from datagen.protocols import Failure
from datagen.run.decided import Decided
from datagen.run.journal import Journal

KEY = "0123456789abcdef0123"


def decided(index: int) -> Decided:
    if index % 3 == 0:
        return Decided(f"bank-{index:06d}", None, (Failure("not_json", "no JSON."),) * 3)
    plan = factories.plan(index)
    transcript = factories.transcript(plan, factories.timeline(plan.dialog_id))
    return Decided(plan.dialog_id, transcript, (Failure("long_turn", "“long”\nline"),))


def filled(folder: Path, key: str = KEY) -> None:
    journal = Journal(folder, key)
    for index in range(6):
        journal.add("train-00000", index, decided(index))


def test_what_was_decided_comes_back_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path)
    journal = Journal(tmp_path, KEY)
    assert [journal.take("train-00000", i) for i in range(7)] == [*map(decided, range(6)), None]


def test_a_torn_line_costs_its_dialogue_alone_and_what_follows_it_is_whole(tmp_path: Path) -> None:
    filled(tmp_path)
    (path,) = tmp_path.glob("*.partial")
    path.write_bytes(path.read_bytes()[:-30])
    journal = Journal(tmp_path, KEY)
    assert journal.take("train-00000", 5) is None
    journal.add("train-00000", 5, decided(5))
    again = Journal(tmp_path, KEY)
    assert [again.take("train-00000", i) for i in range(6)] == list(map(decided, range(6)))


def test_another_key_takes_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    assert Journal(tmp_path, "f" * 20).take("train-00000", 1) is None


def test_a_dialogue_that_is_in_another_shard_now_moves_there(tmp_path: Path) -> None:
    filled(tmp_path)
    journal = Journal(tmp_path, KEY)
    assert journal.take("train-00001", 4) == decided(4)
    for index in (0, 1, 2):
        journal.take("train-00000", index)
    journal.drop("train-00000")  # made; 3 and 5 are still to be taken by shards that come later
    again = Journal(tmp_path, KEY)
    assert [again.take("train-00001", i) for i in range(6)] == [None] * 3 + [decided(3), decided(4), decided(5)]
    again.drop("train-00000")
    again.drop("train-00001")
    assert not list(tmp_path.glob("*.partial"))
