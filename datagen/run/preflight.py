"""What stands against a build before any work: all of it for `--dry-run`, and for a build the first before a server writes a word."""

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from datagen import domains
from datagen.build import STAGE_OPTIONS, Build, kinds_of, options_of, serves
from datagen.config import Recipe, read_options
from datagen.errors import DatagenError, UserError
from datagen.protocols import WriteRequest
from datagen.records.enums import Kind
from datagen.records.plan import DialogPlan
from datagen.run.at_hand import remote_writer, waits
from datagen.run.job import ledger_of
from datagen.run.ray.connection import check_installed
from datagen.run.request import Run, prepare
from datagen.store.ids import seed_of

LOOKED_AT = 2_000
"""Dialogues of a plan among which each scenario's longest is looked for: drawing them takes a second."""

T = TypeVar("T")


def problems(recipe: Recipe, out: str | Path) -> tuple[Run | None, list[DatagenError]]:
    """The run, or None where it cannot be resolved, and everything that stands against it, each a line with its exit code."""
    found: list[DatagenError] = []
    for look in _looks(recipe):
        _try(look, found)
    run = None if found else _try(lambda: prepare(recipe, out), found)
    if run is not None:
        _try(lambda: run.jobs, found)
        _try(lambda: found.extend(obstacles(run)), found)
    return run, list({str(e): e for e in found}.values())


def _looks(recipe: Recipe) -> list[Callable[[], Any]]:
    """A look at each part that may be at fault by itself: the options of stages and engines, the domains."""
    looks: list[Callable[[], Any]] = []
    for name, model in STAGE_OPTIONS.items():
        looks.append(partial(read_options, model, getattr(recipe, name), name))
    looks += [partial(options_of, recipe, kind) for kind in kinds_of(recipe)]
    looks += [check_installed] if recipe.run.spread == "ray" else []
    looks += [partial(_domain, recipe, domain, entry.kind) for entry in recipe.mix for domain in entry.domains]
    return looks


def _domain(recipe: Recipe, name: str, kind: Kind) -> None:
    serves(domains.load(name, recipe.domain_folders), kind)


def _try(look: Callable[[], T], found: list[DatagenError]) -> T | None:
    try:
        return look()
    except DatagenError as error:
        found.append(error)
        return None


def check_writer(run: Run) -> None:
    """Raises the first obstacle, before anything is asked of a server; nothing is looked at where all is written.

    A place that cannot be written to is the first: to be told of it after a night's work would be late.
    """
    run.place.claim()
    ledger = ledger_of(str(run.work))
    done = all(
        os.path.lexists(ledger.folder("write", j.shard.name, run.build.write_key(j.shard.indices))) for j in run.jobs
    )
    found = [] if done else sorted(obstacles(run), key=lambda e: e.exit_code)
    if found:
        more = f" And {len(found) - 1} more: datagen build --dry-run lists them." if len(found) > 1 else ""
        raise type(found[0])(f"{found[0]}{more}")


def obstacles(run: Run) -> list[DatagenError]:
    """What stands against the engines that say so, servers and models' files. What the user has wrong says of which."""
    build = run.build
    found: list[DatagenError] = []
    # In a thread of their own: whoever calls this may have an event loop in his.
    with ThreadPoolExecutor(1) as thread:
        if waits(build):
            found += _of(
                "writer", thread.submit(remote_writer(build).preflight, requests(build, run.n_dialogs)).result()
            )
        if "judge" in build.kinds:
            found += _of("judge", thread.submit(build.engine("judge").preflight).result())
    for kind in build.kinds:
        if kind not in ("writer", "judge") and hasattr(engine := build.engine(kind), "preflight"):
            found += _of(kind, engine.preflight())
    return found


def _of(kind: str, found: Iterable[DatagenError]) -> list[DatagenError]:
    return [UserError(f"{kind}: {e}") if isinstance(e, UserError) else e for e in found]


def requests(build: Build, n_dialogs: int) -> list[WriteRequest]:
    """One request a scenario, that of the longest plan among the build's first: the longest prompt counts."""
    longest: dict[tuple[Kind, str, str], tuple[int, DialogPlan]] = {}
    for index in range(min(n_dialogs, LOOKED_AT)):
        plan = build.planner.plan(index)
        size, key = len(json.dumps(plan.instance, default=str)), (plan.kind, plan.domain, plan.scenario)
        if size > longest.get(key, (0, plan))[0]:
            longest[key] = size, plan
    return [WriteRequest(plan, seed_of(plan.seed, "write", 0)) for _, plan in longest.values()]
