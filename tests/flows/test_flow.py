"""The Prefect flow against a real server on loopback: scheduled by its deployment, and by the command; the local runner's bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import datagen, tree
from tests.flows.served import FLAGS, TINY, Served, wait_for

pytestmark = pytest.mark.slow


def completed(served: Served) -> list[dict[str, Any]]:
    """The runs that have ended well. Those that are due while another runs wait: the deployment has one at a time."""
    return [r for r in served.all("flow_runs") if r["state"]["type"] == "COMPLETED"]


@pytest.fixture(scope="module")
def nightly(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a process worker built when the nightly deployment of prefect.yaml was due, with small parameters."""
    out = tmp_path_factory.mktemp("nightly") / "out"
    served.pool("process")
    values = {**TINY, "out": str(out), "limits": {"embedded": True, "codec": 2}}
    parameters = [f"--param={name}={json.dumps(value)}" for name, value in values.items()]
    served.command("deploy", "--name", "nightly", "--interval", "15", *parameters)
    with served.worker():
        wait_for((out / "report" / "index.html").exists, 180, "the scheduled build")
        run = next(r for r in served.all("flow_runs") if r["start_time"])
        assert served.ended(run["id"])["type"] == "COMPLETED"
    return out


def test_a_scheduled_deployment_gives_the_local_runners_bytes(
    nightly: Path, served: Served, tiny: dict[str, bytes]
) -> None:
    assert tree(nightly) == tiny
    assert all(r["deployment_id"] and r["auto_scheduled"] for r in completed(served))


def test_each_group_of_a_shard_is_a_task(nightly: Path, served: Served) -> None:
    names = {str(t["name"]) for t in served.all("task_runs")}
    assert {"train-00000 write", "train-00000 speech", "train-00000 render"} <= names


def test_prefect_shows_progress_stages_rejects_and_the_report(nightly: Path, served: Served) -> None:
    shown = {a["key"].removeprefix("datagen-quickstart-"): a for a in served.all("artifacts")}
    assert set(shown) == {"progress", "stages", "rejects", "report", "build"}
    assert shown["progress"]["data"] == 100
    stages = {row["stage"]: row for row in json.loads(shown["stages"]["data"])}
    assert stages["pack"]["dialogues"] == 4
    assert stages["speak"]["audio h"] > 0
    assert (nightly / "report" / "index.html").as_uri() in shown["report"]["data"]
    assert str(nightly) in shown["build"]["data"]


def test_a_new_version_is_an_event(nightly: Path, served: Served) -> None:
    version = json.loads((nightly / "build.json").read_bytes())["id"]
    wanted = {"filter": {"event": {"name": ["datagen.build.published"]}}}
    found = wait_for(lambda: served.ask("POST", "events/filter", wanted)["events"], 30, "the event")
    assert found[0]["resource"]["prefect.resource.id"] == "datagen.corpus.quickstart"
    assert found[0]["payload"] == {
        "out": str(nightly), "version": version, "kept": 4, "rejected": 0, "hours": found[0]["payload"]["hours"],
    }  # fmt: skip


def test_missing_limits_are_made_and_given_back(nightly: Path, served: Served) -> None:
    found = {c["name"]: (c["limit"], c["active_slots"]) for c in served.all("v2/concurrency_limits")}
    assert {n: found[n] for n in ("llm", "gpu-speech", "codec")} == {
        "llm": (1, 0),
        "gpu-speech": (8, 0),
        "codec": (2, 0),
    }


def test_auto_takes_prefect_where_an_api_is_configured(tmp_path: Path, served: Served, tiny: dict[str, bytes]) -> None:
    before = {r["id"] for r in served.all("flow_runs")}
    ran = datagen(*FLAGS, "--out", tmp_path / "out", "--json", env=served.environment)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["planned"] == 4
    assert tree(tmp_path / "out") == tiny
    new = [r["name"] for r in served.all("flow_runs") if r["id"] not in before]
    assert new.count("quickstart") == 1  # a deployment of another test may run on its schedule meanwhile


def test_the_datas_error_comes_back_through_the_flow(tmp_path: Path, served: Served) -> None:
    sets = ["--set", "speak.max_s_per_word=0.01", "--set", "speak.edge_s=0", "--set", "run.attempts=1", "--quiet"]
    ran = datagen(*FLAGS, *sets, "--runner", "prefect", "--out", tmp_path / "out", env=served.environment)
    assert ran.code == 3
    assert ran.err.strip().splitlines()[-1].startswith("datagen: all 4 dialogues were rejected")
