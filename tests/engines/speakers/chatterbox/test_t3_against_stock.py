"""Our batched T3 says what stock's loops say, token by token, in batches of any size. Needs Chatterbox's environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from datagen.engines.own_env import environments

pytestmark = pytest.mark.timeout(1800)
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[3]
SIZES = pytest.mark.parametrize(
    "seen", [
        pytest.param((kind, size), marks=mark, id=f"{kind}-{size}")
        for size, mark in (("light", pytest.mark.stock), ("whole", pytest.mark.full))
        for kind in ("original", "turbo")
    ],
    indirect=True, scope="module",
)  # fmt: skip
WHOLE = pytest.mark.parametrize(
    "seen", [pytest.param((kind, "whole"), marks=pytest.mark.full, id=kind) for kind in ("original", "turbo")],
    indirect=True, scope="module",
)  # fmt: skip


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> Any:
    found = environments.find("chatterbox")
    if found is None:
        pytest.skip(environments.missing("chatterbox"))
    ran = subprocess.run(
        [found.python, "-W", "ignore", HERE / "t3_against_stock.py", REPOSITORY, *request.param],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


@SIZES
def test_logits_over_given_tokens_are_stocks(seen: Any) -> None:
    told = seen["logits"]
    assert told["spread"] > 1  # the weights are not idle
    assert told["apart"] < 1e-4
    if "without_cfg" in seen:  # the conditional ones; stock itself cannot run so
        assert seen["without_cfg"]["apart"] < 1e-4


@SIZES
def test_greedy_tokens_are_stocks_over_200_steps_and_mixed_lengths(seen: Any) -> None:
    told = seen["greedy"]
    assert told["longest"] == 200
    assert told["different"] == told["rows"]
    assert {told[name] for name in told if name.startswith("equal_")} == {told["rows"]}
    assert {"equal_1", "equal_32"} <= told.keys()


@WHOLE
def test_sampled_tokens_are_stocks_for_the_same_noise(seen: Any) -> None:
    told = seen["sampled"]
    assert 3 < told["stopped"] < told["rows"]  # both ends are seen
    assert told["different"] > 0.8 * told["rows"]
    assert [told[f"equal_{places}"] for places in (1, 3, 8, 32)] == [told["rows"]] * 4


@WHOLE
def test_bfloat16_stays_near(seen: Any) -> None:
    told = seen["bfloat16"]
    assert 0 < told["apart"] < 0.15 * told["spread"]
    assert told["same_best"] > 0.97
