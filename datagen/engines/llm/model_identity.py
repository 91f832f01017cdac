"""Which model it is that writes: a revision for `Maker.revision`, cheap to find, from a folder's files or a hub's commit."""

import hashlib
import re
from functools import cache
from pathlib import Path

from datagen.errors import EngineError

UNPINNED = "unpinned"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BLOB = re.compile(r"[0-9a-f]{64}")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")
_TEXTS = (".json", ".jinja", ".txt", ".model", ".tiktoken", ".py")
_WHOLE_BYTES = 67_108_864
_N_BLOCKS = 64
_BLOCK_BYTES = 4096


def identity(model: str, revision: str = "") -> tuple[str, str]:
    """The revision of a model, and a note where it does not say exactly which weights wrote.

    A folder: `files-` and 16 hex digits of `folder_digest`, in which two checkpoints that differ are told apart. A hub's id with a
    commit of 40 hex digits: that commit. Any other: `unpinned`, with a note, for a branch moves and what a server has is not told.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return f"files-{folder_digest(folder)[:16]}", ""
    if _COMMIT.fullmatch(revision):
        return revision, ""
    at = f" at {revision}" if revision else ""
    return (
        UNPINNED,
        f"{model}{at}: no commit was given, so another run may have other weights; set revision to one (40 hex digits)",
    )


def served_name(model: str) -> str:
    """The name that a server of our own gives a model: a hub's id as it is, of a folder its last part (rows hold no paths)."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return model
    return folder.name if folder.name not in ("", "..") else folder.resolve().name


@cache
def folder_digest(folder: Path) -> str:
    """SHA-256 (64 hex digits) of a model folder's configuration, tokenizer and weights; an EngineError where it cannot be read.

    Of each file in it, by name: its size, and its bytes where it is a text of up to 64 MB. Of weights, since reading 60 GB takes
    minutes: the SHA-256 that is its name in a Hugging Face cache, else the first megabyte (of a safetensors file, the header) and 64
    blocks of 4 kB spread evenly over the file. That tells checkpoints apart; it does not find a flipped bit.
    """
    digest = hashlib.sha256()
    try:
        files = [p for p in sorted(folder.iterdir()) if p.is_file() and p.suffix in (*_WEIGHTS, *_TEXTS)]
        for path in files:
            size = path.stat().st_size
            digest.update(f"{path.name}\0{size}\0".encode())
            blob = path.resolve().name
            if _BLOB.fullmatch(blob):
                digest.update(blob.encode())
            elif path.suffix in _WEIGHTS or size > _WHOLE_BYTES:
                _sample(digest, path, size)
            else:
                digest.update(path.read_bytes())
    except OSError as error:
        raise EngineError(f"{folder}: cannot be read ({error.strerror}). It has to be a model's folder.") from None
    return digest.hexdigest()


def _sample(digest: "hashlib._Hash", path: Path, size: int) -> None:
    with path.open("rb") as file:
        digest.update(file.read(1_048_576))
        for i in range(1, _N_BLOCKS + 1):
            file.seek(max(0, size * i // _N_BLOCKS - _BLOCK_BYTES))
            digest.update(file.read(_BLOCK_BYTES))
