"""The folder OUT.building: base clips, and what has been made so far, so that a killed build goes on and leaves no half bank.

settings.json          the key of everything below; another key starts anew
bases/sources.json     what each base clip is; NNNN-clip.npy, NNNN-prompt.npy their samples
chunks/00012.json      the rows and rejects of some places, written once their files are there
bank/                  what becomes OUT, by one rename
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from datagen.audio.files import from_pcm16, to_pcm16, write_flac
from datagen.engines.speakers.bank.bases import Source
from datagen.engines.speakers.bank.draw import Base, Draw
from datagen.engines.speakers.bank.make import Made, Rejected, make
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.schema import clip_path, prompt_path
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.files import atomic, disk, read_json, remove_temporary, write_json
from datagen.store.ids import file_digest

PLACES_A_CHUNK = 8
_AUDIO = ("clip", "prompt")


def folder_of(out: Path) -> Path:
    return out.with_name(out.name + ".building")


def open_workshop(folder: Path, key: str) -> bool:
    """Makes the folder ready for a build of this key; True where it goes on with an earlier one's work."""
    settings = folder / "settings.json"
    known = read_json(settings).get("key") if settings.is_file() else None
    if known == key:
        remove_temporary(folder)
        return True
    for name in ("bases", "chunks", "bank"):
        shutil.rmtree(folder / name, ignore_errors=True)
    with disk(folder):
        for name in ("bases", "chunks", "bank/clips", "bank/prompts"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    write_json(settings, {"key": key})
    return False


def save_sources(folder: Path, sources: Sequence[Source]) -> None:
    """Keeps the base clips; the list comes last, so it names only what is there."""
    rows = []
    for index, source in enumerate(sources):
        for what in _AUDIO:
            audio = getattr(source, what)
            if audio is not None:
                with atomic(_audio_path(folder, index, what)) as beside, beside.open("wb") as file:
                    np.save(file, to_pcm16(audio), allow_pickle=False)
        row = {k: v for k, v in asdict(source).items() if k not in _AUDIO}
        prompt_s = len(source.prompt) / SAMPLE_RATE_HZ if source.prompt is not None else None
        rows.append({**row, "clip_s": len(source.clip) / SAMPLE_RATE_HZ, "prompt_s": prompt_s})
    write_json(folder / "bases" / "sources.json", rows)


def has_sources(folder: Path) -> bool:
    return (folder / "bases" / "sources.json").is_file()


def source_rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_json(folder / "bases" / "sources.json")
    return rows


def bases(folder: Path) -> list[Base]:
    return [
        Base(i, r["name"], r["person"], r["sex"], r["age"], r["f0_hz"], r["clip_s"], r["prompt_s"])
        for i, r in enumerate(source_rows(folder))
    ]


def _audio_path(folder: Path, index: int, what: str) -> Path:
    return folder / "bases" / f"{index:04d}-{what}.npy"


@lru_cache(maxsize=24)
def _source(folder: Path, index: int) -> Source:
    row = dict(source_rows(folder)[index])
    del row["clip_s"]
    prompt = _load(folder, index, "prompt") if row.pop("prompt_s") is not None else None
    row["formants_hz"] = tuple(row["formants_hz"])
    return Source(**row, clip=_load(folder, index, "clip"), prompt=prompt)


def _load(folder: Path, index: int, what: str) -> Audio:
    return from_pcm16(np.load(_audio_path(folder, index, what), allow_pickle=False))


@lru_cache(maxsize=1)
def _draw(folder: Path, options: BankOptions, seed: int) -> Draw:
    return Draw(bases(folder), options, seed)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some places of a bank that are made together, in one process."""

    folder: Path
    number: int
    first: int
    end: int
    seed: int
    options: BankOptions

    @property
    def path(self) -> Path:
        """Where what came of it stands; its name holds both ends, so a bank of another count cuts its last chunk anew."""
        return self.folder / "chunks" / f"{self.first:06d}-{self.end:06d}.json"


def chunks(folder: Path, count: int, seed: int, options: BankOptions) -> list[Chunk]:
    starts = range(0, count, PLACES_A_CHUNK)
    return [Chunk(folder, n, s, min(s + PLACES_A_CHUNK, count), seed, options) for n, s in enumerate(starts)]


def make_chunk(chunk: Chunk) -> tuple[int, int]:
    """Makes the voices of a chunk's places: how many there are now, and how many draws were rejected on the way."""
    draw = _draw(chunk.folder, chunk.options, chunk.seed)
    rows, rejects = [], []
    for place in range(chunk.first, chunk.end):
        for attempt in range(chunk.options.tries):
            wanted = draw.wanted(place, attempt)
            made = make(wanted, _source(chunk.folder, wanted.base.index), chunk.options)
            if isinstance(made, Rejected):
                what = {"sex": wanted.sex, "age": wanted.profile.age, "base": wanted.base.name}
                rejects.append(
                    {"place": place, "attempt": attempt, "reason": made.reason, "detail": made.detail, **what}
                )
                continue
            rows.append({**made.row, **_write(chunk.folder / "bank", made)})
            break
    write_json(chunk.path, {"rows": rows, "rejects": rejects})
    return len(rows), len(rejects)


def _write(bank: Path, made: Made) -> dict[str, str | None]:
    """Writes a voice's files; their digests."""
    found: dict[str, str | None] = {"clip_sha256": None, "prompt_sha256": None}
    for what, audio, place in (("clip", made.clip, clip_path), ("prompt", made.prompt, prompt_path)):
        if audio is not None:
            path = place(bank, made.row["id"])
            with atomic(path) as beside, beside.open("wb") as file:
                write_flac(file, audio)
            found[f"{what}_sha256"] = file_digest(path)
    return found


def read_chunk(chunk: Chunk) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """The rows and rejects of a chunk, None where it has not been made."""
    if not chunk.path.is_file():
        return None
    found = json.loads(chunk.path.read_bytes())
    return found["rows"], found["rejects"]
