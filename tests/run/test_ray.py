"""Builds over real Ray nodes on this machine: the same bytes as without, whoever dies. `pip install ray`, then -m full."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from datagen import recipes
from datagen.errors import EngineError
from datagen.run.job import GROUPS
from datagen.run.request import prepare
from tests.clusters import actors, ray_cluster
from tests.conftest import SMALL, datagen, tree
from tests.run.remote import SCRIPTED, calls

pytest.importorskip("ray")
pytestmark = pytest.mark.full

ON_RAY = (*SMALL[:-1], "ray")
WAIT_S = 240.0


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster without nodes."""
    with ray_cluster() as made:
        yield made


def started(cluster: Any, out: Path, *more: str, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    environ = {**os.environ, **(env or {}), "RAY_ADDRESS": cluster.address}
    return subprocess.Popen(
        [sys.executable, "-m", "datagen", *ON_RAY, *more, "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ,
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """What the build said on stderr."""
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == code, err
    return err


def until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Waits until it is so, while the build runs."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)


def same(out: Path, built: Path) -> None:
    assert tree(out) == tree(built)
    assert not list(out.rglob(".tmp-*"))


def begun(out: Path, group: str) -> bool:
    return any((out / ".work" / group).glob(".tmp-*"))


def test_two_nodes_one_killed_in_the_middle_give_the_bytes_of_one_machine(
    cluster: Any, built: Path, tmp_path: Path
) -> None:
    cluster.add_node(num_cpus=1)
    second = cluster.add_node(num_cpus=1)
    out = tmp_path / "out"
    process = started(cluster, out)
    until(lambda: len(list((out / ".work" / "speech").glob(".tmp-*"))) == 2, process)  # both are at it
    cluster.remove_node(second, allow_graceful=False)
    assert "an actor died on node" in ended(process)
    same(out, built)


def test_each_group_runs_where_its_resource_is_and_a_new_node_takes_over_from_a_dead_one(
    cluster: Any, built: Path, tmp_path: Path
) -> None:
    cluster.add_node(num_cpus=2, resources={"llm": 1, "codec": 1})
    speaks = cluster.add_node(num_cpus=1, resources={"speech": 1})
    placed = [f"run.ray.{g}.resource={r}" for g, r in (("write", "llm"), ("speech", "speech"), ("render", "codec"))]
    out = tmp_path / "out"
    process = started(cluster, out, *(a for p in placed for a in ("--set", p)))
    until(lambda: begun(out, "speech"), process)
    cluster.remove_node(speaks, allow_graceful=False)
    until(lambda: len(list((out / ".work" / "write").glob("*/done.json"))) >= 3, process)  # writing goes on
    cluster.add_node(num_cpus=1, resources={"speech": 1})
    ended(process)
    same(out, built)


def test_an_actor_that_dies_is_replaced(cluster: Any, built: Path, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    out = tmp_path / "out"
    process = started(cluster, out)
    for group in ("write", "speech", "render"):
        until(lambda group=group: begun(out, group), process)  # type: ignore[misc]
        for pid in actors():
            os.kill(pid, signal.SIGKILL)
    assert ended(process).count("an actor died on node") >= 3
    same(out, built)


def test_actors_that_die_again_and_again_stop_the_build_with_a_line(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    out = tmp_path / "out"
    process = started(cluster, out, "--set", "run.ray.deaths=2")
    for _ in range(2):
        until(lambda: bool(actors("ray::Worker.group")), process)
        (pid,) = actors("ray::Worker.group")
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: pid not in actors(), process)  # type: ignore[misc]
    assert "2 actors died under it (run.ray.deaths)" in ended(process, 2)


def test_a_remote_writer_is_driven_from_one_actor_and_goes_on_in_another(cluster: Any, tmp_path: Path) -> None:
    """What was decided before its death is not asked for again, and the bytes are those of one machine."""
    env = {"PYTHONPATH": os.pathsep.join([str(SCRIPTED), *sys.path])}
    cluster.add_node(num_cpus=2, env_vars=env)
    log = tmp_path / "log"
    scripted = ("--set", "writer.engine=scripted", "--set", f"writer.log={log}", "--set", "writer.delay_s=1")
    out, here = tmp_path / "out", tmp_path / "here"
    process = started(cluster, out, *scripted, env=env)
    until(lambda: any(p.stat().st_size for p in (out / ".work" / "write").glob("*.partial")), process)
    writers = {call["pid"] for call in calls(tmp_path)}
    assert len(writers) == 1
    os.kill(min(writers), signal.SIGKILL)
    assert "write: an actor died on node" in ended(process)
    asked = calls(tmp_path)
    assert len({call["pid"] for call in asked}) == 2
    assert process.pid not in {call["pid"] for call in asked}
    assert len(asked) < 2 * len({call["id"] for call in asked})
    log.unlink()
    ran = datagen(*SMALL, *scripted, "--out", here, env={**os.environ, **env})
    assert ran.code == 0, ran.err
    same(out, here)


HANGS_ONCE = """
import time
from pathlib import Path
from datagen.run import speech

run, flag = speech.run, Path({flag!r})

def hangs_once(*arguments):
    if not flag.exists():
        flag.touch()
        time.sleep(9999)
    return run(*arguments)

speech.run = hangs_once
"""


def test_an_actor_that_hangs_is_replaced(cluster: Any, built: Path, tmp_path: Path) -> None:
    flag, out = tmp_path / "hung", tmp_path / "out"
    (tmp_path / "sitecustomize.py").write_text(HANGS_ONCE.format(flag=str(flag)))
    cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])})
    err = ended(started(cluster, out, "--set", "run.stall_s=60"))
    assert flag.exists()
    assert err.count("nothing was heard of it for 60 s (run.stall_s)") == 1
    same(out, built)


def test_interrupted_it_ends_at_once_with_130_and_goes_on_later(cluster: Any, built: Path, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=2)
    out = tmp_path / "out"
    process = started(cluster, out)
    until(lambda: begun(out, "speech"), process)
    process.send_signal(signal.SIGTERM)
    assert "datagen: interrupted. What is done is kept" in ended(process, 130)
    until_gone()
    ended(started(cluster, out))
    same(out, built)


def test_a_killed_build_leaves_no_actors(cluster: Any, built: Path, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=2)
    out = tmp_path / "out"
    process = started(cluster, out)
    until(lambda: begun(out, "write"), process)
    process.kill()
    process.communicate()
    until_gone()
    ended(started(cluster, out))
    same(out, built)


def until_gone() -> None:
    end = time.monotonic() + 30
    while actors():
        assert time.monotonic() < end, actors()
        time.sleep(0.1)


def test_no_cluster_and_none_of_a_resource_are_a_line_each(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    err = ended(started(cluster, tmp_path / "out", "--set", "run.ray.speech.resource=speech"), 1)
    assert err.startswith("datagen: run.ray.speech.resource: none of the cluster's 1 node offers 'speech'.")
    ran = datagen(*ON_RAY, "--set", "run.ray.address=127.0.0.1:1", "--out", tmp_path / "no")
    assert ran.code == 1
    assert ran.err.startswith("datagen: run.ray.address: no Ray cluster answers at 127.0.0.1:1")
    assert not list(tmp_path.rglob(".tmp-*"))


def test_who_asks_a_pool_that_has_failed_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that it is closed: under Prefect the groups are handed over one by one, and come after it."""
    from datagen.run.ray.pool import RayPool
    from datagen.run.ray.staff import Staff

    def fails(*_: object, **__: object) -> None:
        raise EngineError("node a: a worker cannot start there")

    monkeypatch.setattr(Staff, "scan", fails)
    recipe = recipes.compose(dialogs=4, sets=["run.spread=ray", "run.ray.address=local"])
    run = prepare(recipe, tmp_path / "out")
    with RayPool(run, 1, lambda _: None) as pool:
        pool._thread.join(60)
        for group in GROUPS:
            with pytest.raises(EngineError, match="a worker cannot start there"):
                pool.group(run.jobs[0], group).result(0)
    assert not list(tmp_path.rglob(".tmp-*"))
