"""Links in a folder that a build writes to: through one, it would write, and tidy up, in a folder that is somebody else's."""

from collections.abc import Iterator
from pathlib import Path

from datagen.errors import UserError
from datagen.store.files import disk


def refuse_links(*folders: Path) -> None:
    """UserError where something directly in one of `folders`, or in a folder in it whose name begins with a dot, is a link.

    The folders themselves may be links: that is how a person says where they lie. What is published by name lies one deep (tokens/,
    audio/), the work folder's groups two (.work/speech/); deeper ones are made by us and renamed into place, which replaces a link.
    """
    for folder in folders:
        with disk(folder):
            for path in _entries(folder):
                if path.is_symlink():
                    raise UserError(
                        f"{path}: is a link. A build writes and removes files there, which would be in {path.readlink()}. Remove the link, "
                        "or choose another folder with --out."
                    )


def _entries(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        yield path
        if path.name.startswith(".") and not path.is_symlink() and path.is_dir():
            yield from sorted(path.iterdir())
