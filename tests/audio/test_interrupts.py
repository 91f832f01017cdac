"""Ctrl-C while libsndfile writes to a file object: nothing is lost of the file, nor of the interrupt."""

import io
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from datagen.audio.files import write_flac
from datagen.interrupts import interrupts_wait

NOISE = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)


@pytest.fixture(autouse=True)
def _hears_interrupts() -> Iterator[None]:
    """Whoever started the tests may ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupted(io.BytesIO):
    """A file during whose third write Ctrl-C comes."""

    n_writes = 0

    def write(self, data: object) -> int:  # type: ignore[override]
        self.n_writes += 1
        if self.n_writes == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(bytes(data))  # type: ignore[arg-type]


def test_a_file_is_whole_when_ctrl_c_comes_within_its_writing() -> None:
    write_flac(whole := io.BytesIO(), NOISE)
    with pytest.raises(KeyboardInterrupt):
        write_flac(interrupted := Interrupted(), NOISE)
    assert interrupted.getvalue() == whole.getvalue()


def test_an_interrupt_comes_at_the_end_of_the_block() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupts_wait():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append(True)
    assert reached
