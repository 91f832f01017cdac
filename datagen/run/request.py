"""What a run is asked for, resolved: the build, where it goes, its shards and its jobs."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from datagen.build import Build, resolve
from datagen.config import Recipe
from datagen.errors import UserError
from datagen.records.build import BUILD_FILE, BuildSummary
from datagen.records.codec import from_json
from datagen.records.enums import Split
from datagen.run.job import Job, engines_of
from datagen.stages.pack.options import PackOptions
from datagen.stages.plan.shards import Shard, shards
from datagen.store.files import disk

WORK = ".work"
PREVIOUS = "previous.json"
AUTO_HOURS = 10.0
"""Below this many planned hours, `run.keep_work = auto` keeps the work files: about 180 MB an hour."""


@dataclass(frozen=True)
class Run:
    """One build into one folder."""

    build: Build
    out: Path

    @property
    def work(self) -> Path:
        return self.out / WORK

    @cached_property
    def n_dialogs(self) -> int:
        return self.build.n_dialogs()

    @cached_property
    def hours(self) -> float:
        """The hours that the plan expects."""
        return self.n_dialogs * self.build.planner.mean_s() / 3600

    @cached_property
    def published(self) -> BuildSummary | None:
        """The build.json that is there, or the one that a run cut off while publishing had taken away."""
        return read_summary(self.out / BUILD_FILE) or read_summary(self.work / PREVIOUS)

    @cached_property
    def grows(self) -> bool:
        """Whether the folder holds a smaller or equal build of the same plan, whose shards stay as they are."""
        before = self.published
        if before is None or before.plan_digest != self.build.plan_digest:
            return False
        sizes, planned = [s.n_planned for s in before.shards], before.counts.total.planned
        return min(sizes, default=0) > 0 and sum(sizes) == planned <= self.n_dialogs

    @cached_property
    def keep_audio(self) -> bool:
        """Whether stereo audio is kept; what `auto` decided at the first plan stays decided."""
        options: PackOptions = self.build.options(PackOptions)
        decided = self.published.decided.get("pack.audio") if self.published and self.grows else None
        return options.keeps_audio(self.hours) if options.audio != "auto" or decided is None else bool(decided)

    @cached_property
    def keep_work(self) -> bool:
        wish = self.build.recipe.run.keep_work
        return self.hours < AUTO_HOURS if wish == "auto" else bool(wish)

    @cached_property
    def shards(self) -> list[Shard]:
        """The build's shards; those that were published keep their members, and new dialogues go to new ones."""
        sealed: dict[Split, list[int]] = {}
        if self.published and self.grows:
            for entry in self.published.shards:
                sealed.setdefault(entry.split, []).append(entry.n_planned)
        return list(shards(self.n_dialogs, self.build.planner.split, self.build.recipe.run.shard_dialogs, sealed))

    @cached_property
    def jobs(self) -> list[Job]:
        """A job a shard, the largest first, so that no worker idles at the end."""
        recipe, engines = self.build.recipe.model_dump_json(), engines_of(self.build)
        ordered = sorted(self.shards, key=lambda s: (-len(s.indices), s.name))
        return [Job(recipe, str(self.work), shard, self.keep_audio, engines) for shard in ordered]


def read_summary(path: Path) -> BuildSummary | None:
    """What a build.json holds; None where there is none, or what is there is not one."""
    try:
        return from_json(BuildSummary, path.read_bytes())
    except (OSError, ValueError):
        return None


def prepare(recipe: Recipe, out: Path) -> Run:
    """A run of `recipe` into `out`; UserError on anything wrong with either, before a file is made."""
    if "://" in str(out) or str(out).startswith("s3:/"):
        raise UserError(
            f"--out {out}: object storage is not supported in this version. Build into a local folder and copy it."
        )
    with disk(out):
        if out.exists() and not out.is_dir():
            raise UserError(f"--out {out}: is a file; a folder is needed.")
        ours = (out / WORK).is_dir() or read_summary(out / BUILD_FILE)
        if out.is_dir() and any(out.iterdir()) and not ours:
            raise UserError(
                f"--out {out}: holds files and no build. Choose an empty folder, so that nothing of yours is lost."
            )
    return Run(resolve(recipe), out)
