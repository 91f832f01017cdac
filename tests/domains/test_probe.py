"""Probes: each role's seven, in order, in the split that is asked for, and nothing of them drawn."""

from pathlib import Path

import pytest

from datagen import recipes
from datagen.build import resolve
from datagen.domains import load
from datagen.domains.probe import TYPES, ProbeDomain
from datagen.errors import UserError
from datagen.protocols import WriteRequest
from datagen.records.enums import Speaker, Split
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions

NAME = "service_duplex_bench"


def test_a_plan_of_all_has_each_probe_once_with_unseen_voices() -> None:
    build = resolve(recipes.compose("service-duplex-bench"))
    n = build.n_dialogs()
    plans = [build.planner.plan(i) for i in range(n)]
    assert [p.scenario for p in plans] == [s.name for s in load(NAME).scenarios]
    assert {p.split for p in plans} == {Split.TEST}
    trained = resolve(recipes.compose("quickstart", sets=["plan.max_voices=0"])).voices
    assert {trained[v].split for p in plans for v in (p.agent_voice, p.user_voice)} == {Split.TEST}


def test_every_probe_passes_the_gates_and_the_caller_speaks_first() -> None:
    build = resolve(recipes.compose("service-duplex-bench"))
    for i in range(build.n_dialogs()):
        plan = build.planner.plan(i)
        (written,) = build.engine("writer").write([WriteRequest(plan, plan.seed)])
        assert isinstance(written, Transcript)
        assert [t.speaker for t in written.turns] == [Speaker.USER, Speaker.AGENT]
        assert unit.check(written, plan, WriteOptions()) is None


def test_roles_are_checked(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "roles").mkdir(parents=True)
    (folder / "domain.toml").write_text('kind = "probe"\ntitle = "Mine"\n')
    with pytest.raises(UserError, match="there is no role"):
        ProbeDomain.load(folder)
    role = 'company = "A Shop"\nbusiness = "shop"\nagent = "Ann Lee"\nfacts = ["It is open.", "It is small.", "It is old."]\n[probes]\n'
    probe = '{ user = "Are you open today?", reference = "Yes, we are open." }\n'
    (folder / "roles" / "one.toml").write_text(role + f"Q0 = {probe}")
    with pytest.raises(UserError, match=r"mine/roles/one.toml probes: Q0; Q0, Q1"):
        ProbeDomain.load(folder)
    whole = role + "".join(f"{q} = {probe}" for q in TYPES)
    for name in ("one", "two"):
        (folder / "roles" / f"{name}.toml").write_text(whole)
    found = [p.what for p in ProbeDomain.load(folder).check()]
    assert "'A Shop' is one's too." in found
    assert any("says the same" in what for what in found)
    assert load(NAME).check() == []
