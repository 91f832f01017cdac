"""Recorded replies through the reader and the gates: each ends as its file says."""

import pytest
from recorded import Recorded, recorded

from datagen.protocols import Failure
from datagen.records.enums import Kind
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions


@pytest.mark.parametrize("reply", recorded(), ids=lambda r: r.name)
def test_a_reply_ends_as_its_file_says(reply: Recorded) -> None:
    found = reply.read()
    by, failure = (
        ("reader", found) if isinstance(found, Failure) else ("gate", unit.check(found, reply.plan, WriteOptions()))
    )
    got = (failure.reason, by) if isinstance(failure, Failure) else ("good", "")
    assert got == (reply.expect, reply.by), failure


def test_there_are_good_and_bad_ones_of_both_model_families() -> None:
    assert {(r.model, r.expect == "good") for r in recorded()} == {
        (m, g) for m in {r.model for r in recorded()} for g in (True, False)
    }
    assert {r.kind for r in recorded()} >= {Kind.SERVICE}
