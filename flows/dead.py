"""Runs that died: the run that holds an output is named there, so the next one knows whom to mark as crashed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.runtime import flow_run
from prefect.states import Crashed

from datagen.store.files import write_bytes

NAME_FILE = "flow-run"
"""In the work folder while a run holds it: the run's id. Who finds one, and has the folder's lock, knows that its run is dead."""


@contextlib.contextmanager
def named(work: Path) -> Iterator[None]:
    """Names this run in the work folder for the block. Only for the holder of its lock: a run that is named there has died, and is
    marked as crashed where the server still takes it for running."""
    path = work / NAME_FILE
    try:
        dead = UUID(path.read_text().strip())
    except (OSError, ValueError):
        dead = None
    if dead is not None:
        _mark(dead)
    write_bytes(path, f"{flow_run.id}\n".encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _mark(dead: UUID) -> None:
    """Marks the run, and its tasks that seem to run, as crashed; a server that does not know it, or does not answer, is no obstacle."""
    try:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(dead)
            if run.state is None or run.state.is_final():
                return
            why = f"Its process died; flow run {flow_run.name} found that and goes on from there."
            client.set_flow_run_state(dead, Crashed(message=why), force=True)
            _mark_tasks(client, dead, why)
        get_run_logger().warning("Flow run %s had died: it is marked as crashed. What it did is kept.", run.name)
    except ObjectNotFound:
        return  # another server's run
    except (PrefectException, httpx.HTTPError) as error:
        get_run_logger().warning("Flow run %s died, and cannot be marked as crashed: %s", dead, error)


def _mark_tasks(client: SyncPrefectClient, dead: UUID, why: str) -> None:
    running = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING])))
    which = FlowRunFilter(id=FlowRunFilterId(any_=[dead]))
    while found := client.read_task_runs(flow_run_filter=which, task_run_filter=running, limit=200):
        for task in found:
            client.set_task_run_state(task.id, Crashed(message=why), force=True)
