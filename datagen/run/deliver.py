"""From one version of an output to the next: nothing of the old one is lost to a reader, and build.json is written last."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from datagen.errors import UserError
from datagen.records.build import BUILD_FILE, BuildSummary, FileEntry, check_inside
from datagen.records.codec import from_json
from datagen.records.versions import FOLDER, HISTORY_FILE, is_id, kept_path, summary_path
from datagen.store.files import as_json
from datagen.store.place import Place

REPORT_FILES = "report/"
"""What shows a version and is no part of it: it goes when the version does."""


def deliver(
    place: Place,
    now: BuildSummary,
    sources: Mapping[str, Path],
    is_ours: Callable[[str], bool],
    keep: int | Literal["all"],
) -> None:
    """Makes `now` the place's newest version. `sources` are its files as local ones, by name.

    At most `keep` older versions stay, the one that is there now among them. Other files stay, unless they are of a build's kind
    (`is_ours`), and so of a version before.
    Cut off at any moment, every version that has a record can still be read, and the same call again ends well.
    """
    before = summary_in(place)
    if before is None:
        place.claim()
        for old in _summaries(place, history(place)):
            place.keep(_replaced(old, now))
    else:
        place.keep(_replaced(before, now))
        # A record of the newest one means, too, that its files are being replaced: `under_way`.
        place.write(summary_path(before.id), as_json(before.to_dict()))
    kept = [v for v in history(place) if v not in (now.id, before.id if before else "")]
    kept += [before.id] if before and before.id != now.id else []
    gone = kept[: len(kept) - keep] if keep != "all" and len(kept) > keep else []
    kept = kept[len(gone) :]
    if kept or history(place):
        place.write(HISTORY_FILE, as_json({"versions": kept}))
    there = place.names()
    place.remove(n for n in there if n.startswith(REPORT_FILES))  # before a file of the new version is there
    place.put(sources, now.files, before.files if before else {})
    place.remove(n for n in there if n not in now.files and is_ours(n))
    _same_still(place, before)
    place.write(BUILD_FILE, as_json(now.to_dict()))
    _tidy(place, now, kept)


def under_way(place: Place, newest: BuildSummary) -> bool:
    """Whether a publisher was cut off while it replaced files of the newest version."""
    return place.read(summary_path(newest.id)) is not None


def summary_in(place: Place, name: str = BUILD_FILE) -> BuildSummary | None:
    """A version's record; None where there is none, or what is there is not one."""
    data = place.read(name)
    try:
        found = None if data is None else from_json(BuildSummary, data)
        check_inside(found.files if found else ())
    except ValueError:
        return None
    return found if found is None or is_id(found.id) else None


def history(place: Place) -> list[str]:
    """The ids of the older versions, the oldest first."""
    data = place.read(HISTORY_FILE)
    try:
        found: Any = json.loads(data)["versions"] if data else []
        return [v for v in found if isinstance(v, str) and is_id(v)]
    except (ValueError, KeyError, TypeError):
        return []


def _summaries(place: Place, versions: Iterable[str]) -> list[BuildSummary]:
    found = (summary_in(place, summary_path(v)) for v in versions)
    return [s for s in found if s is not None]


def _replaced(old: BuildSummary, now: BuildSummary) -> dict[str, FileEntry]:
    return {name: entry for name, entry in old.files.items() if now.files.get(name) != entry}


def _same_still(place: Place, before: BuildSummary | None) -> None:
    found = summary_in(place)
    if (found.id if found else None) != (before.id if before else None):
        raise UserError(
            f"{place}: another build has published version {found.id if found else '?'} there meanwhile. One builder an output: run the "
            "same command again, when the other has ended."
        )


def _tidy(place: Place, now: BuildSummary, kept: list[str]) -> None:
    """Removes what no version needs: the records of those that are gone, and files of no other."""
    there = place.names()
    older = {*map(summary_path, kept), *([HISTORY_FILE] * bool(kept))}
    unneeded = {n for n in there if n.startswith(f"{FOLDER}/") and n.count("/") == 1 and n not in older}
    files = {n for n in there if n.startswith(kept_path(""))}
    if files and (unneeded or not kept):
        needed = {kept_path(e.sha256) for old in _summaries(place, kept) for e in _replaced(old, now).values()}
        unneeded |= files - needed
    place.remove(sorted(unneeded, reverse=True))
