"""What Prefect shows of a build: live progress, tables of stages and rejects, the report, and the event of a new version.

None of it is worth a build: where the server does not take it, the log says so and the build goes on.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.exceptions import PrefectException

from datagen.records.build import BuildSummary
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.report.page import REPORT_FILE
from datagen.run.meter import Progress, Report
from datagen.run.request import Run
from datagen.run.tally import Tally

PUBLISHED = "datagen.build.published"
"""The event that a new version of a corpus is there, for automations and triggers of other deployments."""
PROGRESS_S = 2.0
"""How often the progress is told at most."""
AWAY_S = 600.0
"""How long the end of a run waits for a server that does not answer."""
MAX_REASONS = 50
"""Rows of the table of rejects: the commonest reasons."""


def key(run: Run, what: str) -> str:
    """An artifact's key: one a corpus, so that Prefect lists a corpus's artifacts version by version."""
    return f"datagen-{re.sub(r'[^a-z0-9]+', '-', run.build.recipe.name.lower()).strip('-')}-{what}"


def try_to(show: Callable[[], Any]) -> Any:
    """What `show` gives; None, and a line in the log, where the server does not take it."""
    try:
        return show()
    except (PrefectException, httpx.HTTPError, RuntimeError) as error:
        get_run_logger().warning("Not shown in Prefect: %s", error)
        return None


def await_server() -> None:
    """Waits for a server that is away, so that the run's last state, which is told once, is heard."""
    ends_s = time.monotonic() + AWAY_S
    with get_client(sync_client=True) as client:
        while client.api_healthcheck() is not None and time.monotonic() < ends_s:
            time.sleep(PROGRESS_S)


class Live:
    """The progress artifact of a run, moved on as dialogues are packed or rejected."""

    def __init__(self, run: Run) -> None:
        self._n_dialogs = run.n_dialogs
        words = f"{run.n_dialogs} dialogues of {run.build.recipe.name}, those done before included"
        self._id: UUID | None = try_to(lambda: create_progress_artifact(0.0, key(run, "progress"), words))
        self._percent, self._next_s = 0.0, 0.0

    def show(self, tally: Tally, last: bool = False) -> None:
        """Tells the server how far it is, unless it was told a moment ago or nothing has moved."""
        percent = 100 * min(1.0, (tally.done[Stage.PACK] + sum(tally.rejected.values())) / self._n_dialogs)
        if self._id is None or percent == self._percent or (time.monotonic() < self._next_s and not last):
            return
        found, self._percent = self._id, percent
        try_to(lambda: update_progress_artifact(found, percent))
        self._next_s = time.monotonic() + PROGRESS_S


def hears(tally: Tally) -> Report:
    """What takes each step forward: it counts in `tally`, and its notice goes to the run's log. From any thread."""
    log = get_run_logger()

    def hear(step: Progress) -> None:
        tally.progress(step)
        if step.notice:
            log.warning("%s", step.notice)

    return hear


def show_tables(run: Run, tally: Tally) -> None:
    """The tables of stages and of rejects, of a build that ended well or not."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for part, spent_s in tally.seconds.items():  # "speak", and "speak espeak" of its engine
        seconds[part.split()[0]] += spent_s
    stages = [
        {
            "stage": str(stage), "dialogues": tally.done[stage], "rejected": tally.rejected[stage],
            "audio h": round(tally.audio_s[stage] / 3600, 3), "CPU s": round(seconds[str(stage)], 1),
        }
        for stage in Stage
    ]  # fmt: skip
    try_to(lambda: create_table_artifact(stages, key(run, "stages"), "What each stage did in this run."))
    try_to(lambda: create_table_artifact(_reject_rows(tally), key(run, "rejects"), "Why dialogues were rejected."))


def _reject_rows(tally: Tally) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str]] = Counter()
    examples: defaultdict[tuple[str, str], Reject] = defaultdict()
    for reject in (r for outcome in tally.outcomes for r in outcome.rejects):
        counts[why := (str(reject.stage), reject.reason)] += 1
        examples.setdefault(why, reject)
    return [
        {"stage": stage, "reason": reason, "dialogues": n, "example": examples[stage, reason].detail}
        for (stage, reason), n in counts.most_common(MAX_REASONS)
    ] or [{"stage": "all", "reason": "none", "dialogues": 0, "example": ""}]


def show_published(run: Run, result: BuildSummary, told: str, new: bool) -> None:
    """The summary and the report's link; of a new version, the event too."""
    link = f"{run.url}/{REPORT_FILE}" if run.url else (run.out.absolute() / REPORT_FILE).as_uri()
    try_to(lambda: create_link_artifact(link, "the report", key(run, "report"), "The page that shows this version."))
    fenced = told.replace("`" * 3, "'" * 3)  # a name could end the block, and what follows it would be HTML
    try_to(lambda: create_markdown_artifact(f"```\n{fenced}```", key(run, "build"), "What was built, and where it is."))
    if new:
        try_to(lambda: _emit(run, result))


def _emit(run: Run, result: BuildSummary) -> None:
    out = run.url or str(run.out.absolute())
    emit_event(
        PUBLISHED,
        resource={
            "prefect.resource.id": f"datagen.corpus.{result.name}", "prefect.resource.name": result.name,
            "datagen.version": result.id, "datagen.out": out,
        },
        payload={
            "out": out, "version": result.id, "hours": result.hours, "kept": result.counts.total.kept,
            "rejected": result.counts.total.rejected,
        },
    )  # fmt: skip
