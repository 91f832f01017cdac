"""Whole turns, from a folder of files to marked sound, are those of stock's generate(). Needs Chatterbox's environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from datagen.engines.own_env import environments

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[3]
NEAR = 1e-3


@pytest.fixture(scope="module", params=["original", "turbo"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = environments.find("chatterbox")
    if found is None:
        pytest.skip(environments.missing("chatterbox"))
    folder = tmp_path_factory.mktemp("checkpoint")
    ran = subprocess.run(
        [found.python, "-W", "ignore", HERE / "turns_against_stock.py", REPOSITORY, folder, request.param],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for file in folder.glob("*.safetensors"):  # up to a gigabyte
        file.unlink()
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_turns_are_those_of_generate(seen: Any) -> None:
    assert all(ours == theirs > 0 for ours, theirs in seen["samples"])
    assert len({theirs for _, theirs in seen["samples"]}) > 1
    assert seen["spread"] > 0.05
    assert max(seen["apart"]) < NEAR
    assert seen["mark"] > NEAR  # the watermark is in both


def test_each_bad_row_has_its_reason_and_the_good_one_its_sound(seen: Any) -> None:
    assert list(seen["faults"].values()) == ["text", "text", "cut", "settings", "numbers", "sound"]


def test_folders_and_clips_that_will_not_do_are_refused_in_a_line(seen: Any) -> None:
    missing, lacking, shape, torn = seen["refusals"]
    assert missing.startswith("FOLDER lacks ve.safetensors")
    assert "ve.safetensors lacks the tensor lstm.bias_hh_l0 of shape (1024,)" in lacking
    assert "lstm.bias_hh_l0 has shape (3,), not (1024,)" in shape
    assert "is no whole safetensors file" in torn
    said = ("lasts 0.50 s", "not finite numbers", "is silent", "shape (2, 168000)")
    assert all(part in line for part, line in zip(said, seen["clips"], strict=True))


def test_every_part_is_timed(seen: Any) -> None:
    assert set(seen["seconds"]) == {"conditioning", "t3", "watermark", "encoder", "flow", "vocoder"}
    assert min(seen["seconds"].values()) > 0
