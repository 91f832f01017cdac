"""What reads builds with numpy alone loads no torch; what needs torch says in one line what brings it."""

import subprocess
import sys
from pathlib import Path

import pytest
from made_build import made_build

READS = """
import sys
from datagen.load import PERSONAPLEX, ModelSpec, iter_dialogs, moshi, open_build, personaplex
import datagen.load
assert sum(1 for _ in iter_dialogs(sys.argv[1], seed=1, swap_roles="both")) == 10
assert "DialogDataset" in dir(datagen.load)
print([m for m in ("torch", "transformers", "sentencepiece", "polars") if m in sys.modules])
"""
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from datagen.errors import EngineError
for name in ("DialogDataset", "DialogLoader", "IterableDialogs"):
    try:
        getattr(__import__("datagen.load").load, name)
    except EngineError as error:
        print(error)
"""


def run(script: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True).stdout


def test_reading_loads_no_torch(tmp_path: Path) -> None:
    out = made_build(tmp_path / "out")
    assert run(READS, str(out)).strip() == "[]"


def test_without_torch_the_datasets_say_what_brings_it() -> None:
    lines = run(WITHOUT_TORCH).splitlines()
    assert len(lines) == 3
    assert all('pip install "datagen[load]". iter_dialogs does without.' in line for line in lines)


def test_a_name_that_is_not_there() -> None:
    import datagen.load

    with pytest.raises(AttributeError, match="no attribute 'Dataset'"):
        datagen.load.Dataset  # noqa: B018
