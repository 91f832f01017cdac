"""One Prefect server for all tests of flows in a process."""

from collections.abc import Iterator

import pytest

from tests.conftest import datagen, tree
from tests.flows.served import FLAGS, Served


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running server."""
    server = Served(tmp_path_factory.mktemp("prefect"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def deployed(served: Served) -> Served:
    """The server with the pools and deployments of prefect.yaml, none of which is on its schedule."""
    for kind in ("process", "docker", "kubernetes"):
        served.pool(kind)
    served.command("deploy", "--all")
    for deployment in served.all("deployments"):
        served.ask("PATCH", f"deployments/{deployment['id']}", {"paused": True})
    return served


@pytest.fixture(scope="module")
def working(deployed: Served) -> Iterator[Served]:
    """The server with a process worker."""
    with deployed.worker():
        yield deployed


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the tiny build, as the local runner makes it."""
    out = tmp_path_factory.mktemp("tiny") / "out"
    ran = datagen(*FLAGS, "--runner", "local", "--out", out, "--quiet")
    assert ran.code == 0, ran.err
    return tree(out)
