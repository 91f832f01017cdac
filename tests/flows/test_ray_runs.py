"""Prefect schedules, Ray spreads: a deployment's run whose shards actors of a cluster carry out. `pip install ray`, then -m full."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clusters import actors, ray_cluster
from tests.conftest import tree
from tests.flows.served import TINY, Served, wait_for

pytest.importorskip("ray")
pytestmark = pytest.mark.full


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster with a head."""
    with ray_cluster() as made:
        made.add_node(num_cpus=1)
        yield made


def order(cluster: Any, out: Path) -> dict[str, Any]:
    """The parameters of the tiny build, over the cluster."""
    spread = ["run.spread=ray", f"run.ray.address={cluster.address}"]
    return {**TINY, "out": str(out), "settings": [*TINY["settings"], *spread]}


def speaking(out: Path) -> bool:
    return bool(list((out / ".work" / "speech").glob(".tmp-*")))


def test_a_node_that_dies_under_a_deployments_run_costs_no_byte(
    working: Served, cluster: Any, tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    second = cluster.add_node(num_cpus=1)
    out = tmp_path / "out"
    run = working.run("datagen/nightly", **order(cluster, out))
    wait_for(lambda: speaking(out), 300, "speech")
    cluster.remove_node(second, allow_graceful=False)
    assert working.ended(run)["type"] == "COMPLETED"
    assert tree(out) == tiny
    wait_for(lambda: not actors(), 30, "the end of its actors")


def test_a_cancelled_run_ends_its_actors_and_is_resumed_on_one_machine(
    working: Served, cluster: Any, tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    run = working.run("datagen/nightly", **order(cluster, out))
    wait_for(lambda: speaking(out), 300, "speech")
    working.ask("POST", f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert working.ended(run)["type"] == "CANCELLED"
    wait_for(lambda: not actors(), 30, "the end of its actors")
    assert not (out / "build.json").exists()
    assert not list(out.rglob(".tmp-*"))
    again = working.run("datagen/nightly", **{**TINY, "out": str(out)})
    assert working.ended(again)["type"] == "COMPLETED"
    assert tree(out) == tiny
