"""Near-duplicates over a whole build: every shard's signatures go into one file, and what was decided before stays decided."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.run import write as written
from datagen.run.job import Outcome
from datagen.run.meter import Meter
from datagen.run.request import Run
from datagen.stages.write.duplicates import N_PERMUTATIONS
from datagen.stages.write.near_index import DamagedIndex, NearIndex
from datagen.stages.write.options import WriteOptions
from datagen.store.files import disk, remove

FOLDER = "near"
_SIGNATURES = "signatures.u32"
_ROW_BYTES = 4 * N_PERMUTATIONS


def near_duplicates(run: Run, outcomes: Iterable[Outcome], meter: Meter) -> list[Reject]:
    """A reject for each dialogue that nearly says what an earlier one says, of those that were spoken and rendered.

    The lower index stays. The index in the work folder goes on from the last publishing, so that growth costs what is new;
    where it is damaged, `meter` hears of it, and it is made anew.
    """
    folder = run.work / FOLDER
    with disk(folder):
        signatures = _gathered(run, outcomes, folder)
        index = _index(folder, run.build.options(WriteOptions).near_duplicate_jaccard, signatures, meter)
        index.take(signatures)
        index.save(folder, signatures)
    name = run.build.planner.dialog_id
    return [
        Reject(name(a), Stage.WRITE, "near_duplicate", f"{name(a)}: nearly the same text as {name(b)}.")
        for a, b in sorted(index.losers.items())
    ]


def _index(folder: Path, threshold: float, signatures: NDArray[np.uint32], meter: Meter) -> NearIndex:
    try:
        return NearIndex.load(folder, threshold, signatures)
    except DamagedIndex:
        meter.notice(Stage.WRITE, "The index of near-duplicates in the work folder was damaged; it is made anew.")
        remove(folder)  # the signatures too: they stay mapped, and every publishing gathers them
        return NearIndex(threshold)


def _gathered(run: Run, outcomes: Iterable[Outcome], folder: Path) -> NDArray[np.uint32]:
    """Every kept dialogue's signature in the row of its index, mapped from a file: memory does not grow with the build."""
    path = folder / _SIGNATURES
    if os.path.lexists(folder) and not NearIndex.is_in(folder):  # one that was never finished, or somebody else's
        remove(folder)
    if path.is_dir():
        remove(path)
    folder.mkdir(parents=True, exist_ok=True)
    found = list(outcomes)
    gone = {r.dialog_id for o in found for r in o.rejects}
    # Written as a file, not through the map: a disk that is full would end the process there, without a word.
    with path.open("wb") as file:
        file.truncate(run.n_dialogs * _ROW_BYTES)
        for outcome in found:
            if outcome.group == "write":
                for transcript in written.read_transcripts(Path(outcome.folder) / written.TRANSCRIPTS):
                    if transcript.dialog_id not in gone:
                        file.seek(int(transcript.dialog_id.rpartition("-")[2]) * _ROW_BYTES)
                        file.write(np.array(transcript.signature, np.uint32).tobytes())
    return np.memmap(path, np.uint32, "r", shape=(run.n_dialogs, N_PERMUTATIONS))
