"""What of a model is on this machine: a folder that is given, or a hub's model in the Hugging Face cache."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json", "tokenizer_config.json")
_WEIGHTS = ("*.safetensors", "*.gguf")
"""Files of numbers. Not *.bin and *.pt: those are pickles, which can run code where they are opened."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model by its name or folder. `folder` is None where nothing of it is here; `n_bytes` is the size of its weights.

    `window` is the context that its config.json says (0: unknown), `scaled` whether that says how it is stretched (RoPE).
    """

    model: str
    is_path: bool
    folder: Path | None
    n_bytes: int = 0
    window: int = 0
    scaled: bool = False

    @classmethod
    def of(cls, model: str, revision: str = "") -> "ModelFiles":
        """What is here of a model; nothing is fetched."""
        path = Path(model).expanduser()
        is_path = path.is_dir() or model.startswith(("/", "./", "../", "~")) or model.count("/") > 1
        folder = (path if path.is_dir() else None) if is_path else cached(model, revision)
        if folder is None:
            return cls(model, is_path, None)
        config = _config(folder)
        inner = config.get("text_config")
        config = {**config, **inner} if isinstance(inner, dict) else config
        window = config.get("max_position_embeddings")
        n_bytes = sum(p.stat().st_size for pattern in _WEIGHTS for p in folder.glob(pattern))
        return cls(
            model, is_path, folder, n_bytes, window if isinstance(window, int) else 0,
            _scaled(config),
        )  # fmt: skip


def _scaled(config: dict[str, Any]) -> bool:
    rope = config.get("rope_scaling") or config.get("rope_parameters")
    return isinstance(rope, dict) and rope.get("rope_type", rope.get("type", "default")) != "default"


def problems_of(files: ModelFiles) -> list[str]:
    """What is wrong with a model's files, a line each; a hub's model that is not here yet is fetched by the server, if it may."""
    if files.folder is None:
        return _absent(files)
    lacking = []
    if not _config(files.folder):
        lacking.append("a readable config.json")
    if not any((files.folder / name).is_file() for name in _TOKENIZERS):
        lacking.append("a tokenizer (tokenizer.json)")
    lacking += _weights_lacking(files.folder)
    if not lacking:
        return []
    again = "Copy it again" if files.is_path else "Fetch it again (hf download)"
    return [f"{files.model}: its folder {files.folder} lacks {', '.join(lacking)}. {again}."]


def _absent(files: ModelFiles) -> list[str]:
    if files.is_path:
        return [f"{files.model}: there is no such folder. Name the folder of a model, or one of a hub (Qwen/Qwen3-8B)."]
    if not _HUB_ID.fullmatch(files.model):
        return [f"{files.model}: is neither a folder nor the name of a hub's model, such as Qwen/Qwen3-8B."]
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return [
            f"{files.model}: is not in the Hugging Face cache ({_hub()}), and HF_HUB_OFFLINE is set. Run: hf download {files.model}"
        ]
    return []


def _weights_lacking(folder: Path) -> list[str]:
    if not any(p for pattern in _WEIGHTS for p in folder.glob(pattern)):
        return ["weights (*.safetensors)"]
    for index in folder.glob("*.safetensors.index.json"):
        shards = _json(index).get("weight_map", {})
        gone = (
            sorted({str(s) for s in shards.values() if not (folder / str(s)).is_file()})
            if isinstance(shards, dict)
            else []
        )
        if gone:
            return [f"{len(gone)} of its files of weights ({gone[0]}{', …' if len(gone) > 1 else ''})"]
    return []


def cached(model: str, revision: str = "") -> Path | None:
    """The snapshot of a hub's model in the Hugging Face cache, of `revision` (a commit, branch or tag; default main), or None."""
    home = _hub() / f"models--{model.replace('/', '--')}"
    reference = home / "refs" / (revision or "main")
    try:
        commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision
    except OSError:
        return None
    folder = home / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def _hub() -> Path:
    environ = os.environ
    if environ.get("HF_HUB_CACHE"):
        return Path(environ["HF_HUB_CACHE"]).expanduser()
    cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(environ.get("HF_HOME") or f"{cache}/huggingface").expanduser() / "hub"


def _config(folder: Path) -> dict[str, Any]:
    return _json(folder / "config.json")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
