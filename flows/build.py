"""The pipeline as a Prefect flow: plan, then a task a shard and group of stages, then publish.

No formats, no ids and no thresholds here: the flow hands jobs to worker processes, which never import Prefect, and
the ledger is the memory (tasks are not cached: Prefect's input cache confuses tasks with equal inputs).
"""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from datagen import recipes
from datagen.cli.build import told
from datagen.errors import DatagenError, EngineError
from datagen.report.page import write_report
from datagen.run.job import GROUPS, Job, Outcome
from datagen.run.local import already_published, finish
from datagen.run.pool import default_workers, end_with, result_of
from datagen.run.preflight import check_writer
from datagen.run.request import Run, prepare
from datagen.run.spread import Shards, open_pool, tasks_at_once
from datagen.run.tally import Tally, tally_of
from datagen.run.writing import Over
from datagen.store.files import remove_temporary
from datagen.store.lock import only_builder


def _is_engine_error(task: Any, run: Any, state: State[Any]) -> bool:
    """Only an engine's failure may pass by itself; a user's or the data's does not, nor that of writing which has ended."""
    try:
        state.result()
    except EngineError as error:
        return not isinstance(error, Over)
    except Exception:
        return False
    return False


@task(
    task_run_name="{job.shard.name} {group}", cache_policy=NO_CACHE, persist_result=False,
    retries=2, retry_delay_seconds=[2, 10], retry_condition_fn=_is_engine_error,
)  # fmt: skip
def run_group(job: Job, group: str, submit: "Callable[[Job, str], Future[Outcome]]", before: Outcome | None) -> Outcome:
    """One group of stages over one shard, in a worker process. `before` is the group that it builds on."""
    outcome: Outcome = result_of(submit(job, group), job.shard.name)
    return outcome


@task(cache_policy=NO_CACHE, persist_result=False)
def publish(run: Run, tally: Tally) -> str:
    """The output folder from the shards' artefacts; what a person is told of it."""
    result = finish(run, tally)
    write_report(run.out)
    return told(run, result, new=True)


@flow(name="datagen-build", flow_run_name="{name}", validate_parameters=False)
def build_flow(recipe: dict[str, Any], out: str, workers: int, name: str) -> None:
    """Carries a resolved recipe out into `out`, with `workers` processes."""
    run = prepare(recipes.parse(recipe), Path(out))
    with only_builder(run.work):
        run = replace(run)  # what was published is read again, now that nobody else writes
        if already_published(run):
            get_run_logger().info("%s is already built: nothing to do.", out)
            return
        remove_temporary(run.out)
        check_writer(run)
        tally = tally_of(run.build)
        progress = create_progress_artifact(0.0, description=f"{run.n_dialogs} dialogues into {run.out.name}")
        runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=tasks_at_once(run, workers))
        # The pool ends first: its workers and servers are what the runner's tasks wait for.
        with runner, open_pool(run, workers, tally.progress) as pool:
            _all_groups(run, pool, runner, tally, progress)
        told_ = publish(run, tally)
    create_markdown_artifact(f"```\n{told_}```", key="datagen-build", description="What was built, and where it is.")


def _all_groups(run: Run, pool: Shards, runner: "ThreadPoolTaskRunner[Any]", tally: Tally, progress: Any) -> None:
    """Submits every shard's groups in their order and takes the outcomes as shards end."""
    chains: list[list[PrefectFuture[Any]]] = []
    for job in run.jobs:
        chain: list[PrefectFuture[Any]] = []
        for group in GROUPS:
            parameters = {"job": job, "group": group, "submit": pool.group, "before": chain[-1] if chain else None}
            chain.append(runner.submit(run_group, parameters, wait_for=chain[-1:]))
        chains.append(chain)
    for i, chain in enumerate(chains, 1):
        tally.take([future.result() for future in chain])
        update_progress_artifact(progress, 100 * i / len(chains))


@flow(name="datagen", validate_parameters=True)
def datagen(
    recipe: str = "quickstart",
    domains: str = "",
    dialogs: int | None = None,
    hours: float | None = None,
    out: str = "",
    seed: int | None = None,
    profile: str = "local",
    workers: int | None = None,
    settings: list[str] | None = None,
) -> None:
    """The command `datagen build` as a flow, for deployments: the same parameters, the same bytes."""
    names = domains.split(",") if domains else []
    composed = recipes.compose(recipe, profile, names, dialogs, hours, seed, settings or [])
    target = out or str(Path("data") / composed.name)
    build_flow(composed.model_dump(mode="json"), target, workers or default_workers(), composed.name)


def main() -> int:
    """Runs the request on stdin, for the command; the last line of stdout is the outcome as JSON."""
    end_with(os.getppid(), group=True)  # Prefect's own server too
    request = json.load(sys.stdin)
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
