"""Blocks that Ctrl-C and SIGTERM wait for, because what they would cut off says nothing of it."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM wait for the end of the block; in another thread than the main one they never come.

    For the birth of a process, which prints a traceback, and for callbacks from C, in which an interrupt is lost and what they wrote has
    a hole: libsndfile's, where it writes to a file object.
    """
    came: list[int] = []
    wanted = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
