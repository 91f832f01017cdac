"""Our batched T3 says what stock's loops say, token by token, in batches of any size. Needs Chatterbox's environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from datagen.engines.own_env import environments

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[3]
KINDS = pytest.mark.parametrize("kind", ["original", "turbo"])


@pytest.fixture(scope="module")
def seen() -> Any:
    found = environments.find("chatterbox")
    if found is None:
        pytest.skip(environments.missing("chatterbox"))
    ran = subprocess.run(
        [found.python, "-W", "ignore", HERE / "t3_against_stock.py", REPOSITORY], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


@KINDS
def test_logits_over_given_tokens_are_stocks(seen: Any, kind: str) -> None:
    told = seen[kind]["logits"]
    assert told["spread"] > 1  # the weights are not idle
    assert told["apart"] < 1e-4


def test_without_cfg_logits_are_the_conditional_ones(seen: Any) -> None:
    assert seen["original"]["without_cfg"]["apart"] < 1e-4  # stock itself cannot run so


@KINDS
def test_greedy_tokens_are_stocks_over_200_steps_and_mixed_lengths(seen: Any, kind: str) -> None:
    told = seen[kind]["greedy"]
    assert told["longest"] == 200
    assert told["different"] == told["rows"]
    assert [told[f"equal_{places}"] for places in (1, 3, 8, 32)] == [told["rows"]] * 4


@KINDS
def test_sampled_tokens_are_stocks_for_the_same_noise(seen: Any, kind: str) -> None:
    told = seen[kind]["sampled"]
    assert 3 < told["stopped"] < told["rows"]  # both ends are seen
    assert told["different"] > 0.8 * told["rows"]
    assert [told[f"equal_{places}"] for places in (1, 3, 8, 32)] == [told["rows"]] * 4


@KINDS
def test_bfloat16_stays_near(seen: Any, kind: str) -> None:
    told = seen[kind]["bfloat16"]
    assert 0 < told["apart"] < 0.15 * told["spread"]
    assert told["same_best"] > 0.97
