"""Domains by name: the folders under prompts/ and on a search path, loaded by their kind."""

import difflib
import importlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import cast

from datagen import resources
from datagen.domains.base import Domain
from datagen.domains.files import read_toml
from datagen.errors import UserError
from datagen.records.enums import Kind

LOADERS = {
    Kind.SERVICE: "datagen.domains.service:ServiceDomain",
    Kind.QA: "datagen.domains.qa:QaDomain",
    Kind.CASUAL: "datagen.domains.casual:CasualDomain",
    Kind.INSTRUCTION: "datagen.domains.instruction:InstructionDomain",
    Kind.PROBE: "datagen.domains.probe:ProbeDomain",
}
"""The class of each kind; its `load(folder)` gives the domain."""


def available(search: Iterable[Path | str] = ()) -> list[str]:
    """The names of all domains in `search` and under prompts/, sorted."""
    return sorted(_folders(search))


def load(name: str, search: Iterable[Path | str] = ()) -> Domain:
    """The domain `name`, from the first folder of `search` that has it, else from prompts/; loaded once a process.

    UserError names the nearest domains when there is none, and file and key when its files are at fault.
    """
    folders = _folders(search)
    if name not in folders:
        near = difflib.get_close_matches(name, folders, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UserError(
            f"domains: there is no domain {name!r}.{hint} There are: {', '.join(sorted(folders)) or 'none'}."
        )
    return _load(folders[name])


def load_folder(folder: Path) -> Domain:
    """The domain of a folder, read afresh."""
    label = f"{folder.name}/domain.toml"
    kind = read_toml(folder / "domain.toml", label).get("kind")
    if kind not in list(LOADERS):
        raise UserError(f"{label}: kind: {kind!r} is no kind of domain. There are: {', '.join(LOADERS)}.")
    module, _, attribute = LOADERS[Kind(kind)].partition(":")
    return cast(Domain, getattr(importlib.import_module(module), attribute).load(folder))


@lru_cache(maxsize=64)
def _load(folder: Path) -> Domain:
    return load_folder(folder)


def _folders(search: Iterable[Path | str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for top in (*(Path(s).expanduser().resolve() for s in search), resources.prompts()):
        if not top.is_dir():
            raise UserError(f"domains: {top} is not a folder.")
        for folder in sorted(top.iterdir()):
            if (folder / "domain.toml").is_file():
                found.setdefault(folder.name, folder)
    return found
