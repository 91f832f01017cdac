"""Sounds of the user's own: folders of audio files, each with its licence. Everything is checked before any work begins.

A clip's name is its sub-folder's, or its file's without a number at the end: `dog_bark/a.wav` and `dog_bark_2.wav` are two
dog barks. Its licence is the first line of NAME.licence (or .license, .LICENSE.txt, .LICENCE.txt) beside it, else of a
LICENCE or LICENSE (.txt, .md) in its folder or one above it, up to the one that the recipe names.
"""

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from datagen.errors import UserError
from datagen.stages.scene.sound_file import read_clip
from datagen.store.ids import digest

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
OTHER_AUDIO = (".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".caf", ".ac3", ".ape")
"""Audio that the reader does not know; any other file of the folder (a table, a note) is no clip, and left alone."""
LICENCE_ENDINGS = (".licence", ".license", ".licence.txt", ".license.txt", ".licence.md", ".license.md")
LICENCE_NAMES = tuple(name + end for name in ("licence", "license") for end in ("", ".txt", ".md"))
LICENCE_CHARACTERS = 200
WHERE = "scene.sounds.folders"

Listings = dict[Path, dict[str, list[Path]]]
"""The files of every folder, by their names in lower case."""


@dataclass(frozen=True, slots=True)
class OwnClip:
    """One file: what it is a sound of, where it is, the SHA-256 of its bytes, its licence, how it was recorded, and its
    length once it is 24 kHz mono with the silence around it gone."""

    name: str
    path: Path
    sha256: str
    licence: str
    rate_hz: int
    n_channels: int
    n_samples: int


@dataclass(frozen=True)
class OwnSounds:
    """The clips of some folders, by name, in an order that no path decides."""

    clips: Mapping[str, tuple[OwnClip, ...]]

    @cached_property
    def digest(self) -> str:
        """What the bytes of a scene depend on: names, contents and licences, and no path."""
        return digest([(c.name, c.sha256, c.licence) for clips in self.clips.values() for c in clips])

    @cached_property
    def by_sha256(self) -> dict[str, OwnClip]:
        return {c.sha256: c for clips in self.clips.values() for c in clips}


def read_folders(folders: Sequence[str]) -> OwnSounds:
    """Every clip of the folders, each read whole once; UserError, with file and fix, for the first that is no sound."""
    found: dict[str, list[OwnClip]] = {}
    for given in folders:
        folder = _folder(given)
        paths, listings = _audio_files(folder)
        if not paths:
            raise UserError(
                f"{WHERE}: {folder} holds no audio ({', '.join(SUFFIXES)}). Put clips there, or leave it out."
            )
        for clip in (_clip(path, folder, listings) for path in paths):
            found.setdefault(clip.name, []).append(clip)
    return OwnSounds({n: tuple(sorted(found[n], key=lambda c: (c.sha256, c.licence))) for n in sorted(found)})


def _folder(given: str) -> Path:
    """The folder that a name in the recipe means; UserError where it means none."""
    if not given.strip():
        raise UserError(f"{WHERE}: an empty name is no folder. Name a folder of audio files, or leave it out.")
    try:
        folder = Path(given).expanduser()
        known = folder.is_dir()
    except (OSError, RuntimeError, ValueError):  # a name too long, a folder not to be looked into, ~ of nobody
        known = False
    if not known:
        raise UserError(f"{WHERE}: {given[:200]} is no folder. Name a folder of audio files.")
    return folder


def name_of(path: Path, folder: Path) -> str:
    """What a clip is a sound of: lower-case words joined by _; a UserError where its name has no letter."""
    said = path.parent.name if path.parent != folder else path.stem
    plain = "".join(c for c in unicodedata.normalize("NFKD", said) if not unicodedata.combining(c))  # ü is u
    own = plain if path.parent != folder else re.sub(r"[^A-Za-z]*$", "", plain)
    name = "_".join(re.findall(r"[a-z0-9]+", own.lower()))
    if not re.search("[a-z]", name):
        raise UserError(
            f"{path}: its name does not say in letters from a to z what it is a sound of. Call it by that "
            f"(dog_bark_1{path.suffix}), or put it into a sub-folder of that name."
        )
    return name


def _audio_files(folder: Path) -> tuple[list[Path], Listings]:
    """The folder's clips by path, sub-folders with them, hidden ones left out, and every folder's files by lower-case name;
    UserError where it cannot be looked through."""
    listings: Listings = {}
    _list(folder, (), listings)
    paths = sorted(path for files in listings.values() for same in files.values() for path in same)
    for path in paths:
        if path.suffix.lower() in OTHER_AUDIO:
            raise UserError(
                f"{path}: {path.suffix} is not read here. Convert it: ffmpeg -i {path.name} {path.stem}.flac"
            )
    return [path for path in paths if path.suffix.lower() in SUFFIXES], listings


def _list(folder: Path, above: tuple[str, ...], listings: Listings) -> None:
    real = os.path.realpath(folder)
    if real in above:
        raise UserError(f"{folder}: is a link to a folder that it lies in, so the search would never end. Remove it.")
    try:
        entries = sorted((e for e in os.scandir(folder) if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be looked through ({error.strerror}). Mend it, or leave it out.") from None
    listings[folder] = {}
    for entry in entries:
        path = Path(entry.path)
        if path.is_dir():
            _list(path, (*above, real), listings)
        else:
            listings[folder].setdefault(entry.name.lower(), []).append(path)


def _clip(path: Path, folder: Path, listings: Listings) -> OwnClip:
    name, licence = name_of(path, folder), _licence(path, folder, listings)
    read = read_clip(path)
    return OwnClip(name, path, read.sha256, licence, read.rate_hz, read.n_channels, len(read.audio))


def _licence(path: Path, folder: Path, listings: Listings) -> str:
    """The first line of the clip's licence file, at most 200 characters; UserError where there is none."""
    for place in _places(path, folder, listings):
        try:
            if not place.is_file():
                raise UserError(f"{place}: is no regular file. Write the licence's name to one, e.g. CC0-1.0.")
            lines = place.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise UserError(
                f"{place}: the licence cannot be read ({why}). Write its name there, e.g. CC0-1.0."
            ) from None
        line = next((" ".join(each.split()) for each in lines if each.strip()), "")
        if not line:
            raise UserError(f"{place}: says no licence. Name it in the first line, e.g. CC0-1.0.")
        return line[:LICENCE_CHARACTERS]
    raise UserError(
        f"{path}: has no licence. Write it (e.g. CC0-1.0) to {path.stem}.licence beside it, or to LICENCE in its folder "
        "for all clips there."
    )


def _places(path: Path, folder: Path, listings: Listings) -> Iterator[Path]:
    """Where a clip's licence may be, the nearest first."""
    own = [stem.lower() + end for stem in (path.stem, path.name) for end in LICENCE_ENDINGS]
    above = [path.parent, *path.parent.parents]
    for at, names in [(path.parent, own), *((at, LICENCE_NAMES) for at in above[: above.index(folder) + 1])]:
        for name in names:
            yield from listings[at].get(name, ())
