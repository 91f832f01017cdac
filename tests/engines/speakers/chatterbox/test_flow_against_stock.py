"""Our batched flow and vocoder say what stock says for the same noise, whoever shares the batch. Needs Chatterbox's environment."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from datagen.engines.own_env import environments

pytestmark = pytest.mark.timeout(900)
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[3]
NEAR = 1e-3


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("light", marks=pytest.mark.stock),
        pytest.param("whole", marks=pytest.mark.full),
    ],
)
def seen(request: pytest.FixtureRequest) -> Any:
    """8 rows in CI, 32 else."""
    found = environments.find("chatterbox")
    if found is None:
        pytest.skip(environments.missing("chatterbox"))
    ran = subprocess.run(
        [found.python, "-W", "ignore", HERE / "flow_against_stock.py", request.param],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", ["original", "turbo"])
def test_rows_of_unequal_lengths_and_prompts_equal_stock_one_by_one(seen: Any, kind: str) -> None:
    told = seen[kind]
    assert told["mel_spread"] > 0.5  # the weights are not idle
    assert told["wave_spread"] > 0.05
    assert 0.1 < told["voiced"] < 0.9  # both branches of the source are heard
    assert max(told[what] for what in ("mel", "mel_alone", "mel_reversed")) < NEAR
    assert max(told["wave"], told["wave_alone"]) < NEAR


@pytest.mark.parametrize("kind", ["original", "turbo"])
def test_the_seed_decides_the_noise(seen: Any, kind: str) -> None:
    assert seen[kind]["mel_other_seed"] > 0.1
    assert seen[kind]["wave_other_seed"] > 0.01


@pytest.mark.parametrize("kind", ["original", "turbo"])
def test_half_precision_stays_near(seen: Any, kind: str) -> None:
    assert 0 < seen[kind]["mel_bfloat16"] < 0.2 * seen[kind]["mel_spread"]


def test_prompts_of_another_rate_of_over_10_s_and_of_odd_length_have_two_frames_a_token(seen: Any) -> None:
    told = seen["conditioning"]
    assert (told["other_rate_tokens"], told["other_rate_frames"]) == (50, 100)
    assert (told["long_tokens"], told["long_frames"]) == (250, 500)
    assert told["odd_frames"] == 2 * told["odd_tokens"] >= 72
    assert max(told["other_rate"], told["long"], told["odd"]) < NEAR


def test_the_watermark_is_there_and_keeps_the_length(seen: Any) -> None:
    told = seen["watermark"]
    assert told["available"], told["missing"]
    assert told["same_length"]
    assert told["changed"] > 0
    assert told["after"] > 0.9 > told["before"]
