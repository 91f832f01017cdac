"""Where Mimi's weights are, and what a file of weights holds, read from its header before anything is loaded."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datagen.errors import EngineError

NAME = "tokenizer-e351c8d8-checkpoint125.safetensors"
REPOSITORY = "kyutai/moshiko-pytorch-bf16"
REVISION = "2bfc9ae6e89079a5cc7ed2a68436010d91a3d289"
"""Mimi as Moshi was released with it; the repositories of moshika and of PersonaPlex hold the same bytes under the same name."""
RELEASED_SHA256 = "09b782f0629851a271227fb9d36db65c041790365f11bbe5d3d59369cf863f50"
"""Of the 384,644,900 bytes of that file."""
LICENCE = "CC-BY-4.0"
"""Of the weights, by the model card of REPOSITORY."""
FETCH = f"pip install huggingface_hub && hf download {REPOSITORY} {NAME} --revision {REVISION}"
VARIABLE = "DATAGEN_MIMI_WEIGHTS"

_HEADER_LENGTH = 8
_LONGEST_HEADER = 100_000_000
_SEMANTIC = "quantizer.rvq_first.vq.layers.0._codebook.embedding_sum"
_ACOUSTIC = re.compile(r"quantizer\.rvq_rest\.vq\.layers\.\d+\._codebook\.embedding_sum")
_TRANSFORMERS = "quantizer.semantic_residual_vector_quantizer."


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of Mimi weights in moshi's naming, its SHA-256, and how many books it has."""

    path: Path
    sha256: str
    books: int

    @property
    def released(self) -> bool:
        return self.sha256 == RELEASED_SHA256


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
    found = [p for p in (pinned, *sorted(hub.glob(f"models--*/snapshots/*/{NAME}"))) if p.is_file()]
    if not found:
        raise EngineError(
            f"codec mimi: no weights. codec.weights and {VARIABLE} are empty, and {hub} holds no {NAME}. Fetch it with: {FETCH}"
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


def inspect(path: Path) -> Weights:
    """The hash and the number of books of a file; an EngineError where it is cut short or is no Mimi that rustymimi reads."""
    try:
        at = path.stat()
        return _inspect(path, at.st_size, at.st_mtime_ns)
    except OSError as error:
        raise EngineError(f"codec.weights: {path} cannot be read ({error.strerror}).") from None


@cache
def _inspect(path: Path, size: int, _changed_ns: int) -> Weights:
    tensors = _header(path, size)
    if any(name.startswith(_TRANSFORMERS) for name in tensors):
        raise EngineError(
            f"codec.weights: {path} is Mimi in the naming of transformers, and rustymimi reads moshi's. Fetch that with: {FETCH}"
        )
    if _SEMANTIC not in tensors:
        raise EngineError(
            f"codec.weights: {path} is no Mimi: of {len(tensors)} tensors none is {_SEMANTIC}. {_wanted()}"
        )
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(path, sha256, 1 + sum(1 for name in tensors if _ACOUSTIC.fullmatch(name)))


def _header(path: Path, size: int) -> dict[str, Any]:
    """The tensors of a safetensors file by name: eight bytes of length, that much JSON, then the tensors' bytes."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH), "little")
        text = file.read(length) if 2 <= length <= _LONGEST_HEADER else b""
    try:
        header = json.loads(text)
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = _HEADER_LENGTH + length + max((int(t["data_offsets"][1]) for t in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise EngineError(f"codec.weights: {path} is no safetensors file ({size} bytes). {_wanted()}") from None
    if size != end:
        raise EngineError(f"codec.weights: {path} is not whole: {size} bytes of {end}. Fetch it again: {FETCH}")
    return tensors


def _wanted() -> str:
    return f"Give {NAME}, or fetch it with: {FETCH}"
