"""Slots of Prefect's global concurrency limits: made where they are missing, and strict, so that no build goes without."""

import contextlib
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

    EngineError where the limit is gone, or the server cannot be asked: without a slot nothing is done. Over, where `over` is true
    while it waits.
    """
    with contextlib.ExitStack() as held:
        while name is not None:
            try:
                # A lease that cannot be renewed (a server that starts again) ends no work: it is safer to go on than to do it twice.
                held.enter_context(
                    concurrency(
                        name, strict=True, timeout_seconds=LOOK_S, lease_duration=LEASE_S,
                        raise_on_lease_renewal_failure=False,
                    )
                )  # fmt: skip
                break
            except TimeoutError:
                if over():
                    raise Over("the build was ended while it waited for a slot.") from None
            except (ConcurrencySlotAcquisitionError, PrefectException, httpx.HTTPError) as error:
                cause = error.__cause__ or error
                raise EngineError(f"no slot of the limit {name}: {one_line(cause)}.") from None
        yield
