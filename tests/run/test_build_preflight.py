"""Preflight: all that stands against a build in lines of its own, and nothing started for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import remote

from datagen.errors import EngineError
from datagen.run.preflight import check_writer, requests
from tests.conftest import hears_interrupts, inside

pytestmark = pytest.mark.usefixtures("scripted")
DOWN = "http://gpu1:8000/v1: no server answers. Start it."
SMALL_WINDOW = "http://gpu2:8000/v1: a context of 512 tokens, the longest prompt needs about 2100."


def flags(folder: Path, *more: str) -> list[str]:
    sets = [part for s in remote.sets(folder / "log", *more) for part in ("--set", s)]
    return ["build", "--domains", "bank", "--dialogs", "12", "--seed", "5", "--out", str(folder / "out"), *sets]


def test_a_dry_run_lists_every_obstacle_and_makes_nothing(tmp_path: Path) -> None:
    ran = inside(*flags(tmp_path, f"writer.obstacles=['{DOWN}', '{SMALL_WINDOW}']"), "--dry-run")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [f"datagen: {DOWN}", f"datagen: {SMALL_WINDOW}"]
    assert not (tmp_path / "out").exists()
    (call,) = remote.calls(tmp_path, "preflight")
    assert len(call["scenarios"]) == len(set(call["scenarios"])) >= 5
    assert not remote.calls(tmp_path)


def test_a_build_stops_at_the_first_before_a_word_is_written(tmp_path: Path) -> None:
    ran = inside(*flags(tmp_path, f"writer.obstacles=['{DOWN}', '{SMALL_WINDOW}']"), "--quiet", "--runner", "local")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert f"{DOWN} And 1 more: datagen build --dry-run lists them." in ran.err
    assert not remote.calls(tmp_path)


def test_nothing_is_looked_at_where_all_is_written(tmp_path: Path) -> None:
    remote.write(remote.prepared(tmp_path))
    check_writer(remote.prepared(tmp_path, f"writer.obstacles=['{DOWN}']"))
    assert not remote.calls(tmp_path, "preflight")
    with pytest.raises(EngineError, match="gpu1"):
        check_writer(remote.prepared(tmp_path, f"writer.obstacles=['{DOWN}']", dialogs=13))


def test_requests_are_one_a_scenario_with_its_longest_plan(tmp_path: Path) -> None:
    run = remote.prepared(tmp_path, dialogs=300)
    found = requests(run.build, 300)
    plans = [run.build.planner.plan(i) for i in range(300)]
    assert {r.plan.scenario for r in found} == {p.scenario for p in plans}
    assert len(found) == len({r.plan.scenario for r in found})
    for request in found:
        same = [str(p.instance) for p in plans if p.scenario == request.plan.scenario]
        assert len(str(request.plan.instance)) >= max(map(len, same)) - 20


def test_faults_of_several_parts_are_listed_together(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "circle").mkdir(parents=True)
    (folder / "circle" / "domain.toml").write_text("")
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "r"\n[[mix]]\ndomains = ["circle", "nowhere"]\n')
    ran = inside(
        "build", "--recipe", recipe, "--dry-run", "--set", f"domain_folders=['{folder}']", "--set", "write.min_trns=3",
        "--set", "codec.engine=nimi", "--out", tmp_path / "out",
    )  # fmt: skip
    lines = ran.err.splitlines()
    assert ran.code == 1
    assert len(lines) == 4
    for part in ("min_trns", "nimi", "circle/domain.toml", "'nowhere'"):
        assert sum(part in line for line in lines) == 1


def test_tools_need_domains_that_have_them(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "r"\n[[mix]]\nkind = "tool"\ndomains = ["casual", "qa"]\n')
    ran = inside("build", "--recipe", recipe, "--dry-run", "--out", tmp_path / "out")
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 2


def test_thresholds_without_a_judge_are_refused(tmp_path: Path) -> None:
    ran = inside(*flags(tmp_path, "write.judge.min_scores={natural = 3.0}"), "--dry-run")
    assert (ran.code, "nobody scores" in ran.err) == (1, True)


def test_wrong_urls_are_the_user_s_and_say_whose(tmp_path: Path) -> None:
    sets = [
        part
        for who in ("writer", "judge")
        for part in ("--set", f"{who}.engine=openai", "--set", f"{who}.urls=['http://.:80']")
    ]
    ran = inside("build", "--domains", "bank", "--dialogs", "2", *sets, "--dry-run", "--out", tmp_path / "out")
    assert (ran.code, ran.out) == (1, "")
    assert [line.split(":")[1] for line in ran.err.splitlines()] == [" writer", " judge"]


def test_thresholds_that_no_judge_gives_are_refused(tmp_path: Path) -> None:
    ran = inside(*flags(tmp_path, "write.judge.min_scores={natural = 9}"), "--dry-run")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "write.judge.min_scores.natural: " in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_of_a_build_that_waits_for_servers_is_at_once(tmp_path: Path, number: signal.Signals) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(remote.SCRIPTED), str(Path.cwd())])}
    command = [sys.executable, "-m", "datagen", *flags(tmp_path, "writer.delay_s=60"), "--runner", "local", "--quiet"]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, preexec_fn=hears_interrupts)
    ends = time.monotonic() + 60
    while len(remote.calls(tmp_path)) < 4 and time.monotonic() < ends:
        time.sleep(0.05)
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 8
    assert process.returncode == 130
    assert err.count("\n") == 1
    assert len(remote.calls(tmp_path, "close")) == 1
