"""Ray on this machine, for tests: nodes that come and go, and the actors that are at work on them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """A cluster without nodes, for the block. Whoever runs below finds it by its `address`."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # As nice as Ray makes its workers, they stand still where anybody else is busy.
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)  # the nodes' datagen is this checkout's
        made = Cluster()
        try:
            yield made
        finally:
            made.shutdown()


def actors(kind: str = "ray::Worker") -> dict[int, list[str]]:
    """The actors' processes, by number, with their command lines and those of what they run."""
    lines = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(line.split()[0]): line.split()[1:] for line in lines[1:] if kind in line}
