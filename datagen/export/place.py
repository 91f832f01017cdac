"""Where an export may be written: a folder of its own, and only on top of the same export."""

from collections.abc import Iterable
from pathlib import Path

from datagen.errors import UserError
from datagen.export.records import EXPORT_FILE, WORK, Claim, PartRecord
from datagen.load.builds import OpenBuild
from datagen.load.remote import is_remote

_OTHER = "Choose another folder with --out, or remove that one."


def place_of(out: str | Path, build: OpenBuild) -> Path:
    """The folder to write to; UserError for a URL, the build's own folder or one inside it, a file, a folder that holds other things."""
    if "://" in str(out):
        raise UserError(f"--out {out}: an export is written into a local folder; copy it from there.")
    folder = Path(out)
    here, root = folder.resolve(), None if is_remote(build.fs) else Path(build.base).resolve()
    if root and (here == root or root in here.parents):
        raise UserError(f"--out {folder}: lies in the build {build.root} itself. Name a folder outside of it.")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: is no folder. Name another.")
    if folder.is_dir() and not (folder / EXPORT_FILE).exists():
        left = sorted(p.name for p in folder.iterdir() if p.name != WORK)
        if left:
            raise UserError(
                f"--out {folder}: holds {left[0]} and is no export's folder. Name an empty one, or one that is not there."
            )
    return folder


def agree(before: Claim, now: Claim, folder: Path, build: OpenBuild, parts: Iterable[PartRecord]) -> None:
    """UserError where the folder holds another format, options, sound or build; a build that has only grown is the same one."""
    if before.format != now.format:
        raise UserError(f"{folder}: holds an export as {before.format}, and this one is as {now.format}. {_OTHER}")
    if before.version != now.version:
        raise UserError(
            f"{folder}: was made by version {before.version} of the {now.format} export, and this is version {now.version}. {_OTHER}"
        )
    for key in sorted(before.options.keys() | now.options.keys()):
        was, is_ = before.options.get(key), now.options.get(key)
        if was != is_:
            raise UserError(f"{folder}: was exported with {key}={was}, and this has {key}={is_}. {_OTHER}")
    if before.sound != now.sound:
        raise UserError(
            f"{folder}: its audio is from the build's {before.sound}, and this is from its {now.sound}. {_OTHER}"
        )
    if before.build_id != now.build_id:
        _refuse_other_build(before, now, folder, build, parts)


def _refuse_other_build(before: Claim, now: Claim, folder: Path, build: OpenBuild, parts: Iterable[PartRecord]) -> None:
    keys = {s.name: s.key for s in build.summary.shards}
    for part in parts:
        for shard, key in part.shards.items():
            if keys.get(shard) != key:
                what = "has another" if shard in keys else "does not have"
                raise UserError(
                    f"{folder}: holds an export of build {before.build_name} {before.build_id}, whose shard {shard} the build "
                    f"{now.build_name} {now.build_id} {what}: it is not that build grown. {_OTHER}"
                )
