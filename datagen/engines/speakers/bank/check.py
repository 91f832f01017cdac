"""Measures a bank's files again: are they there, the ones that were measured, as long, as loud, and the voices that were asked for?"""

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from datagen.audio.files import read_audio
from datagen.audio.levels import integrated_lufs
from datagen.engines.speakers.bank.make import hear_voice
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.places import tell
from datagen.engines.speakers.bank.reader import Row, read_bank
from datagen.engines.speakers.bank.schema import CLIP_S, LEVEL_LUFS, PROMPT_S, clip_path, prompt_path
from datagen.engines.speakers.bank.sound import mean_ratio
from datagen.errors import DataError
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.store.ids import file_digest

LEVEL_TOLERANCE_LU = 0.2
"""Fades and 16 bits move the loudness by a few hundredths."""


def check_bank(folder: Path, jobs: int) -> tuple[list[str], int]:
    """A line for everything that is amiss, in the order of the ids, and the number of voices. Errors as `read_bank` has them."""
    bank = read_bank(folder)
    options = BankOptions(**bank.about["options"])
    faults = _duplicates(bank.rows) + _strangers(folder, bank.rows)
    look = partial(_voice_faults, folder, options)
    if jobs == 1 or len(bank.rows) < 16:
        found = [look(row) for row in bank.rows]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            found = list(pool.map(look, bank.rows, chunksize=16))
    faults += [f for lines in found for f in lines]
    told = tell(np.array([r["place"] for r in bank.rows], dtype=np.float64))
    if told.n_distinct != bank.about["counts"]["distinct"]:
        faults.append(
            f"bank.json: {bank.about['counts']['distinct']} distinct voices, and by their places there are {told.n_distinct}"
        )
    return faults, len(bank.rows)


def _duplicates(rows: Sequence[Row]) -> list[str]:
    """Ids and clips that stand twice, and people on both sides of the held-out line."""
    lines = [f"{name}: stands twice" for name, n in Counter(r["id"] for r in rows).items() if n > 1]
    clips = Counter(r["clip_sha256"] for r in rows)
    lines += [f"{r['id']}: its clip is another voice's too" for r in rows if clips[r["clip_sha256"]] > 1]
    sides = Counter(person for person, _ in {(r["person"], r["held_out"]) for r in rows})
    return lines + [
        f"person {person}: is held out in some voices and not in others" for person, n in sides.items() if n > 1
    ]


def _strangers(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Files beside the voices' own."""
    lines = []
    for place, named in ((clip_path, "clip_sha256"), (prompt_path, "prompt_sha256")):
        home = place(folder, "x").parent
        here = set(home.iterdir()) if home.is_dir() else set()
        lines += [
            f"{p.relative_to(folder)}: belongs to no voice"
            for p in sorted(here - {place(folder, r["id"]) for r in rows if r[named]})
        ]
    return lines


def _voice_faults(folder: Path, options: BankOptions, row: Row) -> list[str]:
    lines = _file_faults(clip_path(folder, row["id"]), row["clip_sha256"], CLIP_S)
    if row["prompt_sha256"] is not None:
        lines += _file_faults(prompt_path(folder, row["id"]), row["prompt_sha256"], PROMPT_S)
    if not lines:
        lines = _measure_faults(clip_path(folder, row["id"]), row, options)
    return [f"{row['id']}: {line}" for line in lines]


def _file_faults(path: Path, sha256: str, limits_s: tuple[float, float]) -> list[str]:
    if not path.is_file():
        return [f"{path.parent.name}/{path.name} is not there"]
    lines = (
        []
        if file_digest(path) == sha256
        else [f"{path.parent.name}/{path.name} is not the file that was measured (SHA-256)"]
    )
    try:
        audio, rate_hz = read_audio(path)
    except DataError as error:
        return [*lines, str(error)]
    if rate_hz != SAMPLE_RATE_HZ or audio.ndim != 1:
        return [
            *lines,
            f"{path.parent.name}: {audio.ndim} channels at {rate_hz} Hz, and mono at {SAMPLE_RATE_HZ} Hz is needed",
        ]
    seconds, level = len(audio) / SAMPLE_RATE_HZ, integrated_lufs(audio)
    if not limits_s[0] <= seconds <= limits_s[1]:
        lines.append(f"{path.parent.name}: {seconds:.1f} s, and {limits_s[0]:g} to {limits_s[1]:g} s are needed")
    if not abs(level - LEVEL_LUFS) <= LEVEL_TOLERANCE_LU:
        lines.append(
            f"{path.parent.name}: {level:.1f} LUFS, and {LEVEL_LUFS:g} is needed (within {LEVEL_TOLERANCE_LU:g})"
        )
    return lines


def _measure_faults(path: Path, row: Row, options: BankOptions) -> list[str]:
    """F0 and formants of the clip against what was asked."""
    transform = json.loads(row["transform"])
    sex = "female" if transform["base_female"] else "male"
    found = hear_voice(read_audio(path)[0], row["asked_f0_hz"], sex, row["asked_formant_ratio"])
    if found is None:
        return ["under a second of the clip is voiced"]
    lines = []
    off = found.f0_hz / row["asked_f0_hz"] - 1
    if abs(off) > options.f0_tolerance:
        lines.append(f"F0 is {found.f0_hz:.1f} Hz, {off:+.1%} off what was asked")
    base = (transform["base_f1_hz"], transform["base_f2_hz"], transform["base_f3_hz"])
    off = mean_ratio(found.formants_hz, base) / row["asked_formant_ratio"] - 1
    if abs(off) > options.formant_tolerance + 1e-4:
        lines.append(f"the formants' factor is {off:+.1%} off what was asked")
    return lines
