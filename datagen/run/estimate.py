"""What a build will come to, before it is made: counts by domain and split, time and size."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from datagen.run.cost import Load, Part, parts_of
from datagen.run.cost_plan import disk_gb
from datagen.run.cost_rates import shipped
from datagen.run.request import Run

START_S = 5.0
"""Until the workers have loaded what they need, and for the report."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan's numbers, by the rates of `datagen plan-cost`. `seconds` is None where an engine has none for a core."""

    dialogs: int
    hours: float
    shards: int
    by_domain: dict[str, int]
    by_split: dict[str, int]
    engines: dict[str, str]
    keeps_audio: bool
    keeps_work: bool
    workers: int
    seconds: float | None
    output_mb: float
    work_mb: float
    out: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def told(self) -> str:
        """The plan for a person."""
        time = "not known for these engines" if self.seconds is None else _duration(self.seconds)
        pairs = [
            ("dialogues", f"{self.dialogs} in {self.shards} shards, about {self.hours:.2f} h"),
            ("domains", _listed(self.by_domain)),
            ("splits", _listed(self.by_split)),
            ("engines", ", ".join(f"{k} {v}" for k, v in self.engines.items())),
            ("audio kept", "yes" if self.keeps_audio else "no"),
            ("time", f"about {time} with {self.workers} workers"),
            ("size", f"about {self.output_mb:.0f} MB, and {self.work_mb:.0f} MB of work"),
            ("into", self.out),
        ]  # fmt: skip
        return (
            "".join(f"{name:<12}{value}\n" for name, value in pairs)
            + "Nothing was made. Leave out --dry-run to build it.\n"
        )


def estimate(run: Run, workers: int) -> Estimate:
    """The numbers of a run: counts are drawn as the build draws them, time and size come from measured rates."""
    planner, rates = run.build.planner, shipped()
    load = Load(run.build.recipe, run.hours, run.n_dialogs, tuple(len(s.indices) for s in run.shards), run.keep_audio)
    disk = disk_gb(load, rates)
    if not run.keep_work:  # speech goes as its shard is rendered: what is there at once is that of the shards under way
        disk["work"]["speech"] *= min(1.0, workers / len(run.shards))
    size_mb = {place: 1e3 * sum(gb.values()) for place, gb in disk.items()}
    return Estimate(
        dialogs=run.n_dialogs,
        hours=round(run.hours, 3),
        shards=len(run.shards),
        by_domain=dict(sorted(Counter(planner.domain(i) for i in range(run.n_dialogs)).items())),
        by_split=dict(Counter(str(planner.split(i)) for i in range(run.n_dialogs))),
        engines={k: getattr(run.build.recipe, k).engine for k in run.build.engine_options},
        keeps_audio=run.keep_audio,
        keeps_work=run.keep_work,
        workers=workers,
        seconds=_seconds(parts_of(load, rates), workers),
        output_mb=round(size_mb["output"], 1),
        work_mb=round(size_mb["work"], 1),
        out=run.where,
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{k} {v}" for k, v in counts.items())


def _seconds(parts: Sequence[Part], workers: int) -> float | None:
    hours = [part.hours if part.device == "cpu" else None for part in parts]
    known = [h for h in hours if h is not None]
    return round(3600 * sum(known) / workers + START_S, 1) if len(known) == len(hours) else None


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
