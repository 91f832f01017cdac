"""The texts of evaluation sets: files of a user's own, and the probes that ship."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datagen import resources
from datagen.domains.loader import load_folder
from datagen.domains.probe import ProbeDomain
from datagen.errors import UserError, one_line

SHIPPED = "service_duplex_bench"
_WHERE = "write.decontamination.files"


def shipped_texts() -> Iterator[tuple[str, str]]:
    """(set, text) of what the shipped probes ask, and of the facts of their contexts; reference answers are no secret."""
    domain = load_folder(resources.prompts() / SHIPPED)
    assert isinstance(domain, ProbeDomain)
    for name, role in domain.roles.items():
        for probe, spec in role.probes.items():
            yield f"{SHIPPED}/{name}.{probe}", spec.user
        for fact in role.facts:
            yield f"{SHIPPED}/{name}", fact


def texts_of(file: str) -> Iterator[tuple[str, str]]:
    """(file name, text) of every text in one of the user's files; UserError where it is missing, of no known kind, or empty."""
    path = Path(file).expanduser()
    if path.exists() and not path.is_file():
        raise UserError(f"{_WHERE}: {file} is no file.")  # a pipe would be waited for without end
    try:
        found = list(_strings(_content(path)))
    except FileNotFoundError:
        raise UserError(f"{_WHERE}: there is no file {file}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{_WHERE}: {file} cannot be read: {one_line(error)}.") from None
    if not found:
        raise UserError(f"{_WHERE}: {file} holds no text.")
    return ((path.name, text) for text in found)


def _content(path: Path) -> Any:
    kind = path.suffix.lower()
    if kind == ".parquet":
        import pyarrow.parquet as pq

        from datagen.store.parquet_limits import check_file

        check_file(pq.read_metadata(path))
        return pq.read_table(path).to_pylist()
    if kind not in (".txt", ".json", ".jsonl", ".toml"):
        raise UserError(f"{_WHERE}: {path.name}: not a .txt, .json, .jsonl, .toml or .parquet file.")
    text = path.read_text(encoding="utf-8-sig")
    if kind == ".txt":
        return text.splitlines()
    if kind == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return tomllib.loads(text) if kind == ".toml" else json.loads(text)


def _strings(value: Any) -> Iterator[str]:
    """Every text in a value of JSON types, keys apart."""
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
