"""What runs inside Chatterbox's environment imports nothing of datagen but itself: none of datagen's own dependencies is there."""

import importlib.util
import json
import subprocess
import sys

import pytest

MODEL = "datagen.engines.speakers.chatterbox.model"
ABSENT = ("pydantic", "pyarrow", "yaml", "parselmouth", "espeakng_loader", "scipy", "typer", "jinja2")
ABOVE = {MODEL.rsplit(".", up)[0] for up in range(1, 5)}
SCRIPT = f"""
import importlib, json, sys
for name in {ABSENT!r}:
    sys.modules[name] = None  # importing it fails
for module in sys.argv[1:]:
    importlib.import_module("{MODEL}." + module)
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] == "datagen")))
print("torch" in sys.modules)
"""


def imported(*modules: str) -> tuple[set[str], bool]:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *modules], capture_output=True, text=True, check=True)
    names, torch = done.stdout.splitlines()
    return set(json.loads(names)), torch == "True"


def test_the_model_imports_no_other_part_of_datagen() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    names, torch = imported("engine")
    assert torch
    assert {name for name in names if not name.startswith(MODEL)} == ABOVE
    assert f"{MODEL}.flow" in names


def test_the_rows_do_without_torch() -> None:
    names, torch = imported("rows")
    assert not torch
    assert names == {*ABOVE, MODEL, f"{MODEL}.rows"}
