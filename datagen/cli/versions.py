"""`datagen log`: the versions of an output, what each holds, and what it changed."""

import json
import sys
from dataclasses import asdict, dataclass

from datagen.load.builds import OpenBuild, open_build, versions
from datagen.records.build import BuildSummary


@dataclass(frozen=True, slots=True)
class Line:
    """A version: its id, its counts and hours, the size of its files, and what it changed of the one before."""

    version: str
    newest: bool
    planned: int
    kept: int
    rejected: int
    hours: float
    n_bytes: int
    datagen_version: str
    change: str


def log(out: str, as_json: bool) -> None:
    """Prints the versions, the newest first."""
    newest = open_build(out)
    found = [_summary(newest, version) for version in versions(newest)]
    lines = [_line(old, found[i - 1] if i else None, i + 1 == len(found)) for i, old in enumerate(found)][::-1]
    if as_json:
        sys.stdout.write(json.dumps([asdict(line) for line in lines], indent=1) + "\n")
        return
    for line in lines:
        counts = f"{line.kept} dialogues, {line.hours:.2f} h, {line.rejected} rejected, {line.n_bytes / 1e6:.1f} MB"
        sys.stdout.write(f"{line.version}{' (newest)' * line.newest}  {counts}; {line.change}\n")
    if len(lines) > 1:
        first = lines[-1].version[:8]
        sys.stdout.write(f'Any of them: datagen check {out} --version {first}; DialogDataset(…, version="{first}")\n')


def _summary(newest: OpenBuild, version: str) -> BuildSummary:
    return open_build(newest, version=version).summary


def _line(build: BuildSummary, before: BuildSummary | None, newest: bool) -> Line:
    total = build.counts.total
    return Line(
        build.id, newest, total.planned, total.kept, total.rejected, build.hours,
        sum(f.bytes for f in build.files.values()), build.datagen_version, _change(build, before),
    )  # fmt: skip


def _change(build: BuildSummary, before: BuildSummary | None) -> str:
    if before is None:
        return "the first that is kept"
    planned = build.counts.total.planned - before.counts.total.planned
    if build.content_id == before.content_id and planned > 0:
        same = {s.name: s.key for s in before.shards}.items() <= {s.name: s.key for s in build.shards}.items()
        return f"{planned} dialogues more{'' if same else ', and others anew'}"
    if build.plan_digest != before.plan_digest:
        return "another plan"
    if build.engines != before.engines:
        kinds = sorted(k for k in {*build.engines, *before.engines} if build.engines.get(k) != before.engines.get(k))
        return f"the same plan with another {', '.join(kinds)}"
    return f"the same plan with other options{f', {-planned} dialogues fewer' * (planned < 0)}"
