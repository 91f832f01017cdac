"""What --out names: a local folder, or a URL with a local folder for the work."""

import re
from pathlib import Path

from datagen.run.bucket import Bucket, check_url
from datagen.store.ids import digest
from datagen.store.place import LocalPlace, Place

WORK_OF_URLS = Path("data") / "work"
"""Where the work of builds into URLs lies, a folder each, if `run.work_dir` names no other."""


def url_of(out: str | Path) -> str:
    """The URL that `out` is; "" for a local folder. `Path` has made one slash of two."""
    found = re.fullmatch(r"([a-z][a-z0-9+.-]+):/{1,2}(.*)", str(out))
    if found is None or found[1] == "file":
        return ""
    check_url(f"{found[1]}://{found[2]}")
    return f"{found[1]}://{found[2].rstrip('/')}"


def folder_of(out: str | Path) -> Path:
    """The local folder that `out` is."""
    return Path(re.sub(r"^file:/{1,2}(?=/)", "", str(out)))


def own_folder(base: Path, out: str) -> Path:
    """A folder below `base` for the work of one output: builds into several may share a base."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", out.partition("://")[2] or out).strip("-.")[-60:]
    return base / f"{name}-{digest(out)[:8]}"


def place_at(out: str | Path, journal: Path | None = None) -> Place:
    """The place that `out` names; UserError for a URL that nothing can write to, EngineError where a package lacks."""
    url = url_of(out)
    return Bucket(url, journal) if url else LocalPlace(folder_of(out))
