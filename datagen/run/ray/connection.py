"""The way to a Ray cluster and back: connected by the recipe's address, its nodes seen, its faults told in a line."""

import contextlib
import importlib.util
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

from datagen.errors import EngineError, UserError, one_line
from datagen.run.ray.crews import Cluster, Node

LOCAL = "local"
"""The address of a cluster of this machine, for one build alone."""
_ANSWER_S = 10.0
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
}


def connect(address: str, n_cpus: int) -> bool:
    """Connects this process to the cluster; whether it was not connected before, and so has to be `disconnect()`ed.

    A local cluster offers `n_cpus` processors. Raises UserError where Ray is not installed or no cluster answers,
    EngineError where one answers and takes nobody of this Ray, Python or token.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    check_installed()
    import ray

    if ray.is_initialized():
        return False
    local: dict[str, Any] = {"num_cpus": n_cpus, "include_dashboard": False} if address == LOCAL else {}
    where = LOCAL if address == LOCAL else _answering(address)
    with _own_signals(), _no_other_address():
        try:
            ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, **local)
        except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise EngineError(f"--runner ray: the cluster at {where} refuses this process: {one_line(error)}") from None
    return True


def _answering(address: str) -> str:
    """HOST:PORT of the cluster that is meant, where something listens: Ray itself would try for minutes."""
    from ray._private.services import canonicalize_bootstrap_address

    given = address or os.environ.get("RAY_ADDRESS", "")
    if given.startswith("ray://"):
        raise UserError(
            f"run.ray.address {given}: a build runs on a machine of the cluster, where its output folder is. Run the command "
            "there (ray job submit does), with run.ray.address empty."
        )
    try:
        found = given if given not in ("", "auto") else str(canonicalize_bootstrap_address("auto"))
        host, _, port = found.rpartition(":")
        socket.create_connection((host, int(port)), _ANSWER_S).close()
    except (OSError, ValueError, OverflowError) as error:
        there = f"at {given}" if given else "on this machine, and RAY_ADDRESS is not set"
        raise UserError(
            f"run.ray.address: no Ray cluster answers {there} ({one_line(error)}). Start one with ray start --head, or "
            "--set run.ray.address=local for one of this build's own."
        ) from None
    return found


def check_installed() -> None:
    """UserError where Ray is not there."""
    if importlib.util.find_spec("ray") is None:
        raise UserError("--runner ray: Ray is not installed. pip install 'datagen[ray]'.")


def disconnect() -> None:
    """Leaves the cluster; a local one ends."""
    import ray

    ray.shutdown()


def cluster() -> Cluster:
    """The nodes that are alive, and what of each is free now."""
    import ray
    from ray._private.state import available_resources_per_node

    free = available_resources_per_node()
    return Cluster(
        [
            Node(n["NodeID"], n["NodeManagerAddress"], dict(n["Resources"]), dict(free.get(n["NodeID"], {})))
            for n in sorted(ray.nodes(), key=lambda n: str(n["NodeID"]))
            if n["Alive"]
        ]
    )


@contextlib.contextmanager
def _no_other_address() -> Iterator[None]:
    """Hides RAY_ADDRESS, which Ray would take for the one that it is given."""
    before = os.environ.pop("RAY_ADDRESS", None)
    try:
        yield
    finally:
        if before is not None:
            os.environ["RAY_ADDRESS"] = before


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps SIGTERM and Ctrl-C as they are: Ray takes SIGTERM for itself, and a build would end by it without a word."""
    wanted = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
