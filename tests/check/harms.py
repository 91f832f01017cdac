"""Doing harm to a build: rows changed and sealed anew, so that only what they say can be found wrong."""

import re
from dataclasses import replace
from pathlib import Path

import outputs
import pyarrow as pa

from datagen.check import check_build
from datagen.records.build import BUILD_FILE, BuildSummary
from datagen.records.codec import from_json
from datagen.stages.pack import tables
from datagen.stages.pack.schema import Table, schema


def reseal(out: Path, **changes) -> None:
    """build.json made to fit the files as they are now."""
    build = from_json(BuildSummary, (out / BUILD_FILE).read_bytes())
    outputs.seal(out, replace(build, **changes))


def edit(out: Path, file: str, harm) -> None:
    """Lets `harm` change the rows of a table, and seals the build anew."""
    kind = Table.TOKENS if file.startswith("tokens/") else Table(Path(file).stem)
    rows = tables.read_table(out / file, kind).to_pylist()
    rows = harm(rows) or rows
    tables.write_all([pa.Table.from_pylist(rows, schema=schema(kind))], out / file, kind)
    reseal(out)


def setter(row: int, **values):
    """A harm that sets columns of one row."""

    def harm(rows):
        rows[row].update(values)

    return harm


def inner(row: int, column: str, item: int, **values):
    """A harm that sets fields of one item of a list column."""

    def harm(rows):
        rows[row][column][item].update(values)

    return harm


def found(out: Path, file: str, where: str, what: str) -> bool:
    """Whether check tells of that fault there, each problem in one line."""
    problems = check_build(out)
    assert all("\n" not in str(p) for p in problems)
    hit = any(p.file == file and where in p.where and re.search(what, p.what) for p in problems)
    assert hit, "\n".join(map(str, problems)) or "no problem at all"
    return hit
