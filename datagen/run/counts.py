"""The counts of a finished build: planned, kept, rejected and hours, by split, domain and kind."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import polars as pl

from datagen.records.build import Count, Counts
from datagen.records.maker import Reject
from datagen.run.request import Run

PACKAGES = ("numpy", "pyarrow", "polars", "soundfile", "praat-parselmouth", "espeakng-loader", "jinja2", "rensa")
"""The packages whose versions can change a byte of a build."""


def packages() -> dict[str, str]:
    """The installed versions of PACKAGES."""
    return {name: metadata.version(name) for name in PACKAGES}


def voice_use(dialogs: Path) -> dict[str, int]:
    """In how many dialogues each voice speaks, by id."""
    used: Counter[str] = Counter()
    for row in pl.read_parquet(dialogs, columns=["agent_voice", "user_voice"]).iter_rows():
        used.update(row)
    return dict(used)


def counts(run: Run, rejects: Sequence[Reject]) -> Counts:
    """The counts over the planned dialogues, the published dialogs.parquet, and the rejects."""
    planner = run.build.planner
    kinds = {name: str(d.kind) for name, d in run.build.domains.items()}
    planned: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for index in range(run.n_dialogs):
        domain = planner.domain(index)
        planned["split"][str(planner.split(index))] += 1
        planned["domain"][domain] += 1
        planned["kind"][kinds[domain]] += 1
    kept = pl.read_parquet(run.out / "manifests" / "dialogs.parquet", columns=["split", "domain", "kind", "duration_s"])
    total = Count(run.n_dialogs, kept.height, len(rejects), _hours(float(kept["duration_s"].sum())))
    by_reason = Counter(f"{r.stage}/{r.reason}" for r in rejects)
    tables = {key: _by(key, planned[key], kept) for key in ("split", "domain", "kind")}
    return Counts(total, tables["split"], tables["domain"], tables["kind"], dict(sorted(by_reason.items())))


def _by(key: str, planned: Counter[str], kept: pl.DataFrame) -> dict[str, Count]:
    grouped = kept.group_by(key).agg(pl.len().alias("n"), pl.col("duration_s").sum().alias("s"))
    found = {row[key]: (row["n"], row["s"]) for row in grouped.iter_rows(named=True)}
    result = {}
    for name, n in sorted(planned.items()):
        n_kept, seconds = found.get(name, (0, 0.0))
        result[name] = Count(n, n_kept, n - n_kept, _hours(seconds))
    return result


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 6)
