"""Reads a bank: its voices as the plan casts them, their reference clips and their voice prompts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from datagen.engines.speakers.bank.schema import ABOUT, FORMAT, TABLE, clip_path, columns, prompt_path
from datagen.errors import DataError, UserError
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.files import read_json
from datagen.store.ids import file_digest

Row = Mapping[str, Any]
"""A voice as voices.parquet has it, by column."""


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank as read: what bank.json says, and a row a voice, sorted by id."""

    folder: Path
    about: Mapping[str, Any] = field(repr=False)
    rows: Sequence[Row] = field(repr=False)

    @property
    def id(self) -> str:
        """What its content is called by: banks of the same voices have the same id, wherever they lie."""
        return str(self.about["id"])


def read_bank(folder: Path) -> Bank:
    """A bank's rows. UserError: no bank is there, or it is one of another format; DataError: its table is not what bank.json says."""
    resolved = folder.resolve()
    if not (resolved / ABOUT).is_file():
        unfinished = " (its build has not ended: run the same `datagen voices build` again)"
        hint = unfinished if folder.with_name(folder.name + ".building").is_dir() else ""
        raise UserError(
            f"{folder}: no voice bank is there{hint}: no {ABOUT}. Make one: datagen voices build --count 200 --out {folder}"
        )
    stat = (resolved / TABLE).stat() if (resolved / TABLE).is_file() else None
    return _read(resolved, stat.st_mtime_ns if stat else 0, stat.st_size if stat else 0)


@lru_cache(maxsize=8)
def _read(folder: Path, mtime_ns: int, size: int) -> Bank:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datagen.store.parquet_limits import check_file

    about = read_json(folder / ABOUT)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else None
        raise UserError(f"{folder}: a bank of format {found!r}, and this datagen reads {FORMAT}. Build it anew.")
    path = folder / TABLE
    if not size or file_digest(path) != about.get("voices_sha256"):
        raise DataError(f"{path}: is not the table that {ABOUT} names (SHA-256). Build the bank anew.")
    try:
        check_file(pq.read_metadata(path))
        table = pq.read_table(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None
    lacking = sorted(set(columns().names) - set(table.column_names))
    if lacking:
        raise DataError(f"{path}: lacks {', '.join(lacking)}. Build the bank anew.")
    return Bank(folder, about, table.to_pylist())


def voices_of_bank(folder: Path, engine: str) -> tuple[Voice, ...]:
    """A bank's voices, sorted by id, as voices of the engine that is to speak in them. Errors as `read_bank` has them."""
    bank = read_bank(folder)
    return tuple(_voice(row, engine, f"bank-{bank.id[:12]}") for row in bank.rows)


def _voice(row: Row, engine: str, family: str) -> Voice:
    f1, f2, f3 = row["formants_hz"]
    return Voice(
        id=row["id"],
        engine=engine,
        base=row["base"],
        transform=json.loads(row["transform"]),
        sex=row["sex"],
        f0_hz=row["f0_hz"],
        formants_hz=(f1, f2, f3),
        licence=row["licence"],
        family=family,
        person=row["person"],
        age=row["age"],
        clip=row["clip_sha256"],
        held_out=row["held_out"],
        place=tuple(round(float(x), 5) for x in row["place"]),
    )


def clip_of(folder: Path, voice: Voice) -> Audio:
    """A voice's reference clip, mono float32 at 24 kHz, 6 to 12 s at -24 LUFS. DataError: not there, or not the one that was measured."""
    return _sound(clip_path(folder, voice.id), voice.id, voice.clip)


def prompt_of(folder: Path, voice: Voice) -> Audio | None:
    """A voice's prompt, mono float32 at 24 kHz, 10 to 30 s at -24 LUFS; None where the bank has none of it. DataError as `clip_of`."""
    row = next((r for r in read_bank(folder).rows if r["id"] == voice.id), None)
    if row is None:
        raise DataError(f"{folder}: has no voice {voice.id}. `datagen voices list {folder}` names them.")
    if row["prompt_sha256"] is None:
        return None
    return _sound(prompt_path(folder, voice.id), voice.id, row["prompt_sha256"])


def _sound(path: Path, voice_id: str, sha256: str) -> Audio:
    from datagen.audio.files import read_audio

    if not path.is_file():
        raise DataError(f"{path}: voice {voice_id} has lost its file. `datagen voices check` names all that is amiss.")
    if file_digest(path) != sha256:
        raise DataError(
            f"{path}: is not the file that was measured (SHA-256). `datagen voices check` names all that is amiss."
        )
    audio, rate_hz = read_audio(path)
    if rate_hz != SAMPLE_RATE_HZ or audio.ndim != 1:
        raise DataError(f"{path}: {audio.ndim} channels at {rate_hz} Hz, and mono at {SAMPLE_RATE_HZ} Hz is needed.")
    return audio
