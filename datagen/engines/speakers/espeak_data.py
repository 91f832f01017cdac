"""Where espeak-ng finds its data: a folder of links, made once a user and machine, in which US English is found by name.

espeak-ng finds a voice by its file name before it reads the list of all voices, which takes 2 ms and leaks 3 kB each time;
US English has capitals in its own file's name, and espeak-ng looks for small letters.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from datagen.errors import EngineError

Links = dict[str, Path]
"""What each link of the folder, by its path in it, leads to."""


def data_home(source: str) -> str:
    """A folder like `source` in which `en-us` is a file of voices/. EngineError: there is no room for it in the temporary folder.

    It is named after its owner and what it links to, comes into being whole, and stays: a few kB, which every process of
    the user shares, so one that is killed leaves nothing behind that the next does not use.
    """
    try:
        links = _links(Path(source))
        home = Path(tempfile.gettempdir(), f"datagen-espeak-{_user()}-{_named(links)}")
        if not _holds(home, links):
            _place(home, links)
    except OSError as error:
        raise EngineError(
            f"speaker espeak: its links to {source} could not be made: {error}. Point TMPDIR at a folder that can be written to."
        ) from None
    return str(home)


def _links(source: Path) -> Links:
    links = {entry.name: entry for entry in sorted(source.iterdir()) if entry.name != "voices"}
    return links | {"voices/!v": source / "voices" / "!v", "voices/en-us": source / "lang" / "gmw" / "en-US"}


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _named(links: Links) -> str:
    text = "\n".join(f"{name}\t{target}" for name, target in links.items())
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _holds(home: Path, links: Links) -> bool:
    """Whether `home` is this user's own folder with every link in its place; another's is not trusted."""
    try:
        owner = home.lstat().st_uid
        placed = all(os.readlink(home / name) == str(target) for name, target in links.items())
    except OSError:
        return False
    return placed and not home.is_symlink() and (not hasattr(os, "getuid") or owner == os.getuid())


def _place(home: Path, links: Links) -> None:
    """Puts the whole folder at `home`, in the place of one that a clean-up of the temporary folder has thinned out."""
    with tempfile.TemporaryDirectory(prefix="datagen-espeak-new-") as room:
        made = Path(room, "made")
        for name, target in links.items():
            link = made / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
        for attempt in range(_ATTEMPTS):
            with suppress(OSError):
                made.rename(home)
            if _holds(home, links):
                return
            with suppress(OSError):
                home.rename(Path(room, f"thinned-{attempt}"))
    raise EngineError(
        f"speaker espeak: {home} is in the way and not this user's own. Remove it, or point TMPDIR elsewhere."
    )


_ATTEMPTS = 5
"""Another process may put the same folder there, or take the same thinned one away, at the same moment."""
