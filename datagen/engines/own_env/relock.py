"""Makes a lock file of locks/ anew: `python -m datagen.engines.own_env.relock chatterbox-gpu`, with `uv` on the PATH.

Asks the package index for metadata alone and downloads no wheel. What is written are the versions that Python 3.11 resolves to, each
with the SHA-256 of its wheels for the Pythons and the machine of `Inputs`, and of no other file.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen.engines.own_env.environments import LOCKS
from datagen.errors import EngineError, UserError


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a lock is resolved from: requirements, what of their needs is left out, and which wheels are wanted."""

    requirements: tuple[str, ...]
    without: tuple[str, ...]
    pythons: tuple[str, ...] = ("311", "312")
    platform: str = "x86_64-manylinux_2_28"


INPUTS: Mapping[str, Inputs] = {
    # What is left out is imported by a web demo, by Chinese and Japanese text, and by s3tokenizer's developers.
    "chatterbox-gpu": Inputs(
        ("chatterbox-tts==0.1.7", "setuptools<81"), ("gradio", "pre-commit", "pykakasi", "spacy-pkuseg")
    ),
}


def relock(name: str) -> int:
    """Writes locks/NAME.txt and returns how many packages it pins; EngineError where `uv` fails or a package has no wheel."""
    if name not in INPUTS:
        raise UserError(f"{name}: is no lock. There are: {', '.join(INPUTS)}.")
    inputs = INPUTS[name]
    pinned = [_lines(package, inputs) for package in _resolved(inputs)["packages"]]
    head = [
        f"# {', '.join(inputs.requirements)} without {', '.join(inputs.without)}, for Linux on x86-64 and Python "
        f"{' and '.join(f'{p[0]}.{p[1:]}' for p in inputs.pythons)}.",
        f"# Made by: python -m datagen.engines.own_env.relock {name}",
    ]
    (LOCKS / f"{name}.txt").write_text("\n".join([*head, *pinned]) + "\n", encoding="utf-8")
    return len(pinned)


def _resolved(inputs: Inputs) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        wanted, left_out, out = (Path(folder) / n for n in ("wanted.in", "without.txt", "pylock.toml"))
        wanted.write_text("\n".join(inputs.requirements) + "\n", encoding="utf-8")
        left_out.write_text("".join(f'{n} ; python_version < "0"\n' for n in inputs.without), encoding="utf-8")
        exact = [
            "--only-binary",
            ":all:",
            "--no-config",
            "--python-version",
            "3.11",
            "--python-platform",
            inputs.platform,
        ]
        command = ["uv", "pip", "compile", "-q", *exact, "--override", str(left_out), "--format", "pylock.toml"]
        command += ["-o", str(out), str(wanted)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise EngineError("uv is not on the PATH. Run: pip install uv") from None
        if done.returncode:
            raise EngineError(f"uv: {' '.join(done.stderr.split())[-300:]}")
        return tomllib.loads(out.read_text(encoding="utf-8"))


def _lines(package: Mapping[str, Any], inputs: Inputs) -> str:
    hashes = sorted(
        {w["hashes"]["sha256"] for w in package.get("wheels", ()) if _fits(str(w["url"]).rpartition("/")[2], inputs)}
    )
    if not hashes:
        raise EngineError(f"{package['name']}=={package['version']}: has no wheel for {inputs.platform}.")
    return " \\\n".join([f"{package['name']}=={package['version']}", *(f"    --hash=sha256:{h}" for h in hashes)])


def _fits(wheel: str, inputs: Inputs) -> bool:
    """Whether a wheel's tags (PEP 427) are of one of the Pythons and of Linux on x86-64."""
    *_, pythons, abis, platforms = wheel.removesuffix(".whl").split("-")
    here = platforms == "any" or any(re.search("manylinux.*x86_64|linux_x86_64", p) for p in platforms.split("."))
    return here and any(_runs(python, abi, inputs.pythons) for python in pythons.split(".") for abi in abis.split("."))


def _runs(python: str, abi: str, wanted: Iterable[str]) -> bool:
    """Whether a wheel's Python tag is one that a wanted Python runs: its own, `py3`, or a stable ABI of one not newer."""
    if python.startswith("py3") or python == "py2.py3":
        return True
    number = python.removeprefix("cp")
    return any(number == w and not abi.endswith("t") for w in wanted) or (
        abi == "abi3" and number.isdigit() and int(number) <= max(map(int, wanted))
    )


if __name__ == "__main__":
    sys.stdout.write(f"{relock(sys.argv[1])} packages\n")
