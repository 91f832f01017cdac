"""What a format is. The runner (datagen/export/runner.py) loops, resumes and counts; a format writes one part at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from datagen.config import Options
from datagen.load.builds import OpenBuild
from datagen.load.dialog import Dialog
from datagen.records.speech import Audio

Row = Mapping[str, Any]


class Sound(Protocol):
    """A dialogue's audio: the build's FLAC, or decoded tokens where `--from-tokens` asks for them."""

    def channels(self, dialog: Dialog, row: Row) -> Audio:
        """float32 [2, n_samples] at 24 kHz, the agent first; n_samples is the dialogs manifest's duration_s."""
        ...

    def voice_prompt(self, dialog: Dialog, row: Row, user: bool = False) -> Audio:
        """float32 [n_samples] at 24 kHz: the agent's voice prompt, or the user's."""
        ...


@dataclass(frozen=True)
class ExportDialog:
    """Everything that a build knows of one dialogue: its token row, its row in dialogs and its rows in turns, by turn.

    `turns` is read when it is first looked at; so is the audio, each time it is asked for.
    """

    dialog: Dialog
    row: Row
    turns: Sequence[Row] = field(repr=False)
    sound: Sound = field(repr=False)

    def channels(self) -> Audio:
        return self.sound.channels(self.dialog, self.row)

    def voice_prompt(self, user: bool = False) -> Audio:
        return self.sound.voice_prompt(self.dialog, self.row, user)


@dataclass(frozen=True, slots=True)
class Part:
    """What is exported and resumed as one: the dialogues of some shards of one split. `number` counts from 0 in its split.

    `name` is a file name's stem, and names one part of the whole export. What a part holds does not depend on `n_parts`, which a
    growing build changes, unless its name does.
    """

    name: str
    split: str
    number: int
    n_parts: int
    shards: tuple[str, ...]
    n_dialogs: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a part has come to: its files (relative to the export's folder), dialogues, and the format's own counts by name.

    Files take their places in this order, so one that makes others count (a list of them) comes last. Counts of parts
    add up; of those named `max_…` the largest stands. `lines` are for `finish`: what an index over all parts says of this one.
    """

    files: tuple[str, ...]
    n_dialogs: int
    counts: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


class Format(ABC):
    """One export format: a file under datagen/export/ and a line in its registry, made as `cls(options)`.

    `version` goes up when the same dialogue gives other bytes. `audio` says that it needs audio (of the class, or of an
    instance by its options); `cannot_hold` is what of a build it has no place for, a line each; `use` says in a line how its
    consumer is pointed at the folder. `default_splits` are exported where none are asked for; () is all.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    audio: bool
    default_splits: ClassVar[tuple[str, ...]] = ()
    cannot_hold: ClassVar[tuple[str, ...]]
    use: ClassVar[str]
    Options: ClassVar[type[Options]] = Options

    def __init__(self, options: Any) -> None:
        self.options = options

    def identity(self) -> Mapping[str, Any]:
        """The options that change what is written, as JSON types and without paths: an export goes on under the same alone."""
        values: dict[str, Any] = self.options.output_options()
        return values

    def check(self, build: OpenBuild) -> None:  # noqa: B027 - most hold any build
        """Refuses a build that the format cannot hold at all, before anything is written. A UserError in one line."""

    def parts(self, build: OpenBuild, split: str) -> list[Part]:
        """How a split is cut: a part a shard, named as the shard is."""
        return one_a_shard(build, split)

    @abstractmethod
    def write(self, part: Part, dialogs: Iterator[ExportDialog], out: Path) -> Written:
        """Writes the files of one part below `out` (an empty folder of its own), each by its final relative name."""

    def finish(self, build: OpenBuild, done: Sequence[tuple[Part, Written]], out: Path) -> Iterator[str]:
        """Writes what is over all parts (an index) into the export's folder `out`, whole files alone (store.files.atomic).

        `done` are all parts there, by split and number; a part's record is read when it is looked at. Yields the files' names.
        """
        return iter(())


def one_a_shard(build: OpenBuild, split: str) -> list[Part]:
    """A part a shard, named as the shard is."""
    shards = build.shards(split)
    return [Part(s.name, split, i, len(shards), (s.name,), s.n_dialogs) for i, s in enumerate(shards)]
