"""The fault bench: every fault of `python -m tests.faults`, and of the quick ones a few in CI."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults import disks
from tests.faults.bench import Bench
from tests.faults.cases import CASES, RUNNERS, bench, tried


@pytest.fixture(scope="module")
def the(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_survived(the: Bench, name: str) -> None:
    row = tried(name, the, CASES[name][1])
    assert row.outcome.wrong == []


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("runner", "name"), [(r, n) for r, names in RUNNERS.items() for n in names])
def test_a_fault_is_survived_under_another_runner(tmp_path: Path, runner: str, name: str) -> None:
    with bench(tmp_path, runner) as the:
        assert tried(name, the, RUNNERS[runner][name]).outcome.wrong == []


@pytest.mark.slow
def test_a_disk_that_is_full_from_a_write_on_is_survived(the: Bench) -> None:
    row = tried("full-disk", the, partial(disks.full_at_every_write, times=2))
    assert row.outcome.wrong == []
