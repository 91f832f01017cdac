"""A canary for secrets: a key in the environment, a server that repeats it wherever it can, and every byte that a build leaves."""

import os
from pathlib import Path

import pytest

from datagen import recipes
from datagen.errors import UserError
from datagen.run.prefect_child import run_flow
from datagen.run.request import prepare
from tests.conftest import datagen, inside
from tests.security.parrot import KEY, VARIABLE, Parrot, build, holding, parrot


@pytest.mark.slow
def test_the_key_is_in_nothing_that_a_build_leaves(tmp_path: Path) -> None:
    with parrot() as url:
        ran = datagen(*build(tmp_path / "out", "local", url), env={**os.environ, VARIABLE: KEY})
    assert ran.code == 3, "no reply is a dialogue"
    assert Parrot.n_keyed > 3, "the server has had the key"
    kept = [p for p in (tmp_path / "out").rglob("*.jsonl") if "replies" in str(p)]
    assert any(b"Bearer ***" in p.read_bytes() for p in kept), "replies were kept, without the key"
    assert holding(tmp_path, KEY.encode()) == []
    assert KEY not in ran.out + ran.err


@pytest.mark.slow
def test_a_key_in_the_wrong_place_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a person takes api_key_env for the key itself, or gives a recipe a key."""
    monkeypatch.setenv(VARIABLE, KEY)
    for pair in (
        f"writer.api_key_env={KEY}",
        f'writer.urls=["ftp://me:{KEY}@host"]',
        f'writer.urls=["http://me:{KEY}@h/?a=b"]',
    ):
        ran = inside("build", "--dry-run", "--domains", "bank", "--dialogs", "1", "--set", "writer.engine=openai",
                     "--set", "writer.model=m", "--set", pair, "--out", tmp_path / "out")  # fmt: skip
        assert ran.code == 1, pair
        assert KEY not in ran.out + ran.err, pair


def test_prefect_is_not_given_a_password(tmp_path: Path) -> None:
    """It keeps a flow's parameters, for everyone to see who may see its pages."""
    more = ["writer.engine=openai", "writer.model=m", f'writer.urls=["http://me:{KEY}@host/v1"]', "plan.max_voices=40"]
    run = prepare(recipes.compose("quickstart", domain_names=["bank"], dialogs=1, sets=more), tmp_path / "out")
    with pytest.raises(
        UserError, match="writer.urls: one holds a password, .*name that in writer.api_key_env"
    ) as raised:
        run_flow(run, 1, quiet=True)
    assert KEY not in str(raised.value)
