"""The sums behind `datagen plan-cost`: what each part of a build takes, which workers do it, and how long that is.

A group of stages goes over a shard in one worker, as every runner does it; a worker whose group has an engine on a GPU holds one
for as long, also while its own work is a core's. Servers that write are filled from one process for all shards.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datagen.build import kinds_of
from datagen.config import Recipe
from datagen.run.cost_rates import AUDIO, LEDGER, OWN, PUBLISH, Rates
from datagen.run.job import GROUPS

ENGINES_OF = {
    "write": ("writer", "judge"),
    "speech": ("speaker", "aligner", "asr", "embedder", "mos"),
    "render": ("codec",),
}
WORK_OF = {"write": ("plan", "write"), "speech": ("speak", "align"), "render": ("stitch", "scene", "pack")}
SERVERS = ("vllm", "openai")
"""Engines that are servers: on a GPU, whoever's it is."""
WORKER, ASKING = "worker", "asking"
"""A worker on a core that does all groups without a GPU; the one process that asks the servers."""


@dataclass(frozen=True, slots=True)
class Part:
    """One row: what does it, on what, and how many hours of that it takes. `hours` is None where there is no rate."""

    group: str
    part: str
    engine: str
    device: str
    x_real_time: float | None
    hours: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers of one kind: what they hold, which groups they do, and how long a whole shard takes in one of them.

    `at_once` crews are as many as there is room for; the one that asks servers is one (`most`).
    """

    name: str
    device: str
    groups: tuple[str, ...]
    shard_s: float
    start_s: float = 0.0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """A build as its costs see it: hours of dialogue, dialogues, shards in the order in which they are handed out (dialogues each)."""

    recipe: Recipe
    hours: float
    dialogs: int
    shards: tuple[int, ...]
    keep_audio: bool = False

    @property
    def shard_s(self) -> float:
        """Seconds of dialogue in the largest shard, which is what nearly all of them are."""
        return self.hours * 3600 / self.dialogs * max(self.shards)


def parts_of(load: Load, rates: Rates) -> list[Part]:
    """A row for every engine of the build and every part of its own work, in the order of the stages; of audio where it is kept."""
    recipe, kinds = load.recipe, kinds_of(load.recipe)
    rows = []
    for group in GROUPS:
        rows += [(group, kind, getattr(recipe, kind).engine) for kind in ENGINES_OF[group] if kind in kinds]
        rows += [(group, part, OWN) for part in WORK_OF[group]]
    rows += [("render", AUDIO, OWN)] * load.keep_audio
    rows += [("render", LEDGER, OWN), (PUBLISH, PUBLISH, OWN)]
    return [_part(load, rates, *row) for row in rows]


def _part(load: Load, rates: Rates, group: str, part: str, engine: str) -> Part:
    rate = rates.get(part, engine)
    if rate is None:
        return Part(group, part, engine, "", None, None, "")
    return Part(group, part, engine, rate.device, rate.x_real_time, load.hours / rate.x_real_time, rate.source)


def crews_of(load: Load, parts: Sequence[Part], rates: Rates) -> list[Crew]:
    """The crews that carry the build out: one of cores for all groups without a GPU, one of GPUs for each other group."""
    share = load.shard_s / (load.hours * 3600)
    found, on_cores = [], []
    for group in GROUPS:
        rows = [p for p in parts if p.group == group and p.hours]
        gpu = [p for p in rows if p.device == "gpu"]
        whole_s = _seconds(rows) * share
        if not gpu:
            on_cores.append((group, whole_s, _start_s(rows, rates)))
        elif group == GROUPS[0] and asks(load.recipe):
            own_s = _seconds([p for p in rows if p.device != "gpu"]) * share
            found.append(Crew(group, "gpu", (group,), whole_s - own_s, _start_s(gpu, rates)))
            found.append(Crew(ASKING, "cpu", (group,), own_s, most=1))
        else:
            found.append(Crew(group, "gpu", (group,), whole_s, _start_s(rows, rates)))
    if on_cores:
        groups = tuple(g for g, _, _ in on_cores)
        found.append(Crew(WORKER, "cpu", groups, sum(s for _, s, _ in on_cores), sum(s for *_, s in on_cores)))
    return found


def _seconds(rows: Sequence[Part]) -> float:
    return sum((p.hours or 0.0) * 3600 for p in rows)


def _start_s(rows: Sequence[Part], rates: Rates) -> float:
    found = (rates.get(p.part, p.engine) for p in rows)
    return sum(rate.start_s for rate in found if rate is not None)


def asks(recipe: Recipe) -> bool:
    """Whether one process writes, by asking servers for all shards."""
    return recipe.writer.engine in SERVERS or recipe.judge.engine in SERVERS


def workers_of(crews: Sequence[Crew], gpus: int, cores: int) -> dict[str, float]:
    """How many workers each crew has: the GPUs go where they shorten the build most, in fractions where there are fewer GPUs than
    crews. Each GPU's worker takes a core, and so does the process that asks; the cores that are left work."""
    on_gpu = [c for c in crews if c.device == "gpu"]
    found: dict[str, float] = {c.name: 1 for c in on_gpu}
    if gpus < len(on_gpu):
        found = _fractions(on_gpu, gpus)
    else:
        for _ in range(gpus - len(on_gpu) if on_gpu else 0):
            slowest = max(on_gpu, key=lambda c: c.shard_s / found[c.name])
            found[slowest.name] += 1
    taken = sum(math.ceil(n) for n in found.values()) + sum(c.most or 0 for c in crews)
    return found | {c.name: c.most or max(cores - taken, 1) for c in crews if c.device == "cpu"}


def _fractions(crews: Sequence[Crew], gpus: int) -> dict[str, float]:
    """A GPU for each crew that would need one and more, and the others' shares of the GPUs that are left."""
    found: dict[str, float] = {}
    left = sorted(crews, key=lambda c: -c.shard_s)
    while gpus * left[0].shard_s >= sum(c.shard_s for c in left):
        found[left.pop(0).name] = 1
        gpus -= 1
    whole_s = sum(c.shard_s for c in left)
    return found | {c.name: gpus * c.shard_s / whole_s for c in left}


def wall_s(load: Load, crews: Sequence[Crew], workers: Mapping[str, float], publish_s: float) -> tuple[float, str]:
    """How long a build takes, and the crew that everybody else waits for.

    Pipelined: the slowest crew's shards over its workers, the time until these have one each and from the last one's end to the
    build's, and publishing. It holds where each worker has several shards; of few, rounds are counted.
    """
    route = in_order(crews)
    whole = sum(load.shards) / max(load.shards)
    slowest = max(route, key=lambda c: c.shard_s / workers[c.name])
    n, at = workers[slowest.name], route.index(slowest)
    # A last round is half empty; where there are few rounds, it is counted whole.
    rounds = whole / n + 0.5 * (n > 1) if whole > 3 * n else float(math.ceil(whole / n))
    beside_s = sum(c.shard_s / min(workers[c.name], 1) for c in route if c is not slowest)
    fed_s = max((c.shard_s / workers[c.name] for c in route[:at]), default=0.0) * min(n, whole) / 2
    return slowest.start_s + slowest.shard_s * rounds + beside_s + fed_s + publish_s, slowest.name


def in_order(crews: Sequence[Crew]) -> list[Crew]:
    """The crews as a shard comes to them; a writer's servers are asked first."""
    return sorted(crews, key=lambda c: (GROUPS.index(c.groups[0]), c.name != ASKING))
