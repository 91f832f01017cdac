"""Files of turn times, read by their suffix and measured."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from datagen.errors import UserError
from datagen.fit import ctm, floor, lhotse, rttm, turns
from datagen.fit.measured import Measured, together

READERS = {".rttm": rttm.read, ".ctm": ctm.read, ".jsonl": lhotse.read, ".jsonl.gz": lhotse.read}
"""The text formats, by how a file's name ends."""
MIN_TRANSFERS = 50


def measure(paths: Sequence[Path], min_transfers: int = MIN_TRANSFERS) -> Measured:
    """The turn-taking of all files together; a recording lies in one file, and another file may use its name again.

    UserError where a file is not readable, is named twice, holds no floor transfer, or all have fewer than `min_transfers`
    together.
    """
    files = [_file(path) for path in paths]
    for index, file in enumerate(files):
        if any(file.samefile(other) for other in files[:index]):
            raise UserError(f"{file}: is named twice, and what it holds would count twice. Name it once.")
    total = together([_own_names(_measure_file(file), index) for index, file in enumerate(files)])
    n = len(total.transfers)
    if n < min_transfers:
        raise UserError(
            f"{n} floor transfers in {len(paths)} file{'s' * (len(paths) > 1)}, and a distribution needs {min_transfers}. Give "
            f"more recordings, or lower --min-transfers."
        )
    return total


def _own_names(found: Measured, index: int) -> Measured:
    """What was found in a file, with recordings that are not taken for those of another file that have their names."""
    found.transfers = [replace(t, recording=f"{index}/{t.recording}") for t in found.transfers]
    return found


def _measure_file(path: Path) -> Measured:
    name = path.name.lower()
    if name.endswith(".parquet"):
        found = together(turns.measure(path))
        if not found.n_recordings:
            raise UserError(f"{path}: holds no turns: the table has no rows.")
    else:
        reader = next((read for suffix, read in READERS.items() if name.endswith(suffix)), None)
        if reader is None:
            raise UserError(f"{path}: unknown suffix. Known: {', '.join([*READERS, '.parquet'])}.")
        recordings = reader(path)
        if not recordings:
            raise UserError(f"{path}: holds no speech: no segment longer than 0 s.")
        found = together([floor.measure(recording, segments) for recording, segments in recordings.items()])
    if not found.transfers and not found.n_excluded:
        one = (
            "only one speaker in each recording"
            if found.n_one_sided == found.n_recordings
            else "nobody takes the floor"
        )
        raise UserError(
            f"{path}: no floor transfer in {found.n_recordings} recording{'s' * (found.n_recordings > 1)} ({one}). All speakers "
            "of a recording have to be in one file."
        )
    return found


def _file(path: Path) -> Path:
    """The file itself; in the output folder of a build, its turns."""
    try:
        if path.is_dir():
            inside = path / "manifests" / "turns.parquet"
            if inside.is_file():
                return inside
            raise UserError(
                f"{path}: is a folder and no build (it has no manifests/turns.parquet). Name the files in it."
            )
        if not path.exists():
            raise UserError(f"{path}: there is no such file.")
        if not path.is_file():
            raise UserError(f"{path}: is no regular file (a pipe, a device). Write it to a file first.")
    except (OSError, ValueError):  # a name too long, a folder that may not be looked into
        raise UserError(f"{str(path)[:80]}: cannot be read.") from None
    return path
