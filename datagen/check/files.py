"""build.json and the files that it lists: complete, unharmed, and nothing beside them."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from datagen.check.problem import Problem
from datagen.records.build import BUILD_FILE, BUILD_FORMAT, BuildSummary
from datagen.records.codec import from_json
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.store.files import TEMPORARY
from datagen.store.ids import file_digest

_EXEMPT = ("report",)
"""Made from a finished build at any time; checked where it is listed."""


def read_build(out: Path) -> BuildSummary | Problem:
    """What build.json says, or the problem with it."""
    path = out / BUILD_FILE
    try:
        build = from_json(BuildSummary, path.read_bytes())
    except FileNotFoundError:
        return Problem(
            BUILD_FILE, "", "is not there: the build is not finished, or this is no output folder. Run the build again."
        )
    except ValidationError as error:
        first = error.errors()[0]
        return Problem(BUILD_FILE, ".".join(str(p) for p in first["loc"]), f"not a build's record: {first['msg']}.")
    except OSError as error:
        return Problem(BUILD_FILE, "", f"cannot be read ({error.strerror}).")
    if build.format != BUILD_FORMAT:
        return Problem(BUILD_FILE, "format", f"is {build.format}, and this version of datagen reads {BUILD_FORMAT}.")
    return build


def check_files(out: Path, build: BuildSummary) -> Iterator[Problem]:
    """Every listed file is there with its size and checksum, what has to be listed is, and no other file lies there."""
    for name, entry in sorted(build.files.items()):
        path = out / name
        if not path.is_file():
            yield Problem(name, "", "is listed in build.json and not there.")
        elif path.stat().st_size != entry.bytes:
            yield Problem(
                name, "", f"has {path.stat().st_size} bytes, and build.json says {entry.bytes}: truncated or changed."
            )
        elif file_digest(path) != entry.sha256:
            yield Problem(name, "", "has another SHA-256 than build.json says: its content was changed.")
    needed = {manifest_path(k) for k in Table if k is not Table.TOKENS}
    needed |= {token_file_name(s.split, s.number) for s in build.shards}
    for name in sorted(needed - set(build.files)):
        yield Problem(BUILD_FILE, "files", f"does not list {name}.")
    tokens = {n for n in build.files if n.startswith("tokens/")}
    for name in sorted(tokens - needed):
        yield Problem(name, "", "is listed in build.json and belongs to none of its shards.")
    for name in _present(out):
        if name not in build.files and name != BUILD_FILE:
            yield Problem(name, "", "is not listed in build.json: a foreign file, or one of another version.")


def _present(out: Path) -> list[str]:
    """Every file that counts: not the work folder or a repository's own (hidden, at the top), not the report."""
    found = []
    for path in sorted(out.rglob("*")):
        top, *_ = path.relative_to(out).parts
        hidden = top.startswith(".") and not top.startswith(TEMPORARY)
        if path.is_file() and not hidden and top not in _EXEMPT:
            found.append(path.relative_to(out).as_posix())
    return found
