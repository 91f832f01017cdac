"""Workers that die: one line, whenever it happens, and no process left waiting."""

import os
import signal
import subprocess
import sys
import time

import pytest

from datagen.errors import EngineError
from datagen.records.enums import Split
from datagen.run.job import Job
from datagen.run.pool import Pool, result_of
from datagen.stages.plan.shards import Shard

JOB = Job("{}", "", Shard(Split.TRAIN, 0, (0,)), False)


def test_a_pool_that_has_lost_a_worker_says_so_for_every_later_shard() -> None:
    began = time.monotonic()
    with pytest.raises(EngineError, match="train-00000: a worker process died"), Pool(1, lambda _: None) as pool:
        worker = pool._pool.submit(os.getpid).result()
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(EngineError):
            result_of(pool.shard(JOB), "train-00000")
        result_of(pool.shard(JOB), "train-00000")
    assert time.monotonic() - began < 20
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


INTERRUPTED = """
import os, signal, threading, time
from datagen.run.pool import Pool
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
try:
    threading.Timer({after_s}, os.kill, (os.getpid(), signal.SIGINT)).start()
    with Pool(2, print) as pool:
        print("up", flush=True)
        time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("after_s", [0.005, 0.5])
def test_an_interrupt_ends_the_workers_at_once_even_while_they_load(after_s: float) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(after_s=after_s)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.splitlines()[-1] == "interrupted", ran.stderr
    assert ran.stderr == ""
