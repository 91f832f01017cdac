"""`datagen sounds`: what the scene's bank holds, one's own clips with it, and how a sound sounds."""

import io
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from datagen import recipes
from datagen.audio.files import write_wav
from datagen.build import resolve
from datagen.errors import UserError
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.scene.sound_bank import Bank, clip_of
from datagen.store.files import write_bytes


def show(recipe: str, sets: list[str], as_json: bool) -> None:
    """Prints every sound, shipped or of one's own, with its files; UserError for a file that will not do."""
    bank = _bank(recipe, sets)
    found = [_entry(bank, name) for name in bank.names]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("sound", "from", "clips", "length", "licence", "note"):
        table.add_column(column, overflow="fold")
    for entry in found:
        table.add_row(*_row(entry))
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)


def hear(name: str, wav: Path, seed: int, recipe: str, sets: list[str]) -> None:
    """Writes one variant of a sound to a WAV file."""
    bank = _bank(recipe, sets)
    if name not in bank.names:
        raise UserError(f"there is no sound {name!r}. {bank.hint(name)}")
    picked = bank.pick(name, seed)
    clip = clip_of(picked["source"], name, seed)
    write_wav(made := io.BytesIO(), clip)
    write_bytes(wav, made.getvalue())
    sys.stdout.write(f"{wav}: {len(clip) / SAMPLE_RATE_HZ:.1f} s of {name}\n")


def _bank(recipe: str, sets: list[str]) -> Bank:
    return resolve(recipes.compose(recipe, sets=sets)).sounds


def _entry(bank: Bank, name: str) -> dict[str, Any]:
    clips = [
        {
            "file": str(c.path), "sha256": c.sha256, "licence": c.licence, "rate_hz": c.rate_hz, "channels": c.n_channels,
            "length_s": round(c.n_samples / SAMPLE_RATE_HZ, 3),
        }
        for c in bank.own.clips.get(name, ())
    ]  # fmt: skip
    return {"sound": name, "from": "your own" if clips else "shipped", "clips": clips}


def _row(entry: dict[str, Any]) -> list[str]:
    clips = entry["clips"]
    if not clips:
        return [entry["sound"], entry["from"], "made by code", "", "", ""]
    lengths = sorted(c["length_s"] for c in clips)
    narrow = {c["rate_hz"] for c in clips if c["rate_hz"] < SAMPLE_RATE_HZ}
    note = (
        f"recorded at {', '.join(f'{r / 1000:g}' for r in sorted(narrow))} kHz: nothing above half of it"
        if narrow
        else ""
    )
    length = f"{lengths[0]:.1f} s" if len(clips) == 1 else f"{lengths[0]:.1f} to {lengths[-1]:.1f} s"
    return [
        entry["sound"],
        entry["from"],
        str(len(clips)),
        length,
        "; ".join(sorted({c["licence"] for c in clips})),
        note,
    ]
