"""A new service domain to begin from: the worked example of prompts/README.md as a folder, with what is to be replaced said in it."""

import re
from pathlib import Path

from datagen import resources
from datagen.errors import UserError
from datagen.store.files import write_bytes

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_BLOCKS = re.compile(r"```toml\n(.*?)```", re.S)
_SCENARIO = "repair_status"
_HEAD = """\
# {what}. What each key means is on the page prompts/README.md; this is its worked example, a bike shop: replace all of it.
# `datagen domains check {folder}` says what is missing, and simulates every scenario.
"""
_DOMAIN_MORE = """
# To do: roles (3 job titles), policies (2 rules), tools with their parameters and returns, and 10 scenarios in scenarios/.
"""
_ACTS = """\
# What this trade says in its own way; prompts/_shared/acts.j2 lists all acts. `[agent.greet]` replaces one, `[+agent.greet]` adds to it.
"""


def example() -> tuple[str, str]:
    """The worked example's domain.toml and its scenario."""
    domain, scenario = _BLOCKS.findall((resources.prompts() / "README.md").read_text(encoding="utf-8"))[:2]
    return domain, scenario


def scaffold(name: str, title: str, into: Path) -> list[Path]:
    """Writes `into/NAME/` with domain.toml, one scenario and acts.j2; UserError for a bad name, or where the folder is there already."""
    folder = new_folder(name, into)
    domain, scenario = example()
    shown = title or name.replace("_", " ").capitalize()
    titled = re.sub(r'^title = ".*"$', lambda _: f"title = {quoted(shown)}", domain, count=1, flags=re.M)
    head = _HEAD.format(what=shown, folder=folder)
    files = {
        folder / "domain.toml": head + titled + _DOMAIN_MORE,
        folder / "scenarios" / f"{_SCENARIO}.toml": head + scenario,
        folder / "acts.j2": _ACTS,
    }
    for path, text in files.items():
        write_bytes(path, text.encode())
    return list(files)


def new_folder(name: str, into: Path) -> Path:
    """Where a new domain's files go; UserError for a bad name, or where there is something already."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name for a domain: 2 to 40 small letters, digits and _, a letter first, e.g. bike_shop."
        )
    folder = into / name
    if folder.exists():
        raise UserError(f"{folder}: is there already. Choose another name, or remove it.")
    return folder


def quoted(text: str) -> str:
    """A TOML string of one line."""
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'
