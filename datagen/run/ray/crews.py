"""Which actors do which groups of stages, and on which node of a cluster each has room. No Ray in here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datagen.config import Placement, RayOptions
from datagen.errors import UserError
from datagen.run.job import GROUPS

CPU, GPU = "CPU", "GPU"
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """Actors that hold the same and do the same groups; `most` of them at the most. One that `writes` asks servers for all shards."""

    groups: tuple[str, ...]
    needs: Mapping[str, float]
    most: int
    writes: bool = False

    def told(self) -> str:
        """Who this is and what each of its actors holds, for a person."""
        held = ", ".join(f"{n:g} {_told(name, n)}" for name, n in self.needs.items() if n) or "nothing"
        return f"{' and '.join(self.groups)} ({held} an actor)"


@dataclass(slots=True)
class Node:
    """A node of the cluster: what it offers in all, and what of it is free."""

    id: str
    name: str
    total: Mapping[str, float]
    free: dict[str, float]
    actors: int = 0

    def has_room(self, needs: Mapping[str, float]) -> bool:
        return all(self.free.get(name, 0.0) >= n - _EPSILON for name, n in needs.items())

    def take(self, needs: Mapping[str, float]) -> None:
        for name, n in needs.items():
            self.free[name] = self.free.get(name, 0.0) - n
        self.actors += 1

    def unused(self, needs: Mapping[str, float]) -> int:
        """How many kinds of what is rare here (GPUs, named resources) an actor of these needs would stand in the way of."""
        return sum(1 for name, n in self.total.items() if n and name != CPU and _ours(name) and not needs.get(name))


@dataclass(slots=True)
class Cluster:
    """The nodes that are alive."""

    nodes: list[Node] = field(default_factory=list)

    def most_of(self, name: str) -> float:
        """The most of a resource that one node offers."""
        return max((node.total.get(name, 0.0) for node in self.nodes), default=0.0)


def crews_of(options: RayOptions, n_shards: int, waits: bool) -> list[Crew]:
    """A crew a placement, so groups that are placed alike share their actors, and no model waits for room that another holds.

    A writer that waits for servers (`waits`) drives them from one actor of its own, over all shards.
    """
    found: dict[Placement, list[str]] = {}
    for group in GROUPS[1:] if waits else GROUPS:
        found.setdefault(getattr(options, group), []).append(group)
    made = [Crew(tuple(g), _needs(p), min(p.actors or n_shards, n_shards)) for p, g in found.items()]
    if waits:
        made.insert(0, Crew(GROUPS[:1], _needs(options.write), 1, writes=True))
    return made


def _needs(placement: Placement) -> dict[str, float]:
    needs = {CPU: placement.cpus, GPU: placement.gpus}
    if placement.resource:
        needs[placement.resource] = 1.0
    return needs


def place(wanted: Sequence[Crew], have: Mapping[Crew, int], cluster: Cluster) -> list[tuple[Crew, Node]]:
    """The actors that there is still room for, one a crew in turn, those with the fewest first; takes their room from `cluster`.

    An actor goes where it stands least in the way of what only that node has, and then where the fewest are.
    """
    counts = {crew: have.get(crew, 0) for crew in wanted}
    placed: list[tuple[Crew, Node]] = []
    open_ = set(wanted)
    while open_:
        # Of equals the one that needs rare things first: it has the fewer places to go.
        crew = min(open_, key=lambda c: (counts[c], -len([n for n in c.needs.values() if n]), wanted.index(c)))
        rooms = [node for node in cluster.nodes if node.has_room(crew.needs)]
        if counts[crew] >= crew.most or not rooms:
            open_.discard(crew)
            continue
        node = min(rooms, key=lambda n: (n.unused(crew.needs), n.actors, n.id))
        node.take(crew.needs)
        counts[crew] += 1
        placed.append((crew, node))
    return placed


def check_room(wanted: Sequence[Crew], cluster: Cluster) -> None:
    """UserError with the numbers where the cluster, with nothing else on it, cannot hold an actor of each crew."""
    for crew in wanted:
        for name, n in crew.needs.items():
            if (most := cluster.most_of(name)) < n - _EPSILON:
                raise UserError(_too_little(crew, name, n, most, len(cluster.nodes)))
        if not any(node_of.has_room(crew.needs) for node_of in _empty(cluster).nodes):
            raise UserError(f"run.ray: no one node has all of what {crew.told()} needs. {_ADVICE}")
    got = {crew for crew, _ in place(wanted, {}, _empty(cluster))}
    for crew in wanted:
        if crew not in got:
            raise UserError(
                f"run.ray: the cluster has no room for all groups at once: none is left for {crew.told()}. {_ADVICE}"
            )


_ADVICE = "Add a node, or let each hold less (run.ray.*.cpus, .gpus: fractions are allowed)."


def _too_little(crew: Crew, name: str, n: float, most: float, n_nodes: int) -> str:
    where, key = f"{n_nodes} node{'s' * (n_nodes != 1)}", crew.groups[0]
    if name in (CPU, GPU):
        knob = f"run.ray.{key}.{name.lower()}s"
        return f"{knob}: an actor holds {n:g}, and no node has more than {most:g} (of {where}). {_ADVICE}"
    return (
        f"run.ray.{key}.resource: none of the cluster's {where} offers {name!r}. Start one with ray start "
        f"--resources='{{\"{name}\": 1}}', or --set run.ray.{key}.resource= for any node."
    )


def _empty(cluster: Cluster) -> Cluster:
    return Cluster([Node(n.id, n.name, n.total, dict(n.total)) for n in cluster.nodes])


def _ours(name: str) -> bool:
    """Whether a resource is one that somebody named, or a GPU; Ray's own are on every node."""
    return name not in ("memory", "object_store_memory") and not name.startswith(("node:", "accelerator_type:"))


def _told(name: str, n: float) -> str:
    return f"{name}{'s' * (n != 1)}" if name in (CPU, GPU) else name
