"""Where Mimi's weights are, and what a file of weights holds, read from its header before anything is loaded."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from datagen.engines.codecs import safetensors_file
from datagen.engines.codecs.mimi_names import SEMANTIC, TRANSFORMERS_SEMANTIC, acoustic_books, to_moshi
from datagen.engines.codecs.safetensors_file import NotSafetensors, Tensor
from datagen.errors import EngineError
from datagen.store.files import atomic

NAME = "tokenizer-e351c8d8-checkpoint125.safetensors"
REPOSITORY = "kyutai/moshiko-pytorch-bf16"
REVISION = "2bfc9ae6e89079a5cc7ed2a68436010d91a3d289"
"""Mimi as Moshi was released with it; the repositories of moshika and of PersonaPlex hold the same bytes under the same name."""
RELEASED_SHA256 = "09b782f0629851a271227fb9d36db65c041790365f11bbe5d3d59369cf863f50"
"""Of the 384,644,900 bytes of that file."""

KYUTAI_NAME = "model.safetensors"
KYUTAI_REPOSITORY = "kyutai/mimi"
KYUTAI_REVISION = "89091b3e466eb6a9d11e537bf26b144f194978f7"
"""Mimi as transformers has it: the same numbers under other names (datagen.engines.codecs.mimi_names)."""
KYUTAI_SHA256 = "bac7e85083dcded655d24eaadde7e6eea34c0da1b35fa2d284e641bd2b942a5e"
"""Of the 384,649,828 bytes of that file, as several public projects that pin it state; it was not fetched here."""

LICENCE = "CC-BY-4.0"
"""Of the weights, by the model card of either repository."""
FETCH = f"pip install huggingface_hub && hf download {REPOSITORY} {NAME} --revision {REVISION}"
KYUTAI_FETCH = f"hf download {KYUTAI_REPOSITORY} {KYUTAI_NAME} --revision {KYUTAI_REVISION}"
VARIABLE = "DATAGEN_MIMI_WEIGHTS"


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of Mimi weights in moshi's naming or that of transformers, what identifies it, and how many books it has.

    `sha256` is that of the numbers: the SHA-256 of moshi's file, or of the file in moshi's naming that one of
    transformers is equal to, so that the same weights are one identity in either naming. `file_sha256` is of the file as it is.
    """

    path: Path
    sha256: str
    books: int
    file_sha256: str = ""
    moshi_named: bool = True

    @property
    def released(self) -> bool:
        """Whether these are Kyutai's, by the SHA-256 of either of their files."""
        return self.sha256 == RELEASED_SHA256 or self.file_sha256 == KYUTAI_SHA256

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by its name in moshi's naming; an EngineError names one that the file lacks."""
        return _in_moshis_naming(self.path)

    def moshi_path(self) -> Path:
        """A file in moshi's naming: this one, or a copy under `$XDG_CACHE_HOME/datagen/mimi`, made once."""
        if self.moshi_named:
            return self.path
        copy = _cache(os.environ) / f"{self.sha256}.safetensors"
        if not copy.is_file() or _sha256_of(copy) != self.sha256:
            with atomic(copy) as beside, beside.open("wb") as file:
                file.writelines(safetensors_file.pieces(self.tensors()))
        return copy


def find(given: str) -> Path:
    """The file that is given, else that of DATAGEN_MIMI_WEIGHTS, else the released one in the Hugging Face cache.

    An EngineError says where it was looked for and what fetches it.
    """
    named = given or os.environ.get(VARIABLE, "")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            where = "codec.weights" if given else VARIABLE
            raise EngineError(f"{where}: there is no file {path}. Give the path of {NAME}, or fetch it with: {FETCH}")
        return path
    hub = _hub_cache(os.environ)
    pinned = hub / f"models--{REPOSITORY.replace('/', '--')}" / "snapshots" / REVISION / NAME
    kyutai = hub / f"models--{KYUTAI_REPOSITORY.replace('/', '--')}" / "snapshots" / KYUTAI_REVISION / KYUTAI_NAME
    found = [p for p in (pinned, *sorted(hub.glob(f"models--*/snapshots/*/{NAME}")), kyutai) if p.is_file()]
    if not found:
        raise EngineError(
            f"codec mimi: no weights. codec.weights and {VARIABLE} are empty, and {hub} holds neither {NAME} nor "
            f"{KYUTAI_REPOSITORY} at {KYUTAI_REVISION[:8]}. Fetch them with: {FETCH} (or: {KYUTAI_FETCH})"
        )
    return found[0]


def _hub_cache(environment: Mapping[str, str]) -> Path:
    """The folder that huggingface_hub keeps files in, by its documented variables."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environment.get(variable):
            return Path(environment[variable]).expanduser()
    home = environment.get("HF_HOME") or str(
        Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface"
    )
    return Path(home).expanduser() / "hub"


def _cache(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "datagen" / "mimi"


def inspect(path: Path) -> Weights:
    """What a file of weights is; an EngineError where it is cut short or is no Mimi in a naming that is known."""
    try:
        at = path.stat()
        return _inspect(path, at.st_size, at.st_mtime_ns)
    except OSError as error:
        raise EngineError(f"codec.weights: {path} cannot be read ({error.strerror}).") from None


@cache
def _inspect(path: Path, size: int, _changed_ns: int) -> Weights:
    try:
        names, _ = safetensors_file.header(path, size)
    except NotSafetensors as fault:
        raise _unusable(path, size, fault) from None
    if SEMANTIC not in names and TRANSFORMERS_SEMANTIC not in names:
        raise EngineError(f"codec.weights: {path} is no Mimi: of {len(names)} tensors none is {SEMANTIC}. {_wanted()}")
    books, sha256 = 1 + acoustic_books(names), _sha256_of(path)
    if SEMANTIC in names:
        return Weights(path, sha256, books, sha256)
    numbers = hashlib.sha256()
    for piece in safetensors_file.pieces(_in_moshis_naming(path)):
        numbers.update(piece)
    return Weights(path, numbers.hexdigest(), books, sha256, moshi_named=False)


def _in_moshis_naming(path: Path) -> dict[str, Tensor]:
    try:
        tensors = safetensors_file.read(path)
        return tensors if SEMANTIC in tensors else to_moshi(tensors)
    except NotSafetensors as fault:
        raise _unusable(path, path.stat().st_size, fault) from None
    except KeyError as missing:
        raise EngineError(f"codec.weights: {path} is no whole Mimi: it has no tensor {missing}. {_wanted()}") from None


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unusable(path: Path, size: int, fault: NotSafetensors) -> EngineError:
    if fault.whole_bytes is None:
        return EngineError(f"codec.weights: {path} is no safetensors file ({size} bytes). {_wanted()}")
    return EngineError(
        f"codec.weights: {path} is not whole: {size} bytes of {fault.whole_bytes}. Fetch it again: {FETCH}"
    )


def _wanted() -> str:
    return f"Give {NAME}, or fetch it with: {FETCH}"
