"""Versions of a few letters each, and what publishing and reading them takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from datagen.load.published import Published
from datagen.records.build import BuildSummary
from datagen.records.codec import from_json
from datagen.run.bucket import Bucket
from datagen.run.deliver import deliver
from datagen.store.files import file_entry
from datagen.store.place import LocalPlace, Place
from tests.load.made_build import made_build


@dataclass(frozen=True)
class Made:
    """A version with files of its own, beside some that all share."""

    summary: BuildSummary
    sources: Mapping[str, Path]
    data: Mapping[str, bytes]


def four_versions(folder: Path) -> list[Made]:
    """Four versions made below `folder`: the second grows, the others are quite other ones that share a file."""
    whole = from_json(BuildSummary, (made_build(folder / "whole") / "build.json").read_bytes())
    texts = [
        {"tokens/a.parquet": "a", "manifests/m.parquet": "1"},
        {"tokens/a.parquet": "a", "tokens/b.parquet": "b", "manifests/m.parquet": "12"},
        {"tokens/a.parquet": "A", "manifests/m.parquet": "1"},
        {"tokens/a.parquet": "a", "tokens/c.parquet": "1", "manifests/m.parquet": "x" * 9},
    ]
    found = []
    for number, files in enumerate(texts):
        mine = folder / f"made-{number}"
        sources = {name: mine / name for name in files}
        for name, text in files.items():
            sources[name].parent.mkdir(parents=True, exist_ok=True)
            sources[name].write_text(text)
        entries = {name: file_entry(path) for name, path in sources.items()}
        found.append(
            Made(replace(whole, id=f"{number}" * 16, files=entries), sources, {n: t.encode() for n, t in files.items()})
        )
    return found


def place(out: str) -> Place:
    return Bucket(out) if "://" in out else LocalPlace(Path(out))


def ours(name: str) -> bool:
    return name.startswith(("tokens/", "manifests/"))


def go(where: Place, version: Made, keep: "int | str" = "all") -> None:
    deliver(where, version.summary, version.sources, ours, keep)  # type: ignore[arg-type]


def held(out: str, summary: BuildSummary) -> dict[str, bytes]:
    """What a reader who holds this version's record reads."""
    found = Published(out, summary)
    for name in summary.files:
        with found.open(name) as file:
            assert file.read() == found.read(name)
    return {name: found.read(name) for name in summary.files}
