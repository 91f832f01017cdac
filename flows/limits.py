"""Slots of Prefect's global concurrency limits: made where they are missing, and strict, so that no build goes without."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectException

from datagen.errors import EngineError, one_line
from datagen.run.writing import Over

LEASE_S = 60.0
"""How long a slot stays taken after its holder was killed: the shortest that Prefect has."""
LOOK_S = 10.0
"""How often a wait for a slot looks whether the build is over."""
AWAY_S = 600.0
"""How long it waits for a server that does not answer, such as one that starts again."""
RETRY_S = 2.0


def make_missing(slots: Mapping[str, int]) -> None:
    """Every limit of `slots` exists afterwards. One that was there keeps its own number: an operator may have set it."""
    with get_client(sync_client=True) as client:
        for name, n in slots.items():
            try:
                client.read_global_concurrency_limit_by_name(name)
            except ObjectNotFound:
                with contextlib.suppress(ObjectAlreadyExists):  # another build was quicker
                    client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=n))


@contextlib.contextmanager
def slot(name: str | None, over: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Holds a slot of the limit for the block, once there is a free one; no limit's where `name` is None.

    EngineError where the limit is gone, or the server does not answer for AWAY_S: without a slot nothing is done. Over, where `over`
    is true while it waits.
    """
    held = contextlib.ExitStack()
    if name is not None:
        _hold(held, name, over)
    try:
        yield
    finally:
        with contextlib.suppress(
            PrefectException, httpx.HTTPError
        ):  # a lease that cannot be given back runs out by itself
            held.close()


def _hold(held: contextlib.ExitStack, name: str, over: Callable[[], bool]) -> None:
    """Enters the slot into `held`, when there is one."""
    ends_s = time.monotonic() + AWAY_S
    while True:
        try:
            # A lease that cannot be renewed (a server that starts again) ends no work: it is safer to go on than to do it twice.
            held.enter_context(
                concurrency(
                    name, strict=True, timeout_seconds=LOOK_S, lease_duration=LEASE_S,
                    raise_on_lease_renewal_failure=False,
                )
            )  # fmt: skip
            return
        except TimeoutError:
            ends_s = time.monotonic() + AWAY_S  # it answers: none is free
        except (ConcurrencySlotAcquisitionError, PrefectException, httpx.HTTPError) as error:
            cause = error.__cause__ or error
            if not isinstance(cause, httpx.TransportError) or time.monotonic() > ends_s:
                raise EngineError(f"no slot of the limit {name}: {one_line(cause)}.") from None
            time.sleep(RETRY_S)
        if over():
            raise Over("the build was ended while it waited for a slot.")
