"""The pipeline as a Prefect flow: plan, then a task a shard and group of stages, then publish.

No formats, no ids and no thresholds here: the flow hands jobs to worker processes, which never import Prefect, and
the ledger is the memory (tasks are not cached: Prefect's input cache confuses tasks with equal inputs).
"""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import deployment

from datagen import recipes
from datagen.build import resolve
from datagen.cli.build import told
from datagen.config import Recipe
from datagen.errors import DatagenError, EngineError, UserError
from datagen.records.build import BuildSummary
from datagen.report.page import REPORT_FILE, write_report
from datagen.run.growth import grown
from datagen.run.local import already_published, finish, sweep
from datagen.run.meter import Report
from datagen.run.pool import default_workers, end_with
from datagen.run.preflight import check_writer
from datagen.run.request import Run, prepare
from datagen.run.tally import Tally, tally_of
from flows import dead, limits, shown
from flows.groups import run_shards
from flows.order import Order, only_run
from flows.parameters import Busy, Dialogs, Hours, Limits, Profile, Seed, Setting, Tries, Workers


@task(cache_policy=NO_CACHE, persist_result=False)
def publish(make: Callable[[], BuildSummary]) -> BuildSummary:
    """The output folder from the shards' artefacts, and the page that shows it."""
    return make()


def carry_out(order: Order) -> None:
    """Builds what was ordered and publishes it; inside a flow run. Nothing where it is published already."""
    try:
        run = prepare(order.recipe, order.out)
        with only_run(run.work, order.busy), dead.named(run.work):
            run = replace(run)  # what was published is read again, now that nobody else writes
            run = run if order.add_hours is None else grown(run, order.add_hours)
            sweep(run)
            found = already_published(run)
            result = found or _made(run, order)
            if found and REPORT_FILE not in run.place.names():  # who published it was killed before that
                write_report(run.where)
        shown.show_published(run, result, told(run, result, new=not found), new=not found)
    except Exception:  # no signal: who cancels a run does not wait
        shown.await_server()
        raise
    shown.await_server()


def _made(run: Run, order: Order) -> BuildSummary:
    """The published build, begun anew after an engine failed, as often as was ordered."""
    ends_s = math.inf if order.time_limit_s is None else time.monotonic() + order.time_limit_s
    limits.make_missing({n: order.limits.slots()[n] for n in order.limits.taken(run).values()})
    live = shown.Live(run)
    for tried in range(1, order.tries.n + 1):
        try:
            return _once(run, order, live, ends_s)
        except EngineError as error:
            pause_s = order.tries.pause_s * 2 ** (tried - 1)
            if tried == order.tries.n or time.monotonic() + pause_s > ends_s:
                raise
            get_run_logger().warning("Try %d of %d: %s Again in %g s.", tried, order.tries.n, error, pause_s)
            time.sleep(pause_s)
            run = replace(run, build=resolve(run.build.recipe))  # its engines have ended with the try
    raise AssertionError("tries.n is at least 1")


def _once(run: Run, order: Order, live: shown.Live, ends_s: float) -> BuildSummary:
    check_writer(run)
    tally = tally_of(run.build)
    try:
        run_shards(run, order, tally, live, ends_s)
        return publish(lambda: _published(run, tally, shown.hears(tally)))
    finally:
        shown.show_tables(run, tally)


def _published(run: Run, tally: Tally, report: Report) -> BuildSummary:
    result = finish(run, tally, report)
    write_report(run.where)
    return result


@flow(name="datagen-build", flow_run_name="{name}", validate_parameters=False)
def build_flow(recipe: dict[str, Any], out: str, workers: int, name: str) -> None:
    """Carries a resolved recipe out into `out`, with `workers` processes: `datagen build --runner prefect`."""
    carry_out(Order(recipes.parse(recipe), out, workers))


@flow(name="datagen", flow_run_name="{recipe} into {out}")
def datagen(
    recipe: str = "quickstart",
    profile: Profile = "local",
    domains: list[str] | None = None,
    dialogs: Dialogs | None = None,
    hours: Hours | None = None,
    add_hours: Hours | None = None,
    out: str = "",
    seed: Seed | None = None,
    settings: list[Setting] | None = None,
    workers: Workers | None = None,
    busy: Busy = Busy(),  # noqa: B008
    tries: Tries = Tries(),  # noqa: B008
    limits: Limits = Limits(),  # noqa: B008
    time_limit_h: Hours | None = None,
) -> None:
    """The command `datagen build` as a flow, for deployments: the same parameters, the same bytes.

    Args:
        recipe: A recipe's name (`datagen recipe list`), or the path of a TOML file on the worker's machine.
        profile: Which engines: the profile that is laid over the recipe.
        domains: Domains in equal shares, instead of the recipe's mix, e.g. bank, restaurant.
        dialogs: Dialogues to plan, instead of the recipe's number. Not together with hours or add_hours.
        hours: As many dialogues as make about so many hours. Not together with dialogs or add_hours.
        add_hours: About so many hours more than the output holds: what a nightly run adds. Those of an unpublished run count once.
        out: The output folder, as a full path, or a URL. Empty, where no deployment runs it: ./data/NAME of the recipe.
        seed: Seed of every draw, instead of the recipe's.
        settings: Other knobs of the recipe, as with --set, e.g. stitch.timing=brisk.
        workers: Worker processes; empty: as many as the machine has processors.
        busy: What happens where another build is writing into the same output.
        tries: What happens where an engine fails as a whole.
        limits: Slots of the global concurrency limits llm, gpu-speech and codec, which are made where they are missing.
        time_limit_h: Ends the run after so many hours of work; the next one goes on from there.
    """
    if add_hours is not None and (dialogs is not None or hours is not None):
        raise UserError("add_hours excludes dialogs and hours: it counts from what the output holds.")
    composed = recipes.compose(recipe, profile, domains or [], dialogs, hours, seed, settings or [])
    if deployment.id:
        _only_lasting_folders(out, composed)
    target = out or str(Path("data") / composed.name)
    carry_out(
        Order(
            composed, target, workers or default_workers(), add_hours, busy, tries, limits,
            None if time_limit_h is None else time_limit_h * 3600,
        )
    )  # fmt: skip


def _only_lasting_folders(out: str, recipe: Recipe) -> None:
    """UserError where a folder is relative: a worker may run a deployment in a folder that goes when the run does."""
    if "://" not in out and not Path(out).is_absolute():
        raise UserError(f"out = {out!r}: a deployment needs a full path or a URL; its worker may run it in any folder.")
    if "://" in out and not Path(recipe.run.work_dir).is_absolute():
        raise UserError(
            f"out = {out}: work files need a folder that lasts, or nothing can be resumed. Add run.work_dir=/a/full/path to settings."
        )


def main() -> int:
    """Runs the request on stdin, for the command; the last line of stdout is the outcome as JSON."""
    request = json.load(sys.stdin)
    # Prefect's own server too. Not whoever is the parent by now: a command that was killed while this loaded has left it to another.
    end_with(request["command"], group=True)
    try:
        build_flow(request["recipe"], request["out"], request["workers"], request["recipe"]["name"])
    except DatagenError as error:
        sys.stdout.write(json.dumps({"exit_code": error.exit_code, "error": str(error)}) + "\n")
        return error.exit_code
    except RuntimeError as error:
        # What Prefect says of a server that does not answer; its traceback would tell a user nothing more.
        if "API" not in str(error):
            raise
        advice = "Start it, or unset PREFECT_API_URL; --runner local needs no Prefect."
        line = {"exit_code": EngineError.exit_code, "error": f"--runner prefect: {error}. {advice}"}
        sys.stdout.write(json.dumps(line) + "\n")
        return EngineError.exit_code
    sys.stdout.write("{}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
