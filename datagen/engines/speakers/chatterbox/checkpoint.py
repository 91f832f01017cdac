"""Which model it is: the files that a checkpoint has to have, what of them is lacking, and the revision that makers name."""

import os
from collections.abc import Mapping
from pathlib import Path

from datagen.engines.llm.model_files import cached
from datagen.engines.llm.model_identity import identity, served_name
from datagen.engines.speakers.chatterbox.options import ChatterboxOptions
from datagen.errors import DatagenError, EngineError, UserError

FILES: Mapping[str, tuple[str, ...]] = {
    "original": ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"),
    "turbo": ("ve.safetensors", "t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "tokenizer_config.json"),
}
"""Without them nothing is spoken. conds.pt, a voice that stock ships, is not read: it is a pickle, and voices come from a bank."""
FETCHED: Mapping[str, tuple[str, ...]] = {
    "original": FILES["original"],
    "turbo": (*FILES["turbo"][:3], "*.json", "*.txt", "*.model"),
}
"""What of a hub's repository is fetched."""


def folder_of(options: ChatterboxOptions) -> Path | None:
    """The folder that the options name; None where they name a hub's model (OWNER/NAME)."""
    given = options.source
    looks = given.startswith(("/", "./", "../", "~")) or given.count("/") != 1 or Path(given).expanduser().is_dir()
    return Path(given).expanduser().absolute() if looks else None


def problems(options: ChatterboxOptions) -> list[DatagenError]:
    """What is wrong with the model's files, [] for nothing. A hub's model that is not here yet is fetched when it is needed."""
    folder = folder_of(options)
    if folder is not None and not folder.is_dir():
        return [
            UserError(
                f"checkpoint: {folder}: there is no such folder. Name that of a Chatterbox model, or a hub's model."
            )
        ]
    if folder is None:
        folder = cached(options.source, options.revision)
        if folder is None:
            return _not_fetched(options)
    lacking = [name for name in FILES[options.model] if not (folder / name).is_file()]
    if not lacking:
        return []
    other = next((kind for kind, names in FILES.items() if all((folder / n).is_file() for n in names)), "")
    hint = f'It holds the {other} model: set speaker.model = "{other}".' if other else "Copy it again."
    return [UserError(f"checkpoint: {folder} lacks {', '.join(lacking)} of Chatterbox's {options.model} model. {hint}")]


def _not_fetched(options: ChatterboxOptions) -> list[DatagenError]:
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return [
            EngineError(
                f"checkpoint: {options.source} is not in the Hugging Face cache, and HF_HUB_OFFLINE is set. "
                "Fetch it where there is a network, or name a folder with its files."
            )
        ]
    return []


def identified(options: ChatterboxOptions) -> tuple[str, str, str]:
    """The model's name without a path of this machine, its revision, and a note where that does not say exactly which weights spoke."""
    folder = folder_of(options)
    if folder is not None and not folder.is_dir():
        raise problems(options)[0]
    source = str(folder) if folder is not None else options.source
    return served_name(source), *identity(source, options.revision)
