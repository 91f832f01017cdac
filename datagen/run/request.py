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
from datagen.records.versions import FOLDER, HISTORY_FILE
from datagen.run.bucket import JOURNAL, Bucket
from datagen.run.deliver import summary_in
from datagen.run.job import Job, engines_of
from datagen.run.places import WORK_OF_URLS, folder_of, own_folder, url_of
from datagen.stages.pack.options import PackOptions
from datagen.stages.plan.shards import Shard, shards
from datagen.store.files import disk
from datagen.store.links import refuse_links
from datagen.store.place import LocalPlace, Place

WORK = ".work"
AUTO_HOURS = 10.0
"""Below this many planned hours, `run.keep_work = auto` keeps the work files: about 180 MB an hour."""


@dataclass(frozen=True)
class Run:
    """One build into one folder."""

    build: Build
    out: Path
    """The output folder; of a build into a URL the local one that holds its work."""
    url: str = ""

    @property
    def where(self) -> str:
        """What messages and readers call the output: its folder or its URL."""
        return self.url or str(self.out)

    @cached_property
    def work(self) -> Path:
        wish = self.build.recipe.run.work_dir
        return own_folder(Path(wish), str(self.out.absolute())) if wish and not self.url else self.out / WORK

    @cached_property
    def n_dialogs(self) -> int:
        return self.build.n_dialogs()

    @cached_property
    def hours(self) -> float:
        """The hours that the plan expects."""
        return self.n_dialogs * self.build.planner.mean_s() / 3600

    @property
    def place(self) -> Place:
        """Where it is published."""
        return Bucket(self.url, self.work / JOURNAL) if self.url else LocalPlace(self.out)

    @cached_property
    def published(self) -> BuildSummary | None:
        """The newest version that is there."""
        return summary_in(self.place)

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
        return [Job(recipe, str(self.work), shard, self.keep_audio, self.keep_work, engines) for shard in ordered]


def read_summary(path: Path) -> BuildSummary | None:
    """What a build.json holds; None where there is none, or what is there is not one."""
    try:
        return from_json(BuildSummary, path.read_bytes())
    except (OSError, ValueError):
        return None


def prepare(recipe: Recipe, out: str | Path) -> Run:
    """A run of `recipe` into the folder or URL `out`; UserError on anything wrong with either, before a file is made.

    EngineError where a URL does not answer, or a package lacks that can write to it.
    """
    url = url_of(out)
    folder = own_folder(Path(recipe.run.work_dir or WORK_OF_URLS), url) if url else folder_of(out)
    refuse_links(folder, folder / FOLDER)
    with disk(folder):
        if folder.exists() and not folder.is_dir():
            raise UserError(f"--out {folder}: is a file; a folder is needed.")
        if not url and _is_foreign(folder):
            raise UserError(
                f"--out {folder}: holds files and no build. Choose an empty folder, so that nothing of yours is lost."
            )
    if url and _is_foreign_prefix(Bucket(url)):
        raise UserError(
            f"--out {url}: holds files and no build. Choose a prefix of its own, so that nothing of yours is lost."
        )
    return Run(resolve(recipe), folder, url)


def _is_foreign(folder: Path) -> bool:
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    return not ((folder / WORK).is_dir() or read_summary(folder / BUILD_FILE))


def _is_foreign_prefix(bucket: Bucket) -> bool:
    claimed = bucket.read(BUILD_FILE) is not None or bucket.read(HISTORY_FILE) is not None
    return not claimed and bool(bucket.names())
