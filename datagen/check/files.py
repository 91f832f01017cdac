"""build.json and the files that it lists: complete, unharmed, and nothing beside them."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from datagen.check.problem import Problem
from datagen.errors import DataError
from datagen.load.local_files import LocalFiles
from datagen.records.build import BUILD_FILE, BUILD_FORMAT, BuildSummary
from datagen.records.codec import from_json
from datagen.records.versions import FOLDER
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.store.files import TEMPORARY
from datagen.store.ids import file_digest

_EXEMPT = ("report", FOLDER)
"""Made from a finished build at any time; and what older versions have, which are checked one by one."""


def read_build(out: Path, record: str = BUILD_FILE) -> BuildSummary | Problem:
    """What build.json, or the record of an older version, says, or the problem with it."""
    path = out / record
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


def check_files(files: LocalFiles, newest: bool) -> Iterator[Problem]:
    """Every listed file is there with its size and checksum, what has to be listed is, and of the newest version no other lies there."""
    build = files.build.summary
    yield from _verified(files) if files.is_remote else _as_listed(files)
    needed = {manifest_path(k) for k in Table if k is not Table.TOKENS}
    needed |= {token_file_name(s.split, s.number) for s in build.shards}
    for name in sorted(needed - set(build.files)):
        yield Problem(BUILD_FILE, "files", f"does not list {name}.")
    tokens = {n for n in build.files if n.startswith("tokens/")}
    for name in sorted(tokens - needed):
        yield Problem(name, "", "is listed in build.json and belongs to none of its shards.")
    for name in (files.names() if files.is_remote else _present(Path(files.build.base))) if newest else ():
        if name not in build.files and name != BUILD_FILE and name.partition("/")[0] not in _EXEMPT:
            yield Problem(name, "", "is not listed in build.json: a foreign file, or one of another version.")


def _verified(files: LocalFiles) -> Iterator[Problem]:
    """As `_as_listed`, without a copy of them here: each is read once, as it comes."""
    for name in sorted(files.build.summary.files):
        try:
            files.build.verify(name)
        except DataError as error:
            yield Problem(name, "", str(error).removeprefix(f"{files.build.where(name)}: "))


def _as_listed(files: LocalFiles) -> Iterator[Problem]:
    for name, entry in sorted(files.build.summary.files.items()):
        path = files.path(name)
        if not path.is_file():
            yield Problem(name, "", "is listed in build.json and not there.")
        elif path.stat().st_size != entry.bytes:
            yield Problem(
                name, "", f"has {path.stat().st_size} bytes, and build.json says {entry.bytes}: truncated or changed."
            )
        elif file_digest(path) != entry.sha256:
            yield Problem(name, "", "has another SHA-256 than build.json says: its content was changed.")


def _present(out: Path) -> list[str]:
    """Every file that counts: not the work folder or a repository's own (hidden, at the top), not the report."""
    found = []
    for path in sorted(out.rglob("*")):
        top, *_ = path.relative_to(out).parts
        hidden = top.startswith(".") and not top.startswith(TEMPORARY)
        if path.is_file() and not hidden and top not in _EXEMPT:
            found.append(path.relative_to(out).as_posix())
    return found
