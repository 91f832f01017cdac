"""Several builds in one stream, each with its weight, no domain over its cap. numpy alone; `datagen.load.mixed` is for torch.

    mix = Mixture({"service": "out/service", "calls": "s3://bucket/calls"}, {"service": 3, "calls": 1}, caps=0.5, seed=0)
    loader = mix.loader(partial(personaplex.sequence, tokenizer=tokenizer), batch_size=8, num_workers=4, collate_fn=collate)

The stream has no end. Every domain of every build is a source, an endless stream of its own: an epoch of it is each dialogue
once, and the next epoch another order of them. Weights are shares of dialogues (not of hours), a build's divided over its
domains as its dialogues are; a cap is the largest share of the whole that a domain may have, as in a recipe's mix, and what a
capped domain may not take goes to the others in proportion. Whose turn it is, is no draw: after any number of dialogues every
source has its share to within one (datagen/load/schedule.py). So everything follows from the seed and a dialogue's number
in the stream, whatever the number of ranks and workers.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import islice
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DataError, UserError
from datagen.load import remote
from datagen.load.builds import OpenBuild, open_build
from datagen.load.curriculum import Curriculum, Stage
from datagen.load.dialog import CodecFrames, Dialog
from datagen.load.order import Order, Share
from datagen.load.places import Places, SwapRoles, find_places
from datagen.load.reading import GROUP_ROWS, ShardReader
from datagen.load.schedule import Course
from datagen.load.shelf import Shelf
from datagen.store.ids import seed_of
from datagen.store.shares import capped

if TYPE_CHECKING:
    from datagen.load.loader import DialogLoader
    from datagen.load.mixed import MixedDialogs

ENDLESS = 1 << 62
"""More dialogues than any stream gives."""
MOST_GROUPS = 32
"""Row groups that are kept decoded a build, some 2 MB each."""

Turn: TypeAlias = tuple[int, int, int]
"""Number of a dialogue in the stream, its source, and how many that has given before."""


@dataclass(frozen=True, slots=True)
class Part:
    """A build in a mix, where it is not all of it as it lies: `domains` and `swap_roles` as in `iter_dialogs`."""

    out: "str | os.PathLike[str] | OpenBuild"
    domains: Collection[str] | None = None
    swap_roles: SwapRoles = False
    needs_role: bool = True


@dataclass(frozen=True)
class Source:
    """One domain of one build: which of the build's places are its own, and in which order an epoch gives them."""

    part: str
    domain: str
    places: NDArray[np.int64] = field(repr=False)
    order: Order = field(repr=False)

    def place(self, number: int) -> int:
        """The place of the dialogue that this source gives as its `number`-th."""
        return int(self.places[self.order.index(*divmod(number, len(self.places)))])


@dataclass(frozen=True, slots=True)
class Drawn:
    """Dialogue `position` of a mix: of which part and domain, in which epoch of these, and its place among the part's."""

    position: int
    part: str
    domain: str
    epoch: int
    place: int


class Mixture:
    """The endless stream of several builds' dialogues by weights. It pickles, and holds no open file."""

    def __init__(
        self,
        parts: "Mapping[str, str | os.PathLike[str] | OpenBuild | Part]",
        weights: Mapping[str, float] | Curriculum,
        split: str = "train",
        *,
        caps: float | Mapping[str, float] = 1.0,
        seed: int = 0,
        verify: bool = True,
        options: Mapping[str, Any] | None = None,
        timeout_s: float = remote.TIMEOUT_S,
    ) -> None:
        """
        Args:
            parts: what is mixed, by names of the caller's own: folders, URLs, open builds or `Part`s.
            weights: of each part, in any unit, or a curriculum of them.
            split: train, valid or test.
            caps: the largest share of all dialogues that a domain may have; one for every domain, or by domain (the others 1).
            seed: decides the order of each source, and who is first where two are due at once.
            verify: holds each shard to its checksum when it is first read.
            options: for fsspec's file system (keys, endpoints).
            timeout_s: how long a URL may take for one answer.

        Raises:
            UserError: no build there, no dialogue in the split, weights of unknown parts, negative or all 0, a curriculum that
                does not go on to the end, caps that leave part of the mix to nobody.
            DataError: parts with tokens of different codecs, a damaged build.
            EngineError: a URL that does not answer.
        """
        if not parts:
            raise UserError("a mix of no builds. Name one at least.")
        self.split, self.seed = split, seed
        self.parts = {n: p if isinstance(p, Part) else Part(p) for n, p in parts.items()}
        self.builds = {n: open_build(p.out, options=options, timeout_s=timeout_s) for n, p in self.parts.items()}
        _check_codecs(self.builds)
        readers = {n: ShardReader(b, verify=verify) for n, b in self.builds.items()}
        self._shelves = {n: self._shelf(n, reader) for n, reader in readers.items()}
        self.sources = tuple(s for n in self.parts for s in self._sources(n))
        self.caps = _caps(caps, {s.domain for s in self.sources})
        self.curriculum = weights if isinstance(weights, Curriculum) else Curriculum([Stage(None, weights)])
        self.curriculum.check(tuple(self.parts))
        self.course: Course = self.curriculum.course(self._shares, seed)

    def shares(self, step: int = 0) -> dict[tuple[str, str], float]:
        """The share of all dialogues that each (part, domain) has at a step of the curriculum, caps applied; they add up to 1."""
        found = self.course.shares(step * self.curriculum.samples_a_step)
        return {(s.part, s.domain): share for s, share in zip(self.sources, found, strict=True)}

    def draws(self, start: int = 0) -> Iterator[Drawn]:
        """What the stream gives from dialogue `start` on, without reading any; it has no end."""
        return (self.drawn(turn) for turn in self.turns(start))

    def dialog(self, drawn: Drawn) -> Dialog:
        """The dialogue of a draw, its roles swapped where its part says so; DataError as `iter_dialogs`."""
        return self._shelves[drawn.part].dialog(drawn.place)

    def dialogs(self, *, start: int = 0, rank: int = 0, world_size: int = 1) -> Iterator[Dialog]:
        """What one rank takes of the stream, every `world_size`-th dialogue, from its `start`-th on; it has no end.

        Stopped after n of them, it goes on with `start` n. UserError where there is no such rank.
        """
        share = Share(ENDLESS, 1, rank, world_size, endless=True)
        own = islice(self.turns(share.place(start)[1]), 0, None, world_size)
        return (self.dialog(self.drawn(turn)) for turn in own)

    def turns(self, start: int = 0) -> Iterator[Turn]:
        """Whose turn it is from dialogue `start` on; it has no end."""
        return ((at, *turn) for at, turn in enumerate(self.course.turns(start), start))

    def drawn(self, turn: Turn) -> Drawn:
        """Which dialogue a turn gives."""
        position, source, number = turn
        found = self.sources[source]
        return Drawn(position, found.part, found.domain, number // len(found.places), found.place(number))

    def walk(self) -> "Walk":
        """Reads the stream's dialogues by their numbers, best in rising order."""
        return Walk(self)

    def iterable(
        self, transform: Callable[[Dialog], Any] | None = None, *, batch_size: int | None, rank: int | None = None,
        world_size: int | None = None,
    ) -> "MixedDialogs":  # fmt: skip
        """The stream as a torch IterableDataset, shared by ranks and workers; each dialogue as `transform` makes it.

        `batch_size` (that of the DataLoader), `rank` and `world_size` as `DialogDataset.iterable` has them. EngineError without
        torch.
        """
        from datagen.load.mixed import MixedDialogs, MixedSource

        return MixedDialogs(MixedSource(self, transform), batch_size=batch_size, rank=rank, world_size=world_size)

    def loader(
        self, transform: Callable[[Dialog], Any] | None = None, *, batch_size: int | None, rank: int | None = None,
        world_size: int | None = None, **options: Any,
    ) -> "DialogLoader":  # fmt: skip
        """A DataLoader over `iterable` with `state_dict` and `load_state_dict`, exact for any number of workers.

        `options` are the DataLoader's (num_workers, collate_fn, pin_memory …).
        """
        from datagen.load.loader import DialogLoader

        return DialogLoader(
            self.iterable(transform, batch_size=batch_size, rank=rank, world_size=world_size), **options
        )

    def identity(self) -> dict[str, Any]:
        """What the stream depends on, as JSON types: a state of it is of no use where any of it is another."""
        stages = [[s.until_step, s.ramp_steps, dict(s.weights)] for s in self.curriculum.stages]
        return {
            "builds": {n: b.summary.id for n, b in self.builds.items()},
            "dialogs": {n: len(s.places) for n, s in self._shelves.items()},
            "split": self.split,
            "seed": self.seed,
            "stages": stages,
            "samples_a_step": self.curriculum.samples_a_step,
            "caps": self.caps,
        }

    def _shelf(self, name: str, reader: ShardReader) -> Shelf:
        part = self.parts[name]
        places = find_places(
            reader.build, self.split, reader.labels, swap_roles=part.swap_roles, needs_role=part.needs_role, domains=part.domains
        )  # fmt: skip
        return Shelf(reader, places, MOST_GROUPS)

    def _sources(self, name: str) -> list[Source]:
        shelf = self._shelves[name]
        domains = np.asarray(shelf.reader.labels.domain.take(shelf.places.row).to_pylist(), np.str_)
        return [self._source(name, str(d), shelf.places, np.flatnonzero(domains == d)) for d in np.unique(domains)]

    def _source(self, name: str, domain: str, places: Places, own: NDArray[np.int64]) -> Source:
        # The row groups of the whole part, also those that have none of this domain: so its domains have one order of row
        # groups, and what is read for one of them is at hand for the others. One lane, since sources take turns anyhow.
        group = places.shard.astype(np.int64) << 32 | places.row_in_shard // GROUP_ROWS
        numbers = np.unique(group, return_inverse=True)[1]
        sizes = np.bincount(numbers[own], minlength=int(numbers.max()) + 1)
        return Source(name, domain, own, Order(tuple(sizes.tolist()), seed_of(self.seed, "mix", name), 1, lanes=1))

    def _shares(self, weights: Mapping[str, float], called: str) -> list[float]:
        """Each source's share for a stage's weights, caps applied."""
        total = sum(weights.values())
        natural = [
            weights.get(s.part, 0.0) / total * len(s.places) / len(self._shelves[s.part].places) for s in self.sources
        ]
        of_domain: dict[str, float] = {}
        for source, share in zip(self.sources, natural, strict=True):
            if share > 0:
                of_domain[source.domain] = of_domain.get(source.domain, 0.0) + share
        final = capped(of_domain, self.caps, f"mix, {called}")
        return [
            n * final[s.domain] / of_domain[s.domain] if n else 0.0 for s, n in zip(self.sources, natural, strict=True)
        ]


class Walk:
    """A mix's dialogues by number. Numbers that rise cost a step of the schedule each; one that falls starts it anew."""

    def __init__(self, mixture: Mixture) -> None:
        self._mixture = mixture
        self._turns: Iterator[Turn] = iter(())
        self._next = ENDLESS

    def dialog(self, position: int) -> Dialog:
        if position < self._next:
            self._turns, self._next = self._mixture.turns(position), position
        turn = next(islice(self._turns, position - self._next, None))
        self._next = position + 1
        return self._mixture.dialog(self._mixture.drawn(turn))


def _check_codecs(builds: Mapping[str, OpenBuild]) -> None:
    (first, one), *others = builds.items()
    for name, other in others:
        if other.codec != one.codec:
            a, b = ((c.engine, c.model, c.revision, f"{c.n_books} books") for c in (one.codec, other.codec))
            names = (f.name for f in fields(CodecFrames))
            what = next(n for n in names if getattr(one.codec, n) != getattr(other.codec, n))
            raise DataError(
                f"{first} has the tokens of {' '.join(a)}, and {name} those of {' '.join(b)}, another {what}: a model learns one "
                f"codec's. Build both with the same codec ({one.root}, {other.root})."
            )


def _caps(caps: float | Mapping[str, float], domains: set[str]) -> dict[str, float]:
    """The cap of each domain that has one."""
    found = dict(caps) if isinstance(caps, Mapping) else dict.fromkeys(sorted(domains), caps)
    for domain, cap in found.items():
        if domain not in domains:
            raise UserError(f"caps: no dialogue of {domain!r} in the mix. There are: {', '.join(sorted(domains))}.")
        if not isinstance(cap, Real) or not 0 < cap <= 1:
            raise UserError(f"caps: the cap of {domain} is {cap!r}, and a cap is a share above 0, at most 1.")
    return found
