"""Makes the environment of an engine: a virtual environment with the pinned packages, all of it or none."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from datagen.engines.own_env import environments
from datagen.engines.own_env.environments import MANIFEST_FORMAT, Environment, Pins
from datagen.engines.own_env.pip_faults import explained
from datagen.errors import EngineError, UserError
from datagen.store.files import TEMPORARY, disk, write_json

Say = Callable[[str], None]

SITE_PACKAGES = "lib/python*/site-packages"
_STRANGERS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
)
"""What would make pip install elsewhere, or the new Python look elsewhere."""


def install(
    name: str,
    flavour: str,
    first: Sequence[str] = (),
    again: bool = False,
    say: Say = lambda line: None,
    share: bool = False,
) -> Environment:
    """The environment of `name`, made if it is not there; UserError and EngineError say in one line what stood in the way.

    `flavour` is gpu, cpu, or empty for gpu where an NVIDIA driver is seen. `first` are requirements that are installed before
    all others and held (a torch for the CPU, say). An environment of the same flavour and pins stays unless
    `again`. `say` is called with a line a step. What a stopped install leaves is removed by the next. With `share` it takes from
    this Python's environment what is there in a version that will do, and is whole as long as those packages stay as they are.
    """
    flavour = flavour or _seen_flavour(name)
    pins = environments.flavours_of(name)[flavour]
    _right_python(name, pins)
    _nothing_beside_a_lock(name, flavour, pins, first, share)
    room = environments.home()
    with disk(room):
        room.mkdir(parents=True, exist_ok=True)
    with _only_installer(room, name):
        there = environments.find(name)
        if there and not again and (there.flavour, there.pins) == (flavour, pins.digest):
            return there
        _sweep(room, name, there)
        _room_for(room, pins)
        return _make(room, name, flavour, pins, first, say, share)


def _seen_flavour(name: str) -> str:
    if shutil.which("nvidia-smi"):
        return "gpu"
    note = environments.flavours_of(name)["cpu"].note
    raise UserError(
        f"{name}: no NVIDIA driver is seen here (nvidia-smi). --cpu installs the build for processors ({note}), "
        "--gpu the one for GPUs all the same."
    )


def _right_python(name: str, pins: Pins) -> None:
    low, high = pins.pythons
    if not low <= sys.version_info[:2] <= high:
        raise UserError(
            f"{name}: {pins.requirement} needs Python {low[0]}.{low[1]} to {high[0]}.{high[1]}, and this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}. Run datagen in such a Python."
        )


def _nothing_beside_a_lock(name: str, flavour: str, pins: Pins, first: Sequence[str], share: bool) -> None:
    if pins.lock and (first or share):
        given = "--share" if share else f"--with {first[0]}"
        raise UserError(
            f"{name}: {given}: the {flavour} environment is exactly its lock file ({pins.lock}). Leave it out."
        )


def _room_for(room: Path, pins: Pins) -> None:
    free_gb = shutil.disk_usage(room).free / 1e9
    if free_gb < pins.gb:
        raise UserError(
            f"{room}: {free_gb:.1f} GB are free, and {pins.requirement} takes about {pins.gb:g} GB. "
            f"Free some, or set {environments.VARIABLE} to a folder on another disk."
        )


@contextlib.contextmanager
def _only_installer(room: Path, name: str) -> Iterator[None]:
    """Holds the lock of an engine's environment for the block; it ends with its process, however that ends."""
    with disk(room):
        handle = os.open(room / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "?"
            raise UserError(f"{name}: process {holder} is installing it in {room}. Wait for it.") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _sweep(room: Path, name: str, keep: Environment | None) -> None:
    """Removes what stopped installs of this engine left. A whole environment stays until another takes its place."""
    for left in room.glob(f"{TEMPORARY}*"):
        left.unlink(missing_ok=True)
    for folder in room.glob(f"{name}-*-*"):
        if folder.is_dir() and (keep is None or folder != keep.folder):
            shutil.rmtree(folder, ignore_errors=True)


def _make(room: Path, name: str, flavour: str, pins: Pins, first: Sequence[str], say: Say, share: bool) -> Environment:
    old = environments.find(name)
    folder = _fresh(room, f"{name}-{flavour}-{pins.version}")
    log = room / f"{name}-install.log"
    try:
        with log.open("w", encoding="utf-8") as out:
            steps = Steps(name, folder, log, out, say)
            steps.venv()
            beside = steps.share() if share else ()
            steps.packages(pins, first)
            packages = steps.installed()
            own = steps.own()
        write_json(
            environments.manifest_path(name),
            {
                "format": MANIFEST_FORMAT, "engine": name, "flavour": flavour, "version": pins.version, "folder": folder.name,
                "pins": pins.digest,
                "python": ".".join(map(str, sys.version_info[:3])), "requirement": pins.requirement, "sha256": pins.sha256,
                "first": list(first), "removed": list(pins.remove), "packages": packages, "shared_from": list(beside),
                "shared": {n: v for n, v in packages.items() if n not in own},
            },
        )  # fmt: skip
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        with disk(folder):
            raise error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if old is not None and old.folder != folder:
        shutil.rmtree(old.folder, ignore_errors=True)
    return environments.needed(name)


def _fresh(room: Path, stem: str) -> Path:
    """A folder's name that nothing has; the lock is held, so nobody else takes it."""
    return next(path for i in range(10_000) if not (path := room / f"{stem}-{i}").exists())


class Steps:
    """The steps of one install, all output in one log; an EngineError says which failed, and why, in a line."""

    def __init__(self, name: str, folder: Path, log: Path, out: TextIO, say: Say) -> None:
        self._name, self._folder, self._log, self._out, self._say = name, folder, log, out, say
        self._python = str(folder / "bin" / "python")
        self._pip = [self._python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        self._install = [*self._pip, "install"]

    def venv(self) -> None:
        self._run("a virtual environment", [sys.executable, "-m", "venv", "--clear", str(self._folder)])

    def share(self) -> tuple[str, ...]:
        """Puts this Python's packages behind the new environment's own; the folders that they are in."""
        folders = tuple(dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")))
        for packages in self._folder.glob(SITE_PACKAGES):
            (packages / "shared.pth").write_text("".join(f"{folder}\n" for folder in folders), encoding="utf-8")
        self._install.append("--no-compile")  # made to be there soon; what is imported is compiled then
        return folders

    def packages(self, pins: Pins, first: Sequence[str]) -> None:
        if first:
            self._run(" ".join(first), [*self._install, *first])
        if pins.lock:
            locked = environments.LOCKS / pins.lock
            self._run(
                f"{pins.requirement} by {pins.lock}",
                [*self._install, "--no-deps", "--require-hashes", "-r", str(locked)],
            )
        elif pins.alone:
            self._run(pins.requirement, [*self._install, "--no-deps", pins.requirement, *pins.alone])
            self._run("what it needs", [*self._install, *pins.beside, *first])
        else:
            self._with_needs(pins, first)
        if pins.remove:
            self._run(f"without {', '.join(pins.remove)}", [*self._pip, "uninstall", "--yes", *pins.remove])
        for pattern in pins.delete:
            for file in self._folder.glob(f"{SITE_PACKAGES}/{pattern}"):
                file.unlink()
        self._run(f"import {pins.module}", [self._python, "-c", f"import {pins.module}"])
        for check in pins.checks:
            self._run(check.what, [self._python, "-c", check.code], check.says)

    def _with_needs(self, pins: Pins, first: Sequence[str]) -> None:
        if pins.sha256:
            listed = self._folder / "pinned.txt"
            listed.write_text(f"{pins.requirement} --hash=sha256:{pins.sha256}\n", encoding="utf-8")
            self._run(pins.requirement, [*self._install, "--no-deps", "--require-hashes", "-r", str(listed)])
        self._run(f"{pins.requirement} and what it needs", [*self._install, pins.requirement, *first])

    def own(self) -> set[str]:
        """The names of the packages that lie in the environment itself."""
        return set(environments.versions([str(p) for p in self._folder.glob(SITE_PACKAGES)]))

    def installed(self) -> dict[str, str]:
        """Every package that the environment's Python finds, by name."""
        listed = ("import importlib.metadata as m, json; "
                  "print(json.dumps({d.name.lower(): d.version for d in reversed([*m.distributions()])}, sort_keys=True))")  # fmt: skip
        done = subprocess.run([self._python, "-c", listed], capture_output=True, text=True, env=_environ(), check=False)
        if done.returncode:
            raise EngineError(f"{self._name}: its Python cannot list its packages: {done.stderr.strip()[-160:]}")
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def _run(self, what: str, command: Sequence[str], says: str = "") -> None:
        """`says` is why it fails, where that is known and the output need not be read for it."""
        self._say(what)
        self._out.write(f"\n$ {' '.join(command)}\n")
        self._out.flush()
        begun = self._out.tell()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT, env=_environ(), check=False
        )
        if done.returncode:
            said = self._log.read_bytes()[begun:].decode(errors="replace")
            why = says if says and done.returncode > 0 else explained(said, done.returncode)
            raise EngineError(f"{self._name}: {what}: {why} All of it: {self._log}")


def _environ() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in _STRANGERS}
