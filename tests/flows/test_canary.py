"""The canary for secrets under Prefect: what its server keeps, logs and shows of a build whose chat server repeats the key."""

import json
from pathlib import Path

import pytest

from tests.conftest import datagen
from tests.flows.served import Served
from tests.security.parrot import KEY, VARIABLE, Parrot, holding, parrot, sets


@pytest.mark.full
def test_the_key_is_in_nothing_that_prefect_keeps(tmp_path: Path, served: Served) -> None:
    flags = ["build", "--domains", "bank", "--dialogs", "3", "--seed", "5", "--workers", "1", "--out", tmp_path / "out"]
    n_before, env = Parrot.n_keyed, {**served.environment, VARIABLE: KEY, "PREFECT_LOGGING_LEVEL": "DEBUG"}
    with parrot() as url:
        ran = datagen(*flags, "--runner", "prefect", *sets(url), env=env)
    assert ran.code == 3, "no reply is a dialogue"
    assert Parrot.n_keyed > n_before + 3, "the server has had the key"
    run = next(r for r in served.all("flow_runs") if r["parameters"].get("out") == str(tmp_path / "out"))
    kept = [run, *(served.all(what) for what in ("task_runs", "artifacts", "logs"))]
    kept += served.ask("POST", "events/filter", {})["events"]
    assert served.all("logs"), "the run has logged"
    assert KEY not in json.dumps(kept)
    assert KEY not in ran.out + ran.err
    assert holding(tmp_path, KEY.encode()) == []
    assert holding(served.home, KEY.encode()) == [], "its database, its logs, its results"
