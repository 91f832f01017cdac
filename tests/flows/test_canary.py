"""The canary for secrets under Prefect: what its server keeps, logs and shows of a build whose chat server repeats the key."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import datagen
from tests.flows.served import TINY, Served
from tests.security.parrot import KEY, VARIABLE, Parrot, build, holding, parrot, sets

pytestmark = pytest.mark.full


def test_the_key_is_in_nothing_that_prefect_keeps(tmp_path: Path, served: Served) -> None:
    n_before, env = Parrot.n_keyed, {**served.environment, VARIABLE: KEY, "PREFECT_LOGGING_LEVEL": "DEBUG"}
    with parrot() as url:
        ran = datagen(*build(tmp_path / "out", "prefect", url), env=env)
    assert ran.code == 3, "no reply is a dialogue"
    assert Parrot.n_keyed > n_before + 3, "the server has had the key"
    assert any(r["parameters"].get("out") == str(tmp_path / "out") for r in served.all("flow_runs"))
    assert KEY not in ran.out + ran.err
    nowhere(served, tmp_path)


def test_a_key_from_a_block_of_prefects_reaches_the_build_and_nothing_else(tmp_path: Path, deployed: Served) -> None:
    save = f"from prefect.blocks.system import Secret; Secret(value={KEY!r}).save('canary')"
    subprocess.run([sys.executable, "-c", save], env=deployed.environment, check=True)
    template = deployed.ask("GET", "work_pools/datagen-process")["base_job_template"]
    variables = template["variables"]["properties"]["env"]["default"]
    variables[VARIABLE] = "{{ prefect.blocks.secret.canary }}"
    deployed.ask("PATCH", "work_pools/datagen-process", {"base_job_template": template})
    n_before, out = Parrot.n_keyed, str(tmp_path / "out")
    with parrot() as url, deployed.worker():
        settings = [*TINY["settings"], *sets(url)[1::2]]
        run = deployed.run("datagen/nightly", **{**TINY, "out": out, "settings": settings})
        assert deployed.ended(run)["type"] == "FAILED", "no reply is a dialogue"
    assert Parrot.n_keyed > n_before + 3, "the server has had the key"
    nowhere(deployed, tmp_path)


def nowhere(served: Served, out: Path) -> None:
    """Expects the key in nothing that the server tells, and in no file of its home or of the build's."""
    kept = [served.all(what) for what in ("flow_runs", "task_runs", "artifacts", "logs")]
    assert kept[-1], "the run has logged"
    assert KEY not in json.dumps([*kept, served.ask("POST", "events/filter", {})["events"]])
    assert holding(out, KEY.encode()) == []
    assert holding(served.home, KEY.encode()) == [], "its database, its logs, its results"
