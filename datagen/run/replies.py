"""Raw replies of servers, kept where `writer.keep_replies` asks for it: in the work folder as they come, published beside the build."""

import gzip
import re
from collections.abc import Sequence
from pathlib import Path

from datagen.build import Build
from datagen.records.codec import to_json
from datagen.records.reply import ReplyRecord
from datagen.run.job import Job
from datagen.stages.plan.shards import Shard
from datagen.store.files import append_line, atomic

GROUP = "replies"
FOLDER = "replies"
OTHER = "descriptions"
"""The file of replies that belong to no dialogue."""


def wanted(build: Build) -> bool:
    """Whether the recipe asks to keep raw replies."""
    return bool(getattr(build.engine_options["writer"], "keep_replies", False))


def path_of(work: Path, build: Build, shard: Shard | None) -> Path:
    """Where a shard's replies are kept while it is written; of None those that belong to no dialogue."""
    name, key = (OTHER, build.write_key(())) if shard is None else (shard.name, build.write_key(shard.indices))
    return work / GROUP / f"{name}-{key[:16]}.jsonl"


class Replies:
    """Appends each reply to the file of its dialogue's shard."""

    def __init__(self, build: Build, work: Path, jobs: Sequence[Job]) -> None:
        self._paths: dict[int, Path] = {}
        for job in jobs:
            self._paths |= dict.fromkeys(job.shard.indices, path_of(work, build, job.shard))
        self._other = path_of(work, build, None)

    def __call__(self, reply: ReplyRecord) -> None:
        number = re.search(r"-(\d{6,})$", reply.dialog_id)
        append_line(self._paths.get(int(number[1]), self._other) if number else self._other, to_json(reply))


def sources(work: Path, build: Build, shards: Sequence[Shard]) -> dict[Path, str]:
    """The work files of replies that there are and the recipe asks to keep, each with its name as published."""
    if not wanted(build):
        return {}
    named = {path_of(work, build, s): f"{OTHER if s is None else s.name}.jsonl.gz" for s in (*shards, None)}
    return {path: name for path, name in named.items() if path.is_file()}


def publish(staged: Path, work: Path, build: Build, shards: Sequence[Shard]) -> dict[str, Path]:
    """Writes replies/SHARD.jsonl.gz of each below `staged`; their paths by published name."""
    published = {}
    for source, name in sources(work, build, shards).items():
        target = staged / FOLDER / name
        with atomic(target) as beside:
            # No name and no time in the head: the same replies, the same bytes.
            beside.write_bytes(gzip.compress(source.read_bytes(), 6, mtime=0))
        published[f"{FOLDER}/{name}"] = target
    return published
