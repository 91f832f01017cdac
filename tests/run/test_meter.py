"""The meter's seconds: a block inside another counts for its own stage alone."""

import time

import pytest

from datagen.records.enums import Stage
from datagen.run.meter import Meter, Progress


def test_a_block_inside_another_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 2.0, 4.0, 7.0, 10.0, 12.0, 20.0])
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    seen: list[Progress] = []
    meter = Meter(seen.append)
    with meter.time(Stage.STITCH):  # 0 to 10
        with meter.time(Stage.SPEAK, "engine"):  # 1 to 2
            pass
        with meter.time(Stage.ALIGN):  # 4 to 7
            pass
    with meter.time(Stage.STITCH):  # 12 to 20
        pass
    meter.count(Stage.STITCH, done=1)
    assert seen[0].seconds == {"speak engine": 1.0, "align": 3.0, "stitch": 6.0 + 8.0}
