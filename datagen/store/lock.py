"""One builder a folder: an advisory lock that ends with its process, however that ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from datagen.errors import UserError
from datagen.store.files import disk
from datagen.store.links import refuse_links


class Busy(UserError):
    """Another process holds the folder."""


@contextlib.contextmanager
def only_builder(work: Path) -> Iterator[None]:
    """Holds `work`/lock for the block, or raises a UserError: another process has it, which it names, or there are links in `work`."""
    with disk(work):
        work.mkdir(parents=True, exist_ok=True)
        refuse_links(work)
        # Its file is emptied: never one that a link leads to.
        handle = os.open(work / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "?"
            raise Busy(
                f"{work.parent}: another build (process {holder}) is writing there. Wait for it, or choose another folder with --out."
            ) from None
        with disk(work):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
