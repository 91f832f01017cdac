"""What a build will come to, before it is made: counts by domain and split, time and size."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from datagen.run.request import Run

EMBEDDED_XRT = 45.0
"""Times real time of the embedded engines on one core (README's table); other engines have no rate here."""
FLAC_BYTES_S = 34_000
TOKENS_BYTES_S = 2 * 8 * 12.5 * 11 / 8
MANIFEST_BYTES_S = 450
WORK_BYTES_S = 48_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan's numbers. `seconds` is None where an engine's rate is not known here."""

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
        kept = "" if self.keeps_work else ", most of it removed as shards are rendered"
        pairs = [
            ("dialogues", f"{self.dialogs} in {self.shards} shards, about {self.hours:.2f} h"),
            ("domains", _listed(self.by_domain)),
            ("splits", _listed(self.by_split)),
            ("engines", ", ".join(f"{k} {v}" for k, v in self.engines.items())),
            ("audio kept", "yes" if self.keeps_audio else "no"),
            ("time", f"about {time} with {self.workers} workers"),
            ("size", f"about {self.output_mb:.0f} MB, and {self.work_mb:.0f} MB of work{kept}"),
            ("into", self.out),
        ]  # fmt: skip
        return (
            "".join(f"{name:<12}{value}\n" for name, value in pairs)
            + "Nothing was made. Leave out --dry-run to build it.\n"
        )


def estimate(run: Run, workers: int) -> Estimate:
    """The numbers of a run: counts are drawn as the build draws them, time and size come from measured rates."""
    planner, seconds = run.build.planner, run.hours * 3600
    embedded = all(
        getattr(run.build.recipe, k).engine in ("agenda", "espeak", "native", "melrvq", "sphinx")
        for k in run.build.engine_options
    )
    output = seconds * (TOKENS_BYTES_S + MANIFEST_BYTES_S + (FLAC_BYTES_S if run.keep_audio else 0))
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
        seconds=round(seconds / EMBEDDED_XRT / workers + 5, 1) if embedded else None,
        output_mb=round(output / 1e6, 1),
        work_mb=round(seconds * WORK_BYTES_S / 1e6, 1),
        out=run.where,
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{k} {v}" for k, v in counts.items())


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
