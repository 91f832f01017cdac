"""A build as it was ordered: the recipe, where it goes, and what happens when something stands in its way."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prefect import get_run_logger

from datagen.config import Recipe
from datagen.errors import UserError
from datagen.store.lock import Busy as HeldByAnother
from datagen.store.lock import only_builder
from flows.parameters import Busy, Limits, Tries

LOOK_S = 2.0
"""How often a waiting run looks whether the other has ended."""


@dataclass(frozen=True)
class Order:
    """What one flow run is to do. `time_limit_s` ends it, None never; `add_hours` counts from the version that is there."""

    recipe: Recipe
    out: str
    workers: int
    add_hours: float | None = None
    busy: Busy = field(default_factory=Busy)
    tries: Tries = field(default_factory=lambda: Tries(n=1))
    limits: Limits = field(default_factory=Limits)
    time_limit_s: float | None = None


@contextlib.contextmanager
def only_run(work: Path, busy: Busy) -> Iterator[None]:
    """Holds the work folder for the block; where another has it, refuses or waits, as `busy` says."""
    ends_s, said = time.monotonic() + busy.at_most_h * 3600, False
    with contextlib.ExitStack() as held:
        while True:
            try:
                held.enter_context(only_builder(work))
                break
            except HeldByAnother as error:
                if busy.then == "refuse":
                    raise
                if time.monotonic() >= ends_s:
                    raise UserError(f"waited {busy.at_most_h:g} h. {error}") from None
                if not said:
                    get_run_logger().info("%s This run waits for it.", error)
                said = True
            time.sleep(LOOK_S)
        yield
