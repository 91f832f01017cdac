"""`datagen build`: the recipe composed, the runner chosen, and a summary that says where things are."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from datagen import recipes
from datagen.cli import printable
from datagen.cli.display import Display
from datagen.config import Recipe
from datagen.errors import UserError
from datagen.load.builds import open_build
from datagen.records.build import BuildSummary
from datagen.report import timing
from datagen.report.page import REPORT_FILE, write_report
from datagen.run import estimate, prefect_child, preflight
from datagen.run.growth import grown
from datagen.run.local import already_published, run_build
from datagen.run.pool import default_workers
from datagen.run.request import Run, prepare

RUNNERS = ("auto", "local", "prefect", "ray")


@dataclass(frozen=True, slots=True)
class Flags:
    """The command's flags as they came."""

    recipe: str
    profile: str
    domains: str
    dialogs: int | None
    hours: float | None
    seed: int | None
    sets: tuple[str, ...]
    out: str
    workers: int | None
    runner: str
    quiet: bool
    json: bool
    add_dialogs: int | None = None
    add_hours: float | None = None

    def compose(self) -> Recipe:
        names = self.domains.split(",") if self.domains else []
        if self.workers is not None and self.workers < 1:
            raise UserError(f"--workers {self.workers}: has to be at least 1.")
        if self.runner not in RUNNERS:
            raise UserError(f"--runner {self.runner}: there is no such runner. There are: {', '.join(RUNNERS)}.")
        sets = (*self.sets, "run.spread=ray") if self.runner == "ray" else self.sets
        recipe = recipes.compose(self.recipe, self.profile, names, self.dialogs, self.hours, self.seed, sets)
        if self.workers is not None and recipe.run.spread == "ray" and recipe.run.ray.address != "local":
            raise UserError(
                f"--workers {self.workers}: counts processes of this machine, and the build goes to a Ray cluster. There it is "
                "run.ray.write.actors, run.ray.speech.actors and run.ray.render.actors."
            )
        return recipe

    def prepare(self) -> Run:
        recipe = self.compose()
        return self.grow(prepare(recipe, self.folder(recipe)))

    def grow(self, run: Run) -> Run:
        """The run, or the one that adds to what is there, where that is asked for."""
        if self.add_dialogs is None and self.add_hours is None:
            return run
        if self.dialogs is not None or self.hours is not None or None not in (self.add_dialogs, self.add_hours):
            raise UserError("--add-dialogs, --add-hours, --dialogs and --hours exclude each other: give one.")
        return grown(run, self.add_hours, self.add_dialogs)

    def folder(self, recipe: Recipe) -> str:
        return self.out or str(Path("data") / recipe.name)


def build(flags: Flags) -> None:
    """Carries the build out and prints its summary."""
    run = flags.prepare()
    workers = flags.workers or default_workers()
    before = already_published(run)
    # A build that lacks its report was killed before that: its runner clears up, and finds nothing else to do.
    if before is not None and REPORT_FILE in run.place.names():
        result = before
    elif flags.runner == "prefect" or (flags.runner in ("auto", "ray") and prefect_child.configured()):
        prefect_child.run_flow(run, workers, flags.quiet)  # which writes the report too
        result = open_build(run.where).summary
    else:
        with Display(run.n_dialogs, flags.quiet or flags.json) as display:
            result = run_build(run, workers, display)
        write_report(run.where)
    if flags.json:
        sys.stdout.write(json.dumps({**summary(run, result), "new": before is None}, indent=1) + "\n")
    elif not flags.quiet:
        sys.stdout.write(told(run, result, before is None))


def summary(run: Run, result: BuildSummary) -> dict[str, object]:
    """The build as JSON types: id, place, counts, hours, engines, and the timing's key figures."""
    total = result.counts.total
    return {
        "id": result.id, "out": run.where, "planned": total.planned, "kept": total.kept, "rejected": total.rejected,
        "rejects": dict(result.counts.rejects), "hours": result.hours, "attempts": result.attempts,
        "gates": {reason: g.failed for reason, g in result.gates.items()},
        "by_split": {k: v.kept for k, v in result.counts.by_split.items()},
        "by_domain": {k: v.kept for k, v in result.counts.by_domain.items()},
        "engines": {k: m.engine for k, m in result.engines.items()}, "timing": dict(result.timing),
        "timing_target": dict(result.timing_target),
    }  # fmt: skip


def told(run: Run, result: BuildSummary, new: bool) -> str:
    """The summary for a person: what was made, where it is, what to run next."""
    total, out = result.counts.total, run.where
    splits = ", ".join(f"{k} {v.kept}" for k, v in result.counts.by_split.items())
    reasons = ", ".join(f"{n} {reason}" for reason, n in result.counts.rejects.items())
    size_mb = sum(f.bytes for f in result.files.values()) / 1e6
    made = "Built" if new else "Nothing to do, this is already built:"
    lines = [
        f"{made} {out} ({total.kept} dialogues, {result.hours:.2f} h, {size_mb:.0f} MB)",
        f"  dialogues   {splits}; {total.rejected} of {total.planned} rejected{': ' + reasons if reasons else ''}",
        *([f"  timing      {timing.line(result)}"] if timing.line(result) else []),
        f"  tokens      {out}/tokens/SPLIT-NNNNN.parquet, made by {result.engines['codec'].engine}",
        f"  manifests   {out}/manifests/{{dialogs,turns,voices,rejects}}.parquet",
        *([f"  audio       {out}/audio/*.flac"] if run.keep_audio else []),
        f"  report      {out}/report/index.html",
    ]
    if result.engines["codec"].note:
        lines.append(f"  note        {result.engines['codec'].note}")
    first = next((s.first_dialog_id for s in result.shards if s.first_dialog_id), "DIALOG")
    lines += ["Next:", f"  datagen show {out} {first}", f"  datagen check {out}", f"  open {out}/report/index.html"]
    return "\n".join(lines) + "\n"


def dry_run(flags: Flags) -> int:
    """Prints the plan (counts, engines, estimated time and size), or every line that stands against it and its exit code."""
    recipe = flags.compose()
    run, problems = preflight.problems(recipe, flags.folder(recipe))
    run = flags.grow(run) if run is not None and not problems else run
    if run is None or problems:
        for problem in problems:
            sys.stderr.write(f"datagen: {printable(str(problem))}\n")
        return min(problem.exit_code for problem in problems)
    found = estimate.estimate(run, flags.workers or default_workers())
    sys.stdout.write(json.dumps(found.to_dict(), indent=1) + "\n" if flags.json else found.told())
    return 0
