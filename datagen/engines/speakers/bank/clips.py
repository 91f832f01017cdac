"""A user's own reference clips: a folder of audio files, and who they are and under which licence.

DIR/NAME.wav (.flac, .ogg, .mp3)    one speaker alone, from 6 s on; from 20 s on there is a voice prompt of it too
DIR/LICENCE.txt                     its first line is the licence of all clips; or voices.toml names it
DIR/voices.toml                     optional:
    licence = "CC-BY-4.0"           # of all clips
    provenance = "recorded 2026 by …, with consent"
    [clips.NAME]                    # of one clip; every key is optional
    sex = "female"                  # else by its pitch: from 160 Hz on female
    age = "adult"                   # child, adult or elderly
    person = "anna"                 # clips of one person share a split; default NAME
    licence = "CC0-1.0"
    provenance = "…"
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datagen.engines.speakers.bank.bases import Source, source_of, trimmed
from datagen.engines.speakers.bank.clip_gates import Bad, read_clip
from datagen.engines.speakers.bank.schema import AGES, CLIP_S, PROMPT_S, SEXES
from datagen.errors import DataError, UserError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.ids import file_digest

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
LICENCE_FILES = ("LICENCE.txt", "LICENSE.txt", "LICENCE", "LICENSE")
TABLE = "voices.toml"
BESIDE = ("README", "README.md", "README.txt", TABLE, *LICENCE_FILES)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
FEMALE_FROM_HZ = 160.0
"""Between the ranges of men's and women's median pitch (Baken and Orlikoff 2000: 85 to 155 Hz and 165 to 255 Hz)."""
MAX_TEXT = 500
_KEYS = ("sex", "age", "person", "licence", "provenance")
_REFERENCE_S = (7.0, 10.5)
"""Where a long clip is cut: room is left for a transform that makes it slower."""
_LONGEST_PROMPT_S = 25.0


@dataclass(frozen=True)
class Clips:
    """The base clips of a folder, and the SHA-256 of each file with what was said of it: what a bank depends on."""

    sources: list[Source] = field(repr=False)
    digests: dict[str, Any] = field(repr=False)


def read_clips(folder: Path, skip_bad: bool, say: Callable[[str], None]) -> Clips:
    """Every clip of a folder, measured. UserError: the folder, its licence or its table is amiss; DataError: clips are refused.

    All refused clips are named, a line each through `say`, before the error; with `skip_bad` the others are used.
    """
    if not folder.is_dir():
        raise UserError(f"--clips {folder}: there is no such folder.")
    table = _table(folder)
    files, refused = _files(folder)
    unknown = sorted(set(table["clips"]) - {p.stem for p in files} - {p.stem for p, _ in refused})
    if unknown:
        raise UserError(f"{folder}/{TABLE}: clips.{unknown[0]}: there is no such clip in the folder.")
    sources, digests = [], {}
    heard: dict[str, str] = {}
    for path in files:
        entry = _entry(folder, table, path.stem)
        made = _source(path, entry)
        if not isinstance(made, Bad):
            # Two names for one voice would put it on both sides of the held-out line.
            first = heard.setdefault(hashlib.sha256(made.clip.tobytes()).hexdigest(), path.name)
            made = Bad("twice", f"is the same sound as {first}. Remove one.") if first != path.name else made
        if isinstance(made, Bad):
            refused.append((path, made))
        else:
            sources.append(made)
            digests[path.name] = [file_digest(path), entry]
    for path, bad in refused:
        say(f"{_shown(path.name)}: {bad.detail}")
    if refused and not skip_bad:
        reasons = ", ".join(sorted({bad.reason for _, bad in refused}))
        raise DataError(
            f"--clips {folder}: {len(refused)} of {len(refused) + len(sources)} clips are refused ({reasons}; see above). "
            "Remove or mend them, or add --skip-bad."
        )
    if not sources:
        raise DataError(
            f"--clips {folder}: there is no clip that could be used. Audio files are needed: {', '.join(SUFFIXES)}."
        )
    return Clips(sources, digests)


def _files(folder: Path) -> tuple[list[Path], list[tuple[Path, Bad]]]:
    """The audio files by name, and what else lies there."""
    files, refused = [], []
    stems: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in BESIDE:
            continue
        bad = _misplaced(path, folder)
        if bad is None and path.stem in stems:
            bad = Bad("name", f"has the name of {stems[path.stem].name}. Rename one.")
        if bad is not None:
            refused.append((path, bad))
            continue
        stems[path.stem] = path
        files.append(path)
    return files, refused


def _misplaced(path: Path, folder: Path) -> Bad | None:
    if folder.resolve() not in path.resolve().parents:
        return Bad("name", "leads out of the folder. Copy the file itself there.")
    if not path.is_file():
        return Bad("not_audio", "is no file.")
    if path.suffix.lower() not in SUFFIXES:
        return Bad("not_audio", f"is no audio file by its name ({', '.join(SUFFIXES)}).")
    if not NAME.fullmatch(path.stem):
        return Bad("name", "a name has letters without accents, figures, - and _ alone, 64 at most. Rename it.")
    return None


def _table(folder: Path) -> dict[str, Any]:
    """voices.toml, checked; empty tables where there is none."""
    path = folder / TABLE
    table: dict[str, Any] = {}
    if path.is_file():
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(f"{path}: not a TOML file: {error}.") from None
    clips = table.setdefault("clips", {})
    strange = sorted(set(table) - {"licence", "provenance", "clips"})
    if strange or not isinstance(clips, dict):
        raise UserError(
            f"{path}: {_shown(strange[0]) if strange else 'clips'}: is no key of it. It has licence, provenance and [clips.NAME]."
        )
    for name, entry in clips.items():
        if not NAME.fullmatch(name):
            raise UserError(
                f"{path}: clips.{_shown(name)}: no name of a clip: a file's name without its ending, no path."
            )
        if not isinstance(entry, dict) or set(entry) - set(_KEYS):
            odd = sorted(set(entry) - set(_KEYS))[0] if isinstance(entry, dict) else ""
            raise UserError(f"{path}: clips.{name}: {_shown(odd) or 'no table'}: it may have {', '.join(_KEYS)}.")
    return table


def _entry(folder: Path, table: Mapping[str, Any], name: str) -> dict[str, str]:
    """What is known of one clip: its own words, else the folder's. UserError: no licence, or a wrong value."""
    own: Mapping[str, Any] = table["clips"].get(name, {})
    entry = {
        "sex": own.get("sex", ""),
        "age": own.get("age", "adult"),
        "person": own.get("person", name),
        "licence": own.get("licence") or table.get("licence") or _licence_file(folder),
        "provenance": own.get("provenance") or table.get("provenance") or "brought by the user",
    }
    where = f"{folder}/{TABLE}: clips.{name}"
    for key, value in entry.items():
        if not isinstance(value, str) or len(value) > MAX_TEXT or not (value.isprintable()):
            raise UserError(f"{where}.{key}: has to be a line of text of at most {MAX_TEXT} characters.")
    if not entry["licence"].strip():
        raise UserError(
            f'{folder}: no licence for {name}: write it in the first line of {folder}/{LICENCE_FILES[0]}, or licence = "…" in {TABLE}.'
        )
    for key, known in (("sex", ("", *SEXES)), ("age", AGES)):
        if entry[key] not in known:
            raise UserError(
                f"{where}.{key} = {_shown(entry[key])}: has to be one of {', '.join(k for k in known if k)}."
            )
    if not NAME.fullmatch(entry["person"]):
        raise UserError(f"{where}.person = {_shown(entry['person'])}: letters, figures, - and _ alone, 64 at most.")
    return entry


def _licence_file(folder: Path) -> str:
    """The first line of the licence file that has anything in it; empty where there is none."""
    for name in LICENCE_FILES:
        if (folder / name).is_file():
            lines = (folder / name).read_bytes()[:100_000].decode("utf-8", errors="replace").splitlines()
            return next((line.strip()[:MAX_TEXT] for line in lines if line.strip()), "")
    return ""


def _source(path: Path, entry: Mapping[str, str]) -> Source | Bad:
    audio = read_clip(path)
    if isinstance(audio, Bad):
        return audio
    clip, prompt = parts(trimmed(audio))
    if len(clip) < CLIP_S[0] * SAMPLE_RATE_HZ:
        return Bad(
            "short",
            f"{len(clip) / SAMPLE_RATE_HZ:.1f} s without the silence at its ends, and {CLIP_S[0]:g} at least are needed.",
        )
    sex, provenance = entry["sex"], f"{entry['provenance']}; moved by Praat's Change gender"
    made = source_of(
        path.stem,
        f"clip:{entry['person']}",
        "clip",
        sex or "female",
        entry["age"],
        entry["licence"],
        provenance,
        clip,
        prompt,
    )
    if made is None:
        return Bad("no_speech", "under a second of it is voiced.")
    if sex or made.f0_hz >= FEMALE_FROM_HZ:
        return made
    again = source_of(path.stem, made.person, "clip", "male", made.age, made.licence, provenance, clip, prompt)
    return again or Bad("no_speech", "under a second of it is voiced.")


def parts(audio: Audio) -> tuple[Audio, Audio | None]:
    """The reference clip and, where enough is left, the voice prompt: cut at pauses, so that neither begins inside a word."""
    if len(audio) <= _REFERENCE_S[1] * SAMPLE_RATE_HZ:
        return audio, None
    at = _pause(audio, *_REFERENCE_S)
    rest = trimmed(audio[at:])
    if len(rest) < PROMPT_S[0] * SAMPLE_RATE_HZ:
        return trimmed(audio[:at]), None
    if len(rest) > _LONGEST_PROMPT_S * SAMPLE_RATE_HZ:
        rest = trimmed(rest[: _pause(rest, 0.7 * _LONGEST_PROMPT_S, _LONGEST_PROMPT_S)])
    return trimmed(audio[:at]), rest


def _pause(audio: Audio, low_s: float, high_s: float) -> int:
    """The middle of the quietest fifth of a second between two times."""
    width = round(0.2 * SAMPLE_RATE_HZ)
    first, last = round(low_s * SAMPLE_RATE_HZ), min(round(high_s * SAMPLE_RATE_HZ), len(audio))
    power = np.concatenate([[0.0], np.cumsum(np.square(audio[first:last], dtype=np.float64))])
    if len(power) <= width:
        return last
    return first + int(np.argmin(power[width:] - power[:-width])) + width // 2


def _shown(name: str) -> str:
    """A name as it may stand in a line: what cannot be printed is spelled out."""
    return ascii(name)[1:-1][:120]
