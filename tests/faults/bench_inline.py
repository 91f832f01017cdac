"""Builds by the hundred: the process of inline.py, with or without a disk that fails under it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.faults.bench import Bench, Ended

HERE = Path(__file__).parent


def compiler() -> str | None:
    """The C compiler of this machine, which makes the failing disk."""
    return shutil.which("cc") or shutil.which("gcc")


class Inline:
    """Builds of a bench, one after the other, each in a process that has everything loaded."""

    def __init__(self, bench: Bench, failing_disk: bool = False) -> None:
        self._bench = bench
        variables = {"FAULT_ROOT": str(bench.out)}
        self.log = bench.folder / "operations"
        if failing_disk:
            library = bench.folder / "failing_disk.so"
            source = HERE / "failing_disk.c"
            subprocess.run([str(compiler()), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
            variables |= {"LD_PRELOAD": str(library), "FAULT_LOG": str(self.log)}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "inline.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=bench.variables(**variables), cwd=bench.folder,
        )  # fmt: skip

    def build(self, *more: str, at: int = 0, errno: int = 0, told: bool = False, dialogs: int = 6) -> Ended:
        """One build; with `at`, the disk fails with `errno` from that operation on. `told`: with what it says of its way."""
        arguments = self._bench.command(self._bench.out, *more, dialogs=dialogs)[3:]
        if told:
            arguments.remove("--quiet")
        return self.run(arguments, at, errno)

    def run(self, arguments: Sequence[str], at: int = 0, errno: int = 0) -> Ended:
        """Any command."""
        said = self._bench.folder / "said"
        request = {"arguments": list(arguments), "said": str(said), **({"at": at, "errno": errno} if at else {})}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline() or -1)
        return Ended(code, said.read_text(errors="replace").strip())

    def __enter__(self) -> "Inline":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def copied(source: Path, target: Path) -> None:
    """A copy in which names of one file are still one file, as published files and artefacts are."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True, env=dict(os.environ))
