"""What loads what: the core stays light, and files stay readable."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "prefect", "transformers", "ray")


@pytest.mark.parametrize(
    "code",
    [
        "import datagen",
        "from datagen.cli.app import app",
        "import datagen.run.local, datagen.run.pool, datagen.run.publish, datagen.build",
        "import datagen.check, datagen.report.page, datagen.report.show, datagen.report.sound",
    ],
)
def test_neither_torch_nor_prefect_is_loaded(code: str) -> None:
    script = f"import sys; {code}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_help_loads_no_room() -> None:
    script = (
        "import sys; sys.argv=['datagen','--help']\nfrom datagen.cli import run\nrun(['--help'])\n"
        "print([m for m in ('polars', 'pyarrow', 'parselmouth', 'datagen.build') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip().endswith("[]")


def test_no_file_is_over_400_lines() -> None:
    sizes = {
        p.relative_to(ROOT): len(p.read_text().splitlines())
        for p in [*ROOT.glob("datagen/**/*.py"), *ROOT.glob("flows/*.py")]
    }
    assert {p: n for p, n in sizes.items() if n > 400} == {}
    ordered = sorted(n for n in sizes.values() if n)
    assert ordered[len(ordered) // 2] < 200
